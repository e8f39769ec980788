"""The figure of what conditions and data leave, place by place."""

from __future__ import annotations

from typing import Any

import numpy as np
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
    for number, one in enumerate(left, 1):
        varying = [name for name, column in one.places.items() if np.ptp(column) > 0] or list(one.places)[:1]
        solid = {"projection": "3d"} if len(varying) > 2 else {}
        axes: Any = figure.add_subplot(rows, columns, number, **solid)
        axes.set_title(one.name, fontsize=NORMAL, parse_math=False)
        _draw(figure, axes, one, varying[:3], contents)
    return figure


def _draw(figure: Figure, axes: Any, one: Remainder, varying: list[str], contents: Contents) -> None:
    """Along the only coordinate that varies, or in color over the first two or three."""
    places, labels = [one.places[name] for name in varying], [axis_label(name, contents) for name in varying]
    if len(varying) == 1:
        axes.plot(places[0], one.values, ".", color=COLORS[0], markersize=3)
        axes.axhline(0.0, color="black", linewidth=0.6)
        style(axes, labels[0], "left")
        return
    scale = deviation_scale(one.values)
    image = axes.scatter(*places, c=one.values, s=7, cmap=scale.colors, norm=scale.norm, linewidths=0)
    style(axes, *labels[:2])
    if len(varying) > 2:
        axes.set_zlabel(labels[2], fontsize=NORMAL, parse_math=False)
    figure.colorbar(image, ax=axes, pad=0.15 if len(varying) > 2 else 0.02).ax.tick_params(labelsize=SMALL)
