"""What a run leaves: the solution file, its figures and its report."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from pinn.basis.logs import logger
from pinn.basis.seals import seal
from pinn.report.drawing import FIGURES
from pinn.report.page import write_report
from pinn.solution.output import Output
from pinn.solution.solution import Solution
from pinn.solution_file.reading import read


def write(solution: Solution, folder: Path | None, output: Output) -> list[Path]:
    """The solution file first, then figures and report, which may fail without loss; the paths that were written."""
    if folder is None:
        return []
    saved = solution.save(folder / "solution.h5", output)
    seal(folder, saved.name)
    if not output.figures:
        return [saved]
    contents = read(saved)
    drawn = [attempt(name, partial(draw, contents, folder / "figures", ".png")) for name, draw in FIGURES.items()]
    report = attempt("report", partial(write_report, saved))
    return [path for path in (saved, *drawn, report) if path is not None]


def attempt(name: str, make: Callable[[], Path | None]) -> Path | None:
    """What is made, or a line in the log and None: no figure is worth a run's result."""
    try:
        return make()
    except Exception as error:
        logger.warning("%s was not made: %s: %s", name, type(error).__name__, error)
        return None
