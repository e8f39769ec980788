"""The figure of the Jacobian's singular values."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from pinn.report.style import COLORS, add_legend, style
from pinn.solution_file.contents import Contents

HOLLOW = 60
"""Singular values up to which each gets a marker."""


def spectrum_figure(contents: Contents) -> Figure | None:
    """The singular values from the largest down, with the levels of rounding and of damping; None where not known."""
    values = contents.diagnosis.get("singular_values")
    if values is None or not values.size or values[0] <= 0:
        return None
    rows, columns, rounding = shape_and_rounding(contents)
    rank = int((values > rounding).sum())
    figure = Figure(figsize=(4.8, 3.4), layout="constrained")
    axes = figure.subplots()
    number = np.arange(1, len(values) + 1)
    marker = "o" if len(values) <= HOLLOW else ""
    axes.plot(number, np.where(values > 0, values, np.nan), color=COLORS[0], linewidth=1.4, marker=marker, markersize=3)
    axes.axhline(rounding, color=COLORS[1], linewidth=1, linestyle="--", label="rounding")
    damping = contents.history.get("damping", np.zeros(0))
    if damping.size and damping[-1] > 0:
        level = float(np.sqrt(damping[-1]))
        axes.axhline(level, color=COLORS[2], linewidth=1, linestyle=":", label="square root of the last damping")
    axes.set_yscale("log")
    which = "J of the last window" if contents.attributes.get("windows", 1) > 1 else "J"
    condition = values[0] / values[rank - 1]
    told = f"{which}: {rows:,} rows, {columns:,} parameters; rank {rank:,}, condition {condition:.1e}"
    style(axes, f"number\n{told}", "singular value of J")
    add_legend(axes, 4.0)
    return figure


def shape_and_rounding(contents: Contents) -> tuple[int, int, float]:
    """The rows and columns of J, and the size below which a singular value is rounding: max(N, p) eps s_1."""
    attributes, values = contents.attributes, contents.diagnosis["singular_values"]
    rows, columns = (int(attributes.get(f"jacobian_{name}", len(values))) for name in ("rows", "columns"))
    epsilon = np.finfo(np.float32 if attributes.get("dtype") == "float32" else np.float64).eps
    return rows, columns, max(rows, columns) * float(epsilon) * float(values[0])
