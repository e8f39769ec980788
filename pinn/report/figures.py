"""Figures of a run, drawn from its solution file: the solution with its error and residual, and the training."""

from __future__ import annotations

import itertools
import os
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pinn.errors import require
from pinn.report.panels import LARGE, NORMAL, SMALL, axis_label, draw_map, proportion, solution_panels
from pinn.solution_file import Contents, locate, read, replacing

DPI = 200
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's palette, made for color-blind readers."""

FEW = 20
"""Measurements up to which each gets a marker."""

PathLike = str | os.PathLike[str]


def draw_solution(solution: PathLike, figure: PathLike) -> Path:
    """Draw the fields, their reference and error where known, and the residuals; returns the figure's path.

    One dimension is drawn as lines, more as maps, scattered nodes as distributions.

    Args:
        solution: a solution file or its run's folder.
        figure: the figure's file, PNG or another format by its suffix; its folder is made.

    Raises:
        UserError: the solution cannot be read, or the figure not be written.
    """
    contents = read(locate(solution))
    if contents.nodes.positions:
        drawn = draw_distributions(contents)
    elif len(contents.nodes.dimensions) == 1:
        drawn = draw_lines(contents)
    else:
        drawn = draw_maps(contents)
    return save(drawn, contents, figure)


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


def draw_maps(contents: Contents) -> Figure:
    """Fields, references, errors and residuals as maps."""
    rows = solution_panels(contents)
    columns = max(map(len, rows))
    width = 7.2 if columns <= 2 else 3.0 * columns
    ratio = proportion(rows[0][0], contents)
    height = 2.6 if ratio is None else 0.8 + ratio * (width / columns - 1.3)  # the rest is labels and color bar
    figure = Figure(figsize=(width, height * len(rows) + 0.4), layout="constrained")
    grid = figure.subplots(len(rows), columns, squeeze=False)
    for places, row in zip(grid, rows, strict=True):
        for axes, panel in zip(places, row, strict=False):
            draw_map(figure, axes, panel, contents)
        for axes in places[len(row) :]:
            axes.set_axis_off()
    return figure


def draw_lines(contents: Contents) -> Figure:
    """One dimension: the fields with their references, and below them the size of errors and residuals."""
    (name, along), *_ = contents.nodes.dimensions.items()
    below = {"|error|": contents.error, "|residual|": contents.residual}
    below = {label: arrays for label, arrays in below.items() if arrays}
    figure = Figure(figsize=(6.4, 2.8 + 1.6 * len(below)), layout="constrained")
    ratios = [2] + [1] * len(below)
    stacked = figure.subplots(len(ratios), 1, sharex=True, squeeze=False, height_ratios=ratios)[:, 0]
    for color, (field, values) in zip(colors(), contents.fields.items(), strict=False):
        stacked[0].plot(along, values, color=color, linewidth=1.8, label=axis_label(field, contents))
    for number, truth in enumerate(contents.reference.values()):
        kind = contents.attributes.get("truth", "reference")
        stacked[0].plot(along, truth, "k--", linewidth=0.9, label=None if number else kind)
    for axes, (label, arrays) in zip(stacked[1:], below.items(), strict=True):
        for color, (part, values) in zip(colors(), arrays.items(), strict=False):
            size = np.where(values == 0, np.nan, np.abs(values))
            axes.plot(along, size, color=color, linewidth=1, label=part)
        axes.set_yscale("log")
        axes.set_ylabel(label, fontsize=NORMAL)
    for axes in stacked:
        style(axes)
        add_legend(axes)
    stacked[-1].set_xlabel(axis_label(name, contents), fontsize=NORMAL, parse_math=False)
    return figure


def draw_distributions(contents: Contents) -> Figure:
    """Scattered nodes: each field against its reference, and how errors and residuals are distributed."""
    sizes = {"|error|": contents.error, "|residual|": contents.residual}
    sizes = {label: arrays for label, arrays in sizes.items() if arrays}
    figure = Figure(figsize=(3.2 * (1 + len(sizes)), 3.2), layout="constrained")
    compared, *others = figure.subplots(1, 1 + len(sizes), squeeze=False)[0]
    for color, (name, values) in zip(colors(), contents.fields.items(), strict=False):
        truth = contents.reference.get(name)
        if truth is not None:
            compared.plot(truth.ravel(), values.ravel(), ".", color=color, markersize=1.5, label=name)
        elif not contents.reference:
            compared.hist(values[np.isfinite(values)], bins=60, color=color, alpha=0.6, label=name)
    if contents.reference:
        ends = compared.get_xlim()
        compared.plot(ends, ends, "k-", linewidth=0.6)
    style(compared, contents.attributes.get("truth", "reference") if contents.reference else "value")
    compared.set_ylabel("solution" if contents.reference else "nodes", fontsize=NORMAL)
    add_legend(compared)
    for axes, (label, arrays) in zip(others, sizes.items(), strict=True):
        draw_histogram(axes, label, arrays)
    return figure


def draw_histogram(axes: Axes, label: str, arrays: Mapping[str, NDArray]) -> None:
    """How the sizes of errors or residuals are distributed over the nodes, on a logarithmic axis."""
    sizes = {name: np.abs(values[np.isfinite(values) & (values != 0)]) for name, values in arrays.items()}
    largest = max((float(size.max()) for size in sizes.values() if size.size), default=1.0)
    bins = np.geomspace(largest * 1e-5, largest, 61).tolist()
    for color, (name, size) in zip(colors(), sizes.items(), strict=False):
        axes.hist(size, bins=bins, histtype="step", color=color, label=name)
    axes.set_xscale("log")
    style(axes, label)
    axes.set_ylabel("nodes", fontsize=NORMAL)
    add_legend(axes)


def colors() -> Iterator[str]:
    """The palette, over and over."""
    return itertools.cycle(COLORS)


def style(axes: Axes, xlabel: str = "") -> None:
    """Small ticks, a faint grid and no box."""
    axes.tick_params(labelsize=SMALL)
    axes.grid(alpha=0.3, linewidth=0.5)
    axes.spines[["top", "right"]].set_visible(False)
    if xlabel:
        axes.set_xlabel(xlabel, fontsize=NORMAL, parse_math=False)


def add_legend(axes: Axes) -> None:
    """A legend, where there is anything to name."""
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=SMALL, framealpha=0.8, edgecolor="none")


def headline(contents: Contents) -> str:
    """The problem's title, its errors, and how long the run took."""
    attributes = contents.attributes
    title = textwrap.fill(" ".join(str(attributes["title"]).split()), 90)
    errors = [
        f"{name} {attributes[f'relative_l2_{name}']:.1e}"
        for name in contents.fields
        if f"relative_l2_{name}" in attributes
    ]
    parts = [f"relative L2 error: {', '.join(errors)}"] if errors else []
    parts += [f"computed in {attributes['wall_seconds']:.0f} s"] if "wall_seconds" in attributes else []
    return "\n".join([title, textwrap.fill("; ".join(parts), 90)]).strip()


def save(drawn: Figure, contents: Contents, path: PathLike) -> Path:
    """Add the headline and write the figure, whole or not at all."""
    drawn.suptitle(headline(contents), fontsize=LARGE, parse_math=False)
    path, canvas = Path(path), FigureCanvasAgg(drawn)
    kind, kinds = path.suffix.removeprefix("."), canvas.get_supported_filetypes()
    require(kind in kinds, f"cannot draw {path}: its suffix must be one of {', '.join(sorted(kinds))}; try .png")
    with replacing(path) as temporary:
        canvas.print_figure(temporary, format=kind, dpi=DPI)
    return path
