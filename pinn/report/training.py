"""Figures of a run's training."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pinn.report.style import NORMAL, PathLike, add_legend, colors, save, style
from pinn.solution_file import locate, read

FEW = 20
"""Measurements up to which each gets a marker."""


def draw_training(solution: PathLike, figure: PathLike) -> Path:
    """Draw loss, held-out residual and error against steps and against seconds; returns the figure's path.

    Raises:
        UserError: as `draw_solution`.
    """
    contents = read(locate(solution))
    shown = ["loss", "held_out", *(name for name in contents.history if name.startswith("error/"))]
    drawn = Figure(figsize=(7.2, 3.4), layout="constrained")
    panels = drawn.subplots(1, 2, sharey=True)
    for axes, against in zip(panels, ("step", "seconds"), strict=True):
        for color, name in zip(colors(), shown, strict=False):
            draw_metric(axes, contents.history, against, name, color)
        style(axes, "time (s)" if against == "seconds" else "step")
        axes.set_yscale("log")
    panels[0].set_ylabel("mean square or relative L2", fontsize=NORMAL)
    add_legend(panels[1])
    return save(drawn, contents, figure)


def draw_metric(axes: Axes, history: Mapping[str, NDArray], against: str, name: str, color: str) -> None:
    """One metric where it was measured, with markers where that was seldom or there are few steps."""
    if name not in history or against not in history:
        return
    measured = np.isfinite(history[name]) & (history[name] > 0)
    if not measured.any():
        return
    label = {"loss": "training loss", "held_out": "held-out residual"}.get(name)
    axes.plot(
        history[against][measured],
        history[name][measured],
        color=color,
        linewidth=1.2,
        marker="" if measured.mean() > 0.5 and measured.sum() > FEW else "o",
        markersize=2.5,
        label=label or f"relative L2 error of {name.removeprefix('error/')}",
    )
