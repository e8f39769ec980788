"""What a run leaves: the solution file, its figures and its report."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from pinn.basis.logs import logger
from pinn.basis.seals import seal
from pinn.report.drawing import FIGURES
from pinn.report.page import write_report
from pinn.solution.output import Output
from pinn.solution.solution import Solution
from pinn.solution_file.reading import read
from pinn.training.interruption import Interruption

T = TypeVar("T")


def write(solution: Solution, folder: Path | None, output: Output, interruption: Interruption) -> list[Path]:
    """The solution file first, then figures and report, which may fail, or be interrupted, without loss.

    Returns the paths that were written.
    """
    if folder is None:
        return []
    saved = solution.save(folder / "solution.h5", output)
    seal(folder, saved.name)
    if not output.figures:
        return [saved]
    contents = attempt("figures", partial(read, saved), interruption)
    if contents is None:
        return [saved]
    pictures = {name: partial(draw, contents, folder / "figures", ".png") for name, draw in FIGURES.items()}
    drawn = [attempt(name, make, interruption) for name, make in pictures.items()]
    report = attempt("report", partial(write_report, saved), interruption)
    return [path for path in (saved, *drawn, report) if path is not None]


def attempt(name: str, make: Callable[[], T | None], interruption: Interruption) -> T | None:
    """What is made, or a line in the log and None: no figure is worth a run's result."""
    if interruption.requested:
        return None
    try:
        with interruption.breakable():
            return make()
    except (Exception, KeyboardInterrupt) as error:
        if isinstance(error, KeyboardInterrupt) and not interruption.begun:
            raise  # before the first step
        logger.warning("%s was not made: %s: %s", name, type(error).__name__, error)
        return None
