"""The figure of what is asked of a solution in the course of time, or along a line."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pinn.report.panels import axis_label
from pinn.report.style import COLORS, add_legend, curve_styles, style
from pinn.solution_file.contents import Contents
from pinn.solution_file.results import Result

COLUMNS = 3
VISIBLE = 2e-3  # of the values' range, from which an error is drawn


def results_figure(contents: Contents) -> Figure | None:
    """A panel for each result that is a curve, with its estimated error and the truth; None where there is none."""
    curves = {name: result for name, result in contents.results.items() if result.along}
    if not curves:
        return None
    columns = min(COLUMNS, len(curves))
    rows = -(-len(curves) // columns)
    figure = Figure(figsize=(max(3.2 * columns, 4.8), 2.6 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).flat
    for axes, (name, result) in zip(panels, curves.items(), strict=False):
        draw_result(axes, name, result, contents)
    for axes in figure.axes[len(curves) :]:
        axes.set_axis_off()
    return figure


def draw_result(axes: Axes, name: str, result: Result, contents: Contents) -> None:
    """The values along their coordinate with the band of their estimated error; of a balance what it is made of."""
    flows = {part: q for part, q in result.parts.items() if part not in contents.coordinates and q.any()}
    for look, (part, q) in zip(curve_styles(), flows.items(), strict=False):
        axes.plot(result.places, q, **look, linewidth=1.4, label=part)
    if not flows:
        _draw_values(axes, result, str(contents.attributes.get("truth", "reference")))
    style(axes, axis_label(result.along, contents), f"{name} ({result.unit})" if result.unit else name)
    add_legend(axes, 2.4)


def _draw_values(axes: Axes, result: Result, truth: str) -> None:
    errors = np.zeros(1) if result.errors is None else np.nan_to_num(result.errors)
    if errors.max() > VISIBLE * np.ptp(result.values[np.isfinite(result.values)]):
        lower, upper = result.values - errors, result.values + errors
        axes.fill_between(
            result.places, lower, upper, color=COLORS[0], alpha=0.25, linewidth=0, label="estimated error"
        )
    axes.plot(result.places, result.values, color=COLORS[0], linewidth=1.6)
    if result.truth is not None:
        axes.plot(result.places, result.truth, "k--", linewidth=0.9, label=truth)
