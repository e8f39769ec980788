"""Figures of a run's training."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pinn.report.style import Look, add_legend, curve_styles, style
from pinn.solution_file.contents import Contents
from pinn.solution_file.measured import Measure

FEW = 20
"""Measurements up to which each gets a marker."""

AGAINST = {"step": "step", "seconds": "time (s)"}
"""What curves are drawn against, with its label."""

PER_STEP = (("damping", "damping"), ("radius", "radius"), ("learning_rate", "learning rate"))
"""What an optimizer chooses at each step, with its label; the first that there is is drawn."""


def training_figure(contents: Contents) -> Figure:
    """Loss, held-out loss and error, each term's residual, and the damping, against steps and against seconds.

    A row for what is comparable.
    """
    history = contents.history
    terms = [*filter(Measure.RESIDUAL.measures, history)]
    kind = "residuals (root mean square)"
    if not terms:  # an old file
        terms, kind = [*filter(Measure.LOSS.measures, history)], "mean square"
    measured = [Measure.LOSS.total, Measure.HELD_OUT.total, *filter(Measure.ERROR.measures, history)]
    rows = [("loss, relative L2 error", measured)]
    rows += [(kind, terms)] if len(terms) > 1 else []
    rows += [(label, [name]) for name, label in PER_STEP if name in history][:1]
    drawn, lines = Figure(layout="constrained"), 0
    grid = drawn.subplots(len(rows), 2, sharey="row", sharex="col", squeeze=False)
    for panels, (label, shown) in zip(grid, rows, strict=True):
        for axes, (against, told) in zip(panels, AGAINST.items(), strict=True):
            for look, name in zip(curve_styles(), shown, strict=False):
                draw_metric(axes, history, against, name, look)
            style(axes, told, label)  # each of them, because a phone shows one at a time
            axes.set_yscale("log")
            axes.set_xlim(left=0)
            axes.tick_params(labelleft=True, labelbottom=True)
        if len(shown) > 1:
            lines += max(add_legend(axes, 2.8) for axes in panels)
    grid[-1, 0].xaxis.get_major_locator().set_params(integer=True)
    drawn.set_size_inches(7.2, 0.6 + 2.6 * len(rows) + 0.17 * lines)  # 0.17: of a legend's line
    return drawn


def draw_metric(
    axes: Axes,
    history: Mapping[str, NDArray],
    against: str,
    name: str,
    look: Look,
    label: str | None = None,
) -> None:
    """One metric where it was measured, with markers where that was seldom or there are few steps."""
    if name not in history or against not in history:
        return
    x, y = losses(history, against) if name == Measure.LOSS.total else (history[against], history[name])
    measured = np.isfinite(y) & (y > 0)
    if not measured.any():
        return
    axes.plot(
        x[measured],
        y[measured],
        **look,
        linewidth=1.2,
        marker="" if measured.mean() > 0.5 and measured.sum() > FEW else "o",
        markersize=2.5,
        label=label or title(name),
    )


def losses(history: Mapping[str, NDArray], against: str) -> tuple[NDArray, NDArray]:
    """The training loss where it is told: each step's record has the loss before it, a measurement that after it."""
    x, loss = history[against], history[Measure.LOSS.total]
    if not len(x):
        return x, loss
    before = x - 1 if against == "step" else np.append(0.0, x[:-1])
    after = sum((values for key, values in history.items() if Measure.LOSS.measures(key)), np.zeros(len(x)))
    return np.append(before, x[-1]), np.append(loss, after[-1])


def title(name: str) -> str:
    """What a metric is called in a figure."""
    if Measure.ERROR.measures(name):
        return f"error of {Measure.ERROR.name_in(name)}"
    if Measure.RESIDUAL.measures(name):
        return Measure.RESIDUAL.name_in(name)
    if Measure.LOSS.measures(name):
        return f"loss of {Measure.LOSS.name_in(name)}"
    return {Measure.LOSS.total: "training loss", Measure.HELD_OUT.total: "held-out loss"}.get(name, name)
