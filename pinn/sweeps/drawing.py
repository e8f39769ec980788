"""The figure of several runs: errors and results against what was varied."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from pinn.report.maps import centered
from pinn.report.style import COLORS, NORMAL, SMALL, style
from pinn.sweeps.runs import Group, Run, is_number

LABELS = {
    "error": "relative L2 error",
    "estimated error": "estimated relative L2 error",
    "residual": "residual on fresh points",
}
TICKS = 8  # values up to which each is a tick
WIDE = 30.0  # ratio of the largest to the smallest value from which an axis is logarithmic
COLUMNS = 3


def draw_group(group: Group) -> Figure:
    """The error of each run against each swept key, with the median at each value.

    Where the equation's own parameters differ, below it each result that the runs have in common.
    """
    columns = min(COLUMNS, len(group.keys))
    results = [name for name in group.results if all(name in run.results for run in group.runs)]
    shown = {LABELS[group.measure]: "", **({name: name for name in results} if group.physical else {})}
    counts = [min(columns, len(group.keys) - first) for first in range(0, len(group.keys), columns)] * len(shown)
    figure = Figure(figsize=(max(3.2 * columns, 4.8), 2.8 * len(counts)), layout="constrained")
    places = iter(centered(figure, counts))
    for label, result in shown.items():
        for key in group.keys:
            values = [(run, run.results[result] if result else run.measures[group.measure]) for run in group.runs]
            axes = next(places)
            draw_key(axes, key, [(run, value) for run, value in values if value is not None and (result or value)])
            axes.set_yscale("linear" if result else "log")
            axes.set_ylabel(label, fontsize=NORMAL, parse_math=False)
    return figure


def draw_key(axes: Axes, key: str, measured: Sequence[tuple[Run, float]]) -> None:
    """One panel: numbers along their axis, words and seeds side by side."""
    values = [run.values[key] for run, _ in measured]
    in_order = key != "seed" and bool(values) and all(map(is_number, values))
    known = sorted(set(values)) if in_order else sorted({str(value) for value in values})
    at = {value: float(value) if in_order else float(k) for k, value in enumerate(known)}
    x = np.array([at[value if in_order else str(value)] for value in values])
    y = np.array([value for _, value in measured])
    axes.plot(x, y, "o", color=COLORS[0], markersize=4, alpha=0.7)
    places = np.unique(x)
    # words have no order
    form = {"linewidth": 1.2} if in_order else {"linestyle": "", "marker": "_", "markersize": 24}
    axes.plot(places, [np.median(y[x == place]) for place in places], color=COLORS[1], **form)
    style(axes, key)
    axes.margins(x=0.05 if in_order else 0.3)
    if in_order and 0 < WIDE * x.min() <= x.max():
        axes.set_xscale("log")
    if not in_order or len(known) <= TICKS:
        labels = [f"{value:g}" if in_order else str(value) for value in known]
        axes.set_xticks(list(at.values()), labels, fontsize=SMALL)
        axes.xaxis.set_minor_locator(NullLocator())
        if sum(map(len, labels)) > 36:
            axes.tick_params("x", rotation=30)
