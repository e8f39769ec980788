"""Maps of a solution: which are drawn, their titles, axes and color scales."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize, SymLogNorm
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pinn.solution_file import Contents

SEQUENTIAL = "viridis"
DIVERGING = "RdBu_r"
DEVIATION = "PuOr_r"
"""Color maps that color-blind readers can tell apart; errors have one of their own."""

DECADES = 2
"""Whole decades of the symmetric logarithmic scale of errors and residuals on either side of zero."""

SMALL, NORMAL, LARGE = 8, 9, 10
"""Font sizes (points)."""


@dataclass(frozen=True)
class Scale:
    """A color map and its norm."""

    colors: str
    norm: Normalize


@dataclass(frozen=True)
class Quantity:
    """An array on the nodes with its title and the scale that all its maps share."""

    title: str
    values: NDArray
    scale: Scale


@dataclass(frozen=True)
class Panel:
    """A map of `values` (rows, columns) over the axes named `across` and `up`."""

    title: str
    values: NDArray
    scale: Scale
    across: str
    up: str


def solution_panels(contents: Contents) -> list[list[Panel]]:
    """The maps of a solution on a grid of two to four dimensions, row by row.

    Two dimensions, or steady ones: each field with reference and error where known, then the residuals. Two or
    three dimensions and time: for a single field the same in a row at the first, the middle and the last time;
    for several, a row a field at these times with the last error, then the last residuals. A third dimension of
    space is cut in its middle.
    """
    nodes = contents.nodes
    by_field = [field_quantities(name, contents) for name in contents.fields]
    residuals = [
        Quantity(f"residual of {term}", values, deviation_scale(values)) for term, values in contents.residual.items()
    ]
    together = [quantity for row in by_field for quantity in row] + residuals
    if len(nodes.dimensions) == 2 or nodes.time is None:
        return arrange([cut(quantity, contents) for quantity in together], 2 if len(together) <= 4 else 3)
    last = nodes.shape[0] - 1
    moments = (0, last // 2, last)
    if len(by_field) == 1:
        return [[cut(quantity, contents, moment) for quantity in together] for moment in moments]
    rows = [
        [cut(field, contents, moment) for moment in moments] + [cut(error, contents, last) for error in others[1:]]
        for field, *others in by_field
    ]
    return rows + arrange([cut(quantity, contents, last) for quantity in residuals], 4)


def field_quantities(name: str, contents: Contents) -> list[Quantity]:
    """A field, and its reference and error where they are known."""
    values, truth = aligned(name, contents), contents.reference.get(name)
    if truth is None:
        return [Quantity(axis_label(name, contents), values, field_scale(values))]
    scale, error = field_scale(values, truth), contents.error[name]
    kind = contents.attributes.get("truth", "reference")
    return [
        Quantity(axis_label(name, contents), values, scale),
        Quantity(f"{name}, {kind}", truth, scale),
        Quantity(f"error of {name}", error, deviation_scale(error)),
    ]


def aligned(name: str, contents: Contents) -> NDArray:
    """A field; one that is defined up to a constant with that of its reference, where there is one."""
    free = str(contents.attributes.get("defined_up_to_constant", "")).split()
    if name in free and name in contents.error:
        return contents.reference[name] + contents.error[name]  # errors are measured without the means
    return contents.fields[name]


def cut(quantity: Quantity, contents: Contents, moment: int = 0) -> Panel:
    """The map of a quantity over the last two dimensions, at one time and in the middle of other dimensions."""
    dimensions = contents.nodes.dimensions
    *leading, up, across = dimensions
    index = [moment if name == contents.nodes.time else len(dimensions[name]) // 2 for name in leading]
    places = [f"{name} = {dimensions[name][k]:.3g}" for name, k in zip(leading, index, strict=True)]
    return Panel(
        ", ".join([quantity.title, *places]), quantity.values[tuple(index)], quantity.scale, across=across, up=up
    )


def field_scale(*arrays: NDArray) -> Scale:
    """One scale for all the arrays: symmetric about zero where they take both signs."""
    lowest, highest = finite_range(*arrays)
    if lowest < 0 < highest and min(-lowest, highest) > 0.05 * max(-lowest, highest):
        largest = max(-lowest, highest)
        return Scale(DIVERGING, Normalize(-largest, largest))
    if lowest == highest:
        highest = lowest + (abs(lowest) or 1.0)
    return Scale(SEQUENTIAL, Normalize(lowest, highest))


def deviation_scale(*arrays: NDArray) -> Scale:
    """A symmetric logarithmic scale, linear near zero, for what should vanish."""
    largest = max(map(abs, finite_range(*arrays))) or 1.0
    linear = 10.0 ** (math.floor(math.log10(largest)) - DECADES)
    return Scale(DEVIATION, SymLogNorm(linthresh=linear, vmin=-largest, vmax=largest, base=10))


def finite_range(*arrays: NDArray) -> tuple[float, float]:
    """The smallest and the largest finite value; zeros where there is none."""
    finite = np.concatenate([array[np.isfinite(array)].ravel() for array in arrays])
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)


def axis_label(name: str, contents: Contents) -> str:
    """`velocity u (m/s)`: the long name, the name and the unit, each where there is one."""
    long_name, unit = contents.long_names.get(name, name), contents.units.get(name, "1")
    label = name if long_name == name else f"{long_name} {name}"
    return label if unit in ("1", "") else f"{label} ({unit})"


def arrange(panels: Sequence[Panel], columns: int) -> list[list[Panel]]:
    """The panels in rows."""
    return [list(panels[start : start + columns]) for start in range(0, len(panels), columns)]


def draw_map(figure: Figure, axes: Axes, panel: Panel, contents: Contents) -> None:
    """Draw one panel with its color bar."""
    across, up = (contents.nodes.dimensions[name] for name in (panel.across, panel.up))
    image = axes.imshow(
        panel.values,
        origin="lower",
        extent=(across[0], across[-1], up[0], up[-1]),
        aspect="auto" if proportion(panel, contents) is None else "equal",
        cmap=panel.scale.colors,
        norm=panel.scale.norm,
    )
    axes.set_title(panel.title, fontsize=NORMAL, parse_math=False)
    axes.set_xlabel(axis_label(panel.across, contents), fontsize=NORMAL, parse_math=False)
    axes.set_ylabel(axis_label(panel.up, contents), fontsize=NORMAL, parse_math=False)
    axes.tick_params(labelsize=SMALL)
    add_color_bar(figure, axes, image, low=(proportion(panel, contents) or 1.0) < 0.7)


def add_color_bar(figure: Figure, axes: Axes, image: Any, low: bool) -> None:
    """The color bar of an image; on a logarithmic scale with zero and the decades only, the largest where it is low."""
    bar = figure.colorbar(image, cax=axes.inset_axes((1.03, 0.0, 0.05, 1.0)))  # as high as the map, whatever its aspect
    bar.ax.tick_params(labelsize=SMALL)
    bar.ax.yaxis.get_offset_text().set_fontsize(SMALL)
    if isinstance(image.norm, SymLogNorm):
        decades = [image.norm.linthresh * 10**k for k in range(DECADES + 1)]
        labelled = decades[-1:] if low else decades
        bar.set_ticks([-decade for decade in labelled] + [0.0, *labelled])
        bar.set_ticks([-decade for decade in decades] + decades, minor=True)


def proportion(panel: Panel, contents: Contents) -> float | None:
    """Height over width of a map of space drawn true to scale; None in time, or where it would be a strip."""
    if contents.nodes.time in (panel.across, panel.up):
        return None
    width, height = (float(np.ptp(contents.nodes.dimensions[name])) for name in (panel.across, panel.up))
    return height / width if 0.3 < height / width < 3 else None
