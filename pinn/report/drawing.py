"""All the figures of a run, by their names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from matplotlib.figure import Figure

from pinn.report.animation import draw_animation
from pinn.report.conditions import conditions_figure
from pinn.report.figures import drawn
from pinn.report.growth import growth_figure
from pinn.report.results import results_figure
from pinn.report.spectrum import spectrum_figure
from pinn.report.style import save
from pinn.report.training import training_figure
from pinn.solution_file.contents import Contents

Writer = Callable[[Contents, Path, str], Path | None]
"""Contents, a folder and a suffix such as `.png` to the path that was written; None where there is nothing to draw."""


def saved_as(name: str, make: Callable[[Contents], Figure | None]) -> Writer:
    """Writes what `make` draws under that name."""

    def write(contents: Contents, folder: Path, suffix: str) -> Path | None:
        figure = make(contents)
        return None if figure is None else save(figure, contents, (folder / name).with_suffix(suffix))

    return write


def animation(contents: Contents, folder: Path, suffix: str) -> Path | None:
    """Writes `solution.gif`, whatever the suffix of the others."""
    return draw_animation(contents, folder / "solution.gif")


FIGURES: Mapping[str, Writer] = {
    "solution": saved_as("solution", drawn),
    "animation": animation,
    "results": saved_as("results", results_figure),
    "error_by_time": saved_as("error_by_time", growth_figure),
    "training": saved_as("training", training_figure),
    "conditions": saved_as("conditions", conditions_figure),
    "spectrum": saved_as("spectrum", spectrum_figure),
}
"""Every figure of a run that is drawn from its solution file, in the order of a report."""
