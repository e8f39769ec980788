"""What a run leaves: the solution file and its figures."""

from pathlib import Path

from pinn.report.figures import draw_solution
from pinn.report.training import draw_training
from pinn.solution import Output, Solution


def write(solution: Solution, folder: Path | None, output: Output) -> list[Path]:
    """The solution file first, then figures, which may fail without loss; the paths that were written."""
    if folder is None:
        return []
    files = [solution.save(folder / "solution.h5", output)]
    if output.figures:
        figures = folder / "figures"
        figures.mkdir(exist_ok=True)
        for draw, name in ((draw_solution, "solution.png"), (draw_training, "training.png")):
            draw(files[0], figures / name)
            files.append(figures / name)
    return files
