"""The figure of the estimated error in the course of time."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from pinn.report.panels import axis_label
from pinn.report.style import add_legend, curve_styles, style
from pinn.solution_file.contents import Contents
from pinn.solution_file.measured import ErrorEstimate, ErrorGrowth


def growth_figure(contents: Contents) -> Figure | None:
    """The relative error of each field by time, and the level up to which it is trusted; None where not estimated."""
    growth, estimate = ErrorGrowth.of(contents.diagnosis), ErrorEstimate.of(contents.attributes)
    if growth is None or estimate is None:
        return None
    figure = Figure(figsize=(4.8, 3.0), layout="constrained")
    axes = figure.subplots()
    for look, (name, errors) in zip(curve_styles(), growth.errors.items(), strict=False):
        shown = np.where(errors > 0, errors, np.nan)
        axes.plot(growth.time, shown, **look, linewidth=1.4, marker="o", markersize=3, label=name)
    axes.axhline(growth.TRUSTED, color="black", linewidth=0.8, linestyle="--", label=f"{growth.TRUSTED:.0%}")
    axes.set_yscale("log")
    kind = "estimated relative error" if estimate.is_resolved else "relative error, at least"
    style(axes, axis_label(contents.nodes.time or "time", contents), kind)
    if estimate.trusted_until is not None:
        told = f"below {growth.TRUSTED:.0%} until {estimate.trusted_until:.3g}"
        axes.axvline(estimate.trusted_until, color="black", linewidth=0.8, linestyle=":", label=told)
    add_legend(axes, 4.0)
    return figure
