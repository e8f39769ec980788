"""What was observed of a field, drawn over it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from matplotlib.axes import Axes

from pinn.report.panels import Panel
from pinn.solution_file.contents import Contents
from pinn.solution_file.remainders import OBSERVED, Remainder, remainders_in

NEAR = 0.03  # of a coordinate's interval: as far from where a map is cut may an observation be that is drawn on it


def observed(field: str, contents: Contents) -> Iterator[Remainder]:
    """What was observed of a field."""
    yield from (one for one in remainders_in(contents.diagnosis, OBSERVED) if one.name == field)


def draw_observed(axes: Axes, panel: Panel, contents: Contents) -> None:
    """The places on a map of a field, each in the color of its value: one that disagrees stands out."""
    view = panel.view
    for one in observed(panel.field, contents):
        shown = np.ones(len(one.values), dtype=bool)
        for name, at in view.places.items():
            axis = contents.nodes.dimensions[name]
            shown &= np.abs(one.places[name] - axis[at]) <= NEAR * np.ptp(axis)
        x, y = one.places[view.across][shown], one.places[view.up][shown]
        colors, norm = panel.scale.colors, panel.scale.norm
        axes.scatter(x, y, s=14, c=one.values[shown], cmap=colors, norm=norm, edgecolors="white", linewidths=0.5)
