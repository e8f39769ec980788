"""Figures of a run's training."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pinn.report.style import NORMAL, PathLike, add_legend, colors, save, style
from pinn.solution_file.contents import Contents
from pinn.solution_file.reading import locate, read

FEW = 20
"""Measurements up to which each gets a marker."""


PER_STEP = (("damping", "damping"), ("radius", "radius"), ("learning_rate", "learning rate"))
"""What an optimizer chooses at each step, with its label; the first that there is is drawn."""


def draw_training(solution: PathLike, figure: PathLike) -> Path:
    """Draw loss, held-out residual and error, each term's loss, and the damping, against steps and against seconds.

    Returns the figure's path.

    Raises:
        UserError: as `draw_solution`.
    """
    contents = read(locate(solution))
    return save(training_figure(contents), contents, figure)


def training_figure(contents: Contents) -> Figure:
    """The figure in memory, a row for what is comparable."""
    history = contents.history
    terms = [name for name in history if name.startswith("loss/")]
    rows = [["loss", "held_out", *(name for name in history if name.startswith("error/"))]]
    rows += [terms] if len(terms) > 1 else []
    rows += [[name] for name, _ in PER_STEP if name in history][:1]
    labels = ["mean square or relative L2", *(["mean square"] if len(terms) > 1 else [])]
    labels += [label for name, label in PER_STEP if name in history][:1]
    drawn = Figure(figsize=(7.2, 1.0 + 2.4 * len(rows)), layout="constrained")
    grid = drawn.subplots(len(rows), 2, sharey="row", sharex="col", squeeze=False)
    for panels, shown, label in zip(grid, rows, labels, strict=True):
        for axes, against in zip(panels, ("step", "seconds"), strict=True):
            for color, name in zip(colors(), shown, strict=False):
                draw_metric(axes, history, against, name, color)
            style(axes)
            axes.set_yscale("log")
            axes.set_xlim(left=0)
        panels[0].set_ylabel(label, fontsize=NORMAL)
        if len(shown) > 1:
            add_legend(panels[1])
    style(grid[-1, 0], "step")
    grid[-1, 0].xaxis.get_major_locator().set_params(integer=True)
    style(grid[-1, 1], "time (s)")
    return drawn


def draw_metric(
    axes: Axes, history: Mapping[str, NDArray], against: str, name: str, color: str, label: str | None = None
) -> None:
    """One metric where it was measured, with markers where that was seldom or there are few steps."""
    if name not in history or against not in history:
        return
    measured = np.isfinite(history[name]) & (history[name] > 0)
    if not measured.any():
        return
    label = label or {"loss": "training loss", "held_out": "held-out residual"}.get(name)
    axes.plot(
        history[against][measured],
        history[name][measured],
        color=color,
        linewidth=1.2,
        marker="" if measured.mean() > 0.5 and measured.sum() > FEW else "o",
        markersize=2.5,
        label=label or name.replace("error/", "relative L2 error of ").replace("loss/", "loss of "),
    )
