"""The figure of what one more measurement would tell, place by place."""

from __future__ import annotations

from matplotlib.figure import Figure

from pinn.report.style import NORMAL, SMALL, add_legend, style
from pinn.solution.design import Measurement


def draw_design(found: Measurement) -> Figure:
    """The share of the error bar that is left, over one coordinate or on a map of the first two; a star at the best."""
    figure = Figure(figsize=(5.0, 3.4), layout="constrained")
    axes = figure.subplots()
    names, share = list(found.places), f"share of the error bar of {', '.join(found.of)} that is left"
    best = f"the best place for {found.quantity}"
    if len(names) == 1:
        x = found.places[names[0]]
        order = x.argsort()
        axes.plot(x[order], found.left[order], linewidth=1.4)
        axes.plot(found.best[names[0]], found.left.min(), "*", color="black", markersize=10, label=best)
        style(axes, names[0], share)
    else:
        across, up = names[:2]
        order = (-found.left).argsort()  # what tells most is not hidden, where there are further coordinates
        x, y = found.places[across][order], found.places[up][order]
        points = axes.scatter(x, y, c=found.left[order], s=12, cmap="viridis")
        axes.plot(found.best[across], found.best[up], "*", color="red", markersize=12, label=best)
        bar = figure.colorbar(points)
        bar.set_label(share, fontsize=NORMAL)
        bar.ax.tick_params(labelsize=SMALL)
        style(axes, across, up)
    add_legend(axes, 4.0)
    return figure
