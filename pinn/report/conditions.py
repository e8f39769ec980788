"""The figure of what conditions and data leave, place by place."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pinn.report.panels import axis_label
from pinn.report.scales import deviation_scale
from pinn.report.style import COLORS, NORMAL, SMALL, style
from pinn.solution_file.contents import Contents
from pinn.solution_file.remainders import LEFT, Remainder, remainders_in

COLUMNS, MOST = 3, 12  # panels in a row, and in all


def conditions_figure(contents: Contents) -> Figure | None:
    """A panel for each condition that does not hold exactly; None where there is none."""
    left = [one for one in remainders_in(contents.diagnosis, LEFT) if np.isfinite(one.values).any()][:MOST]
    if not left:
        return None
    columns = min(COLUMNS, len(left))
    rows = -(-len(left) // columns)
    figure = Figure(figsize=(max(3.4 * columns, 4.8), 2.6 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).flat
    for axes, one in zip(panels, left, strict=False):
        _draw(figure, axes, one, contents)
    for axes in figure.axes[: rows * columns][len(left) :]:
        axes.set_axis_off()
    return figure


def _draw(figure: Figure, axes: Axes, one: Remainder, contents: Contents) -> None:
    """Along the only coordinate that varies, or in color over the first two."""
    varying = [name for name, column in one.places.items() if np.ptp(column) > 0] or list(one.places)[:1]
    axes.set_title(one.name, fontsize=NORMAL, parse_math=False)
    first = one.places[varying[0]]
    if len(varying) == 1:
        axes.plot(first, one.values, ".", color=COLORS[0], markersize=3)
        axes.axhline(0.0, color="black", linewidth=0.6)
        style(axes, axis_label(varying[0], contents), "left")
        return
    scale = deviation_scale(one.values)
    image = axes.scatter(
        first, one.places[varying[1]], c=one.values, s=7, cmap=scale.colors, norm=scale.norm, linewidths=0
    )
    style(axes, *(axis_label(name, contents) for name in varying[:2]))
    figure.colorbar(image, ax=axes).ax.tick_params(labelsize=SMALL)
