"""The gallery problems/README.md, with its pictures, from a default run of each problem.

OMP_NUM_THREADS=1 python tests/benchmarks/gallery.py [--runs runs/gallery] [--problems ...]

Solves what has no finished run in the folder yet, each by `pinn problem=...`, with the processor's seconds for a clock,
which on one thread do not depend on what else the machine does; then writes the page's parts of the problems that have
one. To have a problem solved again, remove its folder. A script beside the benchmarks, because the page is this
repository's.
"""

import argparse
import dataclasses
import inspect
import io
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.resources import files
from itertools import product
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

import pinn.problems
from pinn.cli.help import groups
from pinn.report.figures import drawn, is_mapped
from pinn.report.maps import centered, draw_map, proportion
from pinn.report.panels import Panel, solution_panels
from pinn.solution_file.contents import Contents
from pinn.solution_file.reading import read

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "problems" / "README.md"
FIGURES = ROOT / "problems" / "figures"
LARGEST = 60_000  # bytes of a picture
DPI = (120, 110, 100, 90, 80, 70)  # the finest that its size allows
MOST = 6  # maps in a picture; of more, those of errors are left out
OVERVIEW = {"burgers": (0, "u"), "lid_driven_cavity": (0, "speed"), "moving_disc": (1, "u, t")}
"""Problem -> which of its maps with such a title; as `figures/overview.png`."""

COLORS = (256, 128)  # of its palette

SOLVE = "import time; time.perf_counter = time.process_time; from pinn.cli import main; raise SystemExit(main({words}))"

HEAD = """\
# Problems

Written by `OMP_NUM_THREADS=1 python tests/benchmarks/gallery.py` from a run of `pinn problem=...` each, seed 0, with
nothing else set. error: the relative L2 norm on the solution file's grid, the worst field's; seconds: the processor's,
on one core, training and the choice of features included. The pictures show fields and their errors. Statements are
the files' own.

[A notebook](tutorial.ipynb) to try things in; [the guide](../pinn/guide/README.md) for all that one does with them.
"""


def run(name: str, folder: Path) -> None:
    """`pinn problem=NAME` into the folder unless it holds a finished run."""
    if not (folder / "solution.h5").is_file():
        words = [f"problem={name}", f"hydra.run.dir={folder}"]
        subprocess.run([sys.executable, "-c", SOLVE.format(words=words)], check=True)


def statement(problem: type) -> tuple[str, str, str]:
    """Title, statement and source from the docstring; how the solution is sought, which comes after, is left out."""
    title, _, rest = (inspect.getdoc(problem) or "").partition("\n\n")
    told, found, after = rest.partition("\nSource: ")
    if not found:
        raise SystemExit(f"{problem.__name__} names no `Source: `")
    source, *_ = re.split(r"(?<=\.)\n(?=The ansatz|No ansatz|There is no ansatz|For the)", after)
    return title, told.strip(), " ".join(source.split())


def picture(contents: Contents) -> Figure:
    """The fields and their errors."""
    if not is_mapped(contents):  # lines, or scattered nodes
        return drawn(dataclasses.replace(contents, residual={}))
    shown = list(panels(contents))
    if len(shown) > MOST:
        shown = [panel for panel in shown if not panel.title.startswith("error of")]
    columns = 2 if len(shown) in (2, 4, 6) else 3
    rows = -(-len(shown) // columns)
    ratio = proportion(shown[0], contents) or 0.75
    figure = Figure(figsize=(3.6 * columns, (0.8 + 2.3 * ratio) * rows), layout="constrained")
    counts = [min(columns, len(shown) - first) for first in range(0, len(shown), columns)]
    for axes, panel in zip(centered(figure, counts), shown, strict=True):
        draw_map(figure, axes, panel, contents)
    return figure


def panels(contents: Contents) -> Iterator[Panel]:
    """The maps without residuals and references, which look as the fields do."""
    kind = str(contents.attributes.get("truth"))
    for row in solution_panels(dataclasses.replace(contents, residual={})):
        yield from (panel for panel in row if f", {kind}" not in panel.title)


def overview(runs: Path) -> Figure:
    """A front, a flow and a moving domain side by side, without scales: the picture of the repository's first page."""
    figure = Figure(figsize=(9.0, 2.3), layout="constrained")
    widths = [1.25, 1.0, 2.0]  # over the height
    grid = figure.subplots(1, len(OVERVIEW), width_ratios=widths)
    for axes, (name, (number, title)) in zip(grid, OVERVIEW.items(), strict=True):
        contents = read(runs / name / "solution.h5")
        shown = [panel for row in solution_panels(contents) for panel in row if panel.title.startswith(title)]
        draw_map(figure, axes, shown[number], contents)
        axes.child_axes[0].remove()  # the color bar
        axes.set(title="", xlabel="", ylabel="", xticks=[], yticks=[])
        axes.set_title(f"{name}, error {error(contents):.0e}", fontsize=9)
    grid[0].set_box_aspect(1 / widths[0])
    return figure


def save_whole(figure: Figure, path: Path) -> None:
    """Write the figure in all its colors."""
    image, canvas = io.BytesIO(), FigureCanvasAgg(figure)
    settled(figure)
    canvas.print_figure(image, format="png", dpi=DPI[1])
    Image.open(image).convert("RGB").save(path, optimize=True)


def settled(figure: Figure) -> None:
    """Lay out once more: axes of a fixed shape move their labels, which the layout sees the next time only."""
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)


def save(figure: Figure, path: Path) -> None:
    """Write the figure as finely as its size allows."""
    settled(figure)
    for dpi, colors in product(DPI, COLORS):
        image = io.BytesIO()
        FigureCanvasAgg(figure).print_figure(image, format="png", dpi=dpi)
        Image.open(image).convert("RGB").quantize(colors, Image.Quantize.MAXCOVERAGE).save(path, optimize=True)
        if path.stat().st_size < LARGEST:
            return
    raise SystemExit(f"{path} is larger than {LARGEST} bytes at {DPI[-1]} dpi: draw less in it")


def section(name: str, problem: type, contents: Contents) -> str:
    """A problem's part of the page."""
    title, told, source = statement(problem)
    file = Path(inspect.getfile(problem)).name
    return f"""
## {name}

![{name}](figures/{name}.png)

```
{title}

{told}
```

`pinn problem={name}`: error {error(contents):.0e}, {contents.attributes["wall_seconds"]:.0f} s. [{file}]({file}),
[conf/problem/{name}.yaml](../conf/problem/{name}.yaml).

Source: {source}
"""


def error(contents: Contents) -> float:
    """The worst field's relative L2 error."""
    return max(contents.attributes[f"relative_l2_{name}"] for name in contents.error)


def problem_class(name: str) -> type:
    """The class that a choice of the group `problem` names."""
    text = files("pinn.conf").joinpath("problem", f"{name}.yaml").read_text(encoding="utf-8")
    return getattr(pinn.problems, text.partition("_target_: pinn.problems.")[2].split()[0])


def row(name: str, contents: Contents) -> str:
    """A problem's line of the table."""
    short = groups()["problem"][name].partition(";")[0].replace("|", r"\|")  # which ends a cell
    seconds = contents.attributes["wall_seconds"]
    return f"| [{name}](#{name}) | {short} | {error(contents):.0e} | {seconds:.0f} |"


def write_page(names: list[str], runs: Path) -> None:
    """The pictures and the page: anew of all problems that have a run; the others' parts stay as they are."""
    FIGURES.mkdir(exist_ok=True)
    page = PAGE.read_text(encoding="utf-8") if PAGE.is_file() else ""
    rows = {found[1]: found[0] for found in re.finditer(r"^\| \[(\w+)\]\(.*$", page, re.MULTILINE)}
    sections = {part.partition("\n")[0]: f"\n## {part.rstrip()}\n" for part in page.split("\n## ")[1:]}
    for name in names:
        if (runs / name / "solution.h5").is_file():
            contents = read(runs / name / "solution.h5")
            save(picture(contents), FIGURES / f"{name}.png")
            rows[name], sections[name] = row(name, contents), section(name, problem_class(name), contents)
    if all((runs / name / "solution.h5").is_file() for name in OVERVIEW):
        save_whole(overview(runs), FIGURES / "overview.png")
    shown = [name for name in names if name in rows]
    table = ["| problem | | error | seconds |", "|---|---|---|---|", *(rows[name] for name in shown)]
    PAGE.write_text("\n".join([HEAD, *table, *(sections[name] for name in shown)]), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, default=Path("runs/gallery"))
    parser.add_argument("--problems", nargs="*", default=sorted(groups()["problem"]), help="to be solved if need be")
    arguments = parser.parse_args()
    for name in arguments.problems:
        run(name, arguments.runs / name)
    write_page(sorted(groups()["problem"]), arguments.runs)


if __name__ == "__main__":
    main()
