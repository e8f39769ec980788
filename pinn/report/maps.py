"""Drawing maps: images of grids, shaded triangles of meshes, streamlines and color bars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import SymLogNorm
from matplotlib.figure import Figure
from matplotlib.tri import Triangulation
from numpy.typing import NDArray

from pinn.report.fineness import finely
from pinn.report.observed import draw_observed
from pinn.report.panels import Panel, arrange, axis_label, solution_panels
from pinn.report.scales import DECADES
from pinn.report.style import NORMAL, SMALL, STRIP
from pinn.solution_file.contents import Contents

FLAT = 1e-3
"""Of the usual area of a triangle, below which shading it goes wrong."""

BESIDE, TALLEST, NARROWEST = 1.3, 3.2, 2.0
"""Inches: of labels and color bar beside a map, of the tallest map, and of the narrowest with what is beside it."""

LOW = 0.35
"""Height over width below which few maps stand in a row."""

STREAM_NODES = 60
"""Nodes along either axis of the grid on which a mesh's streamlines are found."""


def draw_maps(contents: Contents) -> Figure:
    """Fields, references, errors and residuals as maps; fields of one coordinate, where there are others, as curves."""
    curves = [name for name, own in contents.fewer.items() if len(own) == 1 and own != ("node",)]
    rows = solution_panels(without(curves, contents))
    ratio = proportion(rows[0][0], contents)
    if ratio is not None and ratio < LOW:
        rows = arrange([panel for row in rows for panel in row], 1 if ratio < LOW / 2 else 2)
    columns = max(map(len, rows))
    lines = [curves[start : start + columns] for start in range(0, len(curves), columns)]
    sizes = [cell_size(columns, proportion(row[0], contents)) for row in rows] + [cell_size(columns, None)] * len(lines)
    width, heights = max(width for width, _ in sizes), [height for _, height in sizes]
    figure = Figure(figsize=(width * columns, sum(heights) + 0.4), layout="constrained")
    places = centered(figure, [*map(len, rows), *map(len, lines)], heights)
    for axes, name in zip(places[sum(map(len, rows)) :], curves, strict=True):
        draw_curve(axes, name, contents)
    for axes, panel in zip(places, (panel for row in rows for panel in row), strict=False):
        draw_map(figure, axes, panel, contents)
    return figure


def cell_size(columns: int, ratio: float | None) -> tuple[float, float]:
    """Width and height (inches) of a map with its labels and color bar. ratio: as of `proportion`."""
    width = 7.2 / columns if columns <= 2 else 3.0
    if ratio is None:
        return width, 2.6
    across = min(width - BESIDE, TALLEST / ratio)
    return max(across + BESIDE, NARROWEST), 0.8 + ratio * across


def centered(figure: Figure, counts: Sequence[int], heights: Sequence[float] | None = None) -> list[Axes]:
    """Axes in rows of so many, one row after the other, each in the middle. heights: of rows, None for all alike."""
    most = max(counts)
    grid = figure.add_gridspec(len(counts), 2 * most, height_ratios=heights)  # half a place is as far as a row moves
    return [
        figure.add_subplot(grid[row, most - count + 2 * k : most - count + 2 * k + 2])
        for row, count in enumerate(counts)
        for k in range(count)
    ]


def without(fields: list[str], contents: Contents) -> Contents:
    """The contents but for some fields."""

    def kept(arrays: dict[str, NDArray]) -> dict[str, NDArray]:
        return {name: values for name, values in arrays.items() if name not in fields}

    return replace(
        contents,
        fields=kept(contents.fields),
        reference=kept(contents.reference),
        error=kept(contents.error),
        estimate=kept(contents.estimate),
    )


def draw_curve(axes: Axes, name: str, contents: Contents) -> None:
    """A field of one coordinate, with its reference where it is known."""
    (own,) = contents.fewer[name]
    others = tuple(axis for axis, dimension in enumerate(contents.nodes.dimensions) if dimension != own)
    x = contents.nodes.dimensions[own]
    axes.plot(x, np.fmax.reduce(contents.fields[name], axis=others), linewidth=1.6)
    if name in contents.reference:
        axes.plot(x, np.fmax.reduce(contents.reference[name], axis=others), "k--", linewidth=0.9)
    axes.set_title(axis_label(name, contents), fontsize=NORMAL, parse_math=False)
    axes.set_xlabel(axis_label(own, contents), fontsize=NORMAL, parse_math=False)
    axes.tick_params(labelsize=SMALL)


def draw_map(figure: Figure, axes: Axes, panel: Panel, contents: Contents) -> Any:
    """Draw one panel with its color bar; returns the image."""
    image = draw_image(axes, panel, contents) if panel.view.surface is None else draw_triangles(axes, panel)
    axes.set_aspect("auto" if proportion(panel, contents) is None else "equal")
    if panel.flow:
        draw_streamlines(axes, panel, contents)
    draw_observed(axes, panel, contents)
    axes.set_title(panel.title, fontsize=NORMAL, parse_math=False)
    axes.set_xlabel(axis_label(panel.view.across, contents), fontsize=NORMAL, parse_math=False)
    axes.set_ylabel(axis_label(panel.view.up, contents), fontsize=NORMAL, parse_math=False)
    axes.tick_params(labelsize=SMALL)
    add_color_bar(figure, axes, image, panel.scale.tips, low=(proportion(panel, contents) or 1.0) < 0.7)
    return image


def draw_image(axes: Axes, panel: Panel, contents: Contents) -> Any:
    """The map of a grid: each node in the middle of its pixel, those at the sides cut in half."""
    ends = [contents.nodes.dimensions[name][[0, -1]] for name in (panel.view.across, panel.view.up)]
    shown = finely(panel.values, panel.beyond)
    (left, right), (bottom, top) = (
        (a - (b - a) / (count - 1) / 2, b + (b - a) / (count - 1) / 2)
        for (a, b), count in zip(ends, reversed(shown.shape), strict=True)
    )
    image = axes.imshow(
        shown,
        origin="lower",
        extent=(left, right, bottom, top),
        cmap=panel.scale.colors,
        norm=panel.scale.norm,
        interpolation="bilinear",
    )
    axes.set(xlim=ends[0], ylim=ends[1])
    return image


def draw_triangles(axes: Axes, panel: Panel) -> Any:
    """The map of a mesh, shaded from corner to corner; triangles without a finite value are left out."""
    shown = triangulation(panel)
    values = np.where(np.isfinite(panel.values), panel.values, 0.0)
    image = axes.tripcolor(shown, values, shading="gouraud", cmap=panel.scale.colors, norm=panel.scale.norm)
    axes.margins(0.02)
    image.set_rasterized(True)  # a vector figure of a fine mesh would be large
    return image


def triangulation(panel: Panel) -> Triangulation:
    """The triangles of a panel's surface at whose corners there are values, without flat ones."""
    surface = panel.view.surface
    assert surface is not None
    area = surface.areas
    mask = ~np.isfinite(panel.values)[surface.triangles].all(axis=1) | (area < FLAT * np.median(area))
    return Triangulation(surface.x, surface.y, surface.triangles, mask=mask)


def draw_streamlines(axes: Axes, panel: Panel, contents: Contents) -> None:
    """Streamlines of the flow, where it is finite and does not vanish."""
    surface, limits = panel.view.surface, axes.axis()
    if surface is None:
        x, y = (contents.nodes.dimensions[name] for name in (panel.view.across, panel.view.up))
        u, v = (np.ma.masked_invalid(component) for component in panel.flow)
    else:
        x, y = (np.linspace(values.min(), values.max(), STREAM_NODES) for values in (surface.x, surface.y))
        grid = np.stack(np.meshgrid(x, y), axis=-1).astype(np.float64)
        u, v = (
            np.ma.masked_invalid(surface.at(grid.reshape(-1, 2), component).reshape(grid.shape[:2]))
            for component in panel.flow
        )
    size = np.ma.hypot(u, v)
    if size.count() and size.max() > 0:
        axes.streamplot(x, y, u, v, color="white", linewidth=0.5, density=0.8, arrowsize=0.5)
        axes.axis(limits)


def add_color_bar(figure: Figure, axes: Axes, image: Any, tips: str, low: bool) -> None:
    """The color bar of an image; on a logarithmic scale with zero and the decades only, the largest where it is low.

    tips: the ends beyond which there are values.
    """
    place = axes.inset_axes((1.03, 0.0, 0.05, 1.0))  # as high as the map, whatever its aspect
    bar = figure.colorbar(image, cax=place, extend=tips)
    bar.ax.tick_params(labelsize=SMALL)
    bar.ax.yaxis.get_offset_text().set_fontsize(SMALL)
    if isinstance(image.norm, SymLogNorm):
        decades = [image.norm.linthresh * 10**k for k in range(DECADES + 1)]
        labelled = decades[-1:] if low else decades
        bar.set_ticks([-decade for decade in labelled] + [0.0, *labelled])
        bar.set_ticks([-decade for decade in decades] + decades, minor=True)


def proportion(panel: Panel, contents: Contents) -> float | None:
    """Height over width of a map of space drawn true to scale; None where it is not of space, or would be a strip."""
    nodes = contents.nodes
    if any(name == nodes.time or name in nodes.parameters for name in (panel.view.across, panel.view.up)):
        return None
    width, height = (float(np.ptp(nodes.axes[name])) for name in (panel.view.across, panel.view.up))
    return height / width if STRIP <= height / width <= 1 / STRIP else None
