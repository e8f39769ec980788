"""Figures of one dimension, and of scattered nodes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pinn.report.observed import observed
from pinn.report.panels import axis_label
from pinn.report.style import NORMAL, add_legend, curve_styles, marker_styles, style
from pinn.solution_file.contents import Contents


def draw_lines(contents: Contents) -> Figure:
    """One dimension: the fields with their references, and below them the size of errors and residuals."""
    name, order = ordered(contents)
    x = along(contents.nodes.axes[name], order)
    below = {"|error|": contents.error, "|residual|": contents.residual}
    below = below if contents.error else {"|estimated error|": contents.estimate} | below
    below = {label: arrays for label, arrays in below.items() if arrays}
    figure = Figure(figsize=(5.2, 2.8 + 1.6 * len(below)), layout="constrained")
    ratios = [2] + [1] * len(below)
    stacked = figure.subplots(len(ratios), 1, sharex=True, squeeze=False, height_ratios=ratios)[:, 0]
    for look, (field, values) in zip(curve_styles(), contents.fields.items(), strict=False):
        stacked[0].plot(x, along(values, order), **look, linewidth=1.8, label=axis_label(field, contents))
        for seen in observed(field, contents):
            at, color = seen.places[name], look["color"]
            stacked[0].plot(at, seen.values, ".", color=color, markersize=3, alpha=0.6, label="measured")
    for number, truth in enumerate(contents.reference.values()):
        kind = contents.attributes.get("truth", "reference")
        stacked[0].plot(x, along(truth, order), "k--", linewidth=0.9, label=None if number else kind)
    for axes, (label, arrays) in zip(stacked[1:], below.items(), strict=True):
        for look, (part, values) in zip(curve_styles(), arrays.items(), strict=False):
            size = along(np.where(values == 0, np.nan, np.abs(values)), order)
            axes.plot(x, size, **look, linewidth=1, label=part)
        axes.set_yscale("log")
        axes.set_ylabel(label, fontsize=NORMAL)
    for axes in stacked:
        style(axes)
        add_legend(axes, 4.4)
    stacked[-1].set_xlabel(axis_label(name, contents), fontsize=NORMAL, parse_math=False)
    return figure


def ordered(contents: Contents) -> tuple[str, NDArray[np.intp]]:
    """The only coordinate's name, and the numbers of the nodes along it; -1 where there is a gap in the interval."""
    ((name, along),) = contents.nodes.axes.items()
    order = np.argsort(along, kind="stable")
    cells = contents.nodes.cells
    if cells is None:
        return name, order
    joined = {frozenset(cell) for cell in cells.tolist()}
    pairs = zip(order.tolist(), [*order[1:].tolist(), -1], strict=True)
    return name, np.array([k for a, b in pairs for k in ([a] if b < 0 or {a, b} in joined else [a, -1])])


def along(values: NDArray, order: NDArray[np.intp]) -> NDArray:
    """The values in that order, NaN in gaps."""
    return np.append(values.astype(np.float64), np.nan)[order]


def draw_distributions(contents: Contents) -> Figure:
    """Scattered nodes: each field against its reference, and how errors and residuals are distributed."""
    sizes = {"|error|": contents.error, "|residual|": contents.residual}
    sizes = sizes if contents.error else {"|estimated error|": contents.estimate} | sizes
    sizes = {label: arrays for label, arrays in sizes.items() if arrays}
    figure = Figure(figsize=(3.2 * (1 + len(sizes)), 3.2), layout="constrained")
    compared, *others = figure.subplots(1, 1 + len(sizes), squeeze=False)[0]
    for look, (name, values) in zip(marker_styles(), contents.fields.items(), strict=False):
        truth = contents.reference.get(name)
        if truth is not None:
            compared.plot(truth.ravel(), values.ravel(), **look, linestyle="", markersize=1.5, label=name)
        elif not contents.reference:
            compared.hist(values[np.isfinite(values)], bins=60, color=look["color"], alpha=0.6, label=name)
    if contents.reference:
        ends = compared.get_xlim()
        compared.plot(ends, ends, "k-", linewidth=0.6)
        style(compared, contents.attributes.get("truth", "reference"), "solution")
    else:
        style(compared, "value", "nodes")
    add_legend(compared, 2.6)
    for axes, (label, arrays) in zip(others, sizes.items(), strict=True):
        draw_histogram(axes, label, arrays)
    return figure


def draw_histogram(axes: Axes, label: str, arrays: Mapping[str, NDArray]) -> None:
    """How the sizes of errors or residuals are distributed over the nodes, on a logarithmic axis."""
    sizes = {name: np.abs(values[np.isfinite(values) & (values != 0)]) for name, values in arrays.items()}
    largest = max((float(size.max()) for size in sizes.values() if size.size), default=1.0)
    bins = np.geomspace(largest * 1e-5, largest, 61).tolist()
    for look, (name, size) in zip(curve_styles(), sizes.items(), strict=False):
        axes.hist(size, bins=bins, histtype="step", **look, label=name)
    axes.set_xscale("log")
    style(axes, label, "nodes")
    add_legend(axes, 2.6)
