"""Which maps of a solution are drawn, with their titles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pinn.report.scales import Scale, deviation_scale, field_scale
from pinn.report.surfaces import Surface, surface
from pinn.solution_file.contents import Contents

FLOW = ("u", "v")
"""The fields whose streamlines are drawn: the velocity along x and y, where there is a pressure, too."""

PRESSURE = "p"

Places = dict[str, int]


@dataclass(frozen=True)
class Quantity:
    """An array on the nodes with its title and the scale that all its maps share.

    flow: the components along both axes of a map, where streamlines are drawn on it. field: whose values they are.
    """

    title: str
    values: NDArray
    scale: Scale
    flow: tuple[NDArray, ...] = ()
    field: str = ""


@dataclass(frozen=True)
class View:
    """A map's axes, and the numbers of the nodes at which other dimensions are cut.

    surface: of a mesh, where its values are taken; `middle` is the place of the cut of a solid one.
    """

    across: str
    up: str
    places: Places = field(default_factory=dict)
    surface: Surface | None = None
    middle: str = ""


@dataclass(frozen=True)
class Panel:
    """A map of `values` over the axes of its view: (rows, columns), or (k,) at the corners of its surface.

    beyond: how far the nodes lie beyond the border of a domain of which a grid has a part inside, where that is known.
    """

    title: str
    values: NDArray
    scale: Scale
    view: View
    flow: tuple[NDArray, ...] = ()
    field: str = ""
    beyond: NDArray | None = None


def solution_panels(contents: Contents) -> list[list[Panel]]:
    """The maps of a solution on a grid or mesh, row by row.

    Where one view shows all, each field with reference and error where known, else the estimated error, then the
    residuals. Else, for a single field the same in a row a view; for several, a row a field in all views with the last
    view's error, then the last view's residuals.
    """
    by_field = [field_quantities(name, contents) for name in contents.fields]
    further = [
        Quantity(axis_label(name, contents), values, field_scale(values))
        for name, values in contents.derivatives.items()
    ]
    further += [
        Quantity(f"residual of {term}", values, deviation_scale(values)) for term, values in contents.residual.items()
    ]
    seen = views(contents)
    flow = [speed(contents)] if has_flow(contents, seen[-1]) else []
    is_estimated = all(len(row) == 2 for row in by_field)  # then a row of fields, and one of their errors
    fields = [quantity for row in (zip(*by_field, strict=True) if is_estimated else by_field) for quantity in row]
    known = all(len(row) == 3 for row in by_field)
    together = fields + flow + further if known else flow + fields + further  # a row for each field that is known
    if len(seen) == 1:
        columns = 2 if len(together) <= 4 or (is_estimated and len(by_field) == 2) else 3
        return arrange([cut(quantity, contents, seen[0]) for quantity in together], columns)
    if len(by_field) == 1:
        return [[cut(quantity, contents, view) for quantity in together] for view in seen]
    rows = [[cut(quantity, contents, view) for view in seen] for quantity in flow]
    rows += [
        [cut(first, contents, view) for view in seen] + [cut(error, contents, seen[-1]) for error in others[-1:]]
        for first, *others in by_field
    ]
    return rows + arrange([cut(quantity, contents, seen[-1]) for quantity in further], len(rows[-1]))


def views(contents: Contents) -> list[View]:
    """The ways of looking at a solution: at three times or parameters, or at three planes through a solid.

    A map is over x and y; in one dimension over x and time, or a parameter. Other dimensions are cut in their middle.
    """
    nodes = contents.nodes
    space = list(nodes.positions or reversed(nodes.space))  # x first
    beside = [name for name in (nodes.time, *nodes.parameters) if name]
    across, up, *third = [*space, *beside] if len(space) < 2 else space
    beside = [name for name in beside if name not in (across, up)]
    middle = {name: len(values) // 2 for name, values in nodes.dimensions.items()}
    if beside:
        last = len(nodes.dimensions[beside[0]]) - 1
        return [make_view(contents, across, up, middle | {beside[0]: at}) for at in (0, last // 2, last)]
    if len(contents.fields) == 1 and len(third) == 1 and len(space) == 3:
        (depth,) = third
        return [make_view(contents, a, b, middle) for a, b in ((across, up), (across, depth), (up, depth))]
    return [make_view(contents, across, up, middle)]


def make_view(contents: Contents, across: str, up: str, places: Places) -> View:
    """A view with these axes; places: of all other dimensions."""
    nodes = contents.nodes
    places = {name: at for name, at in places.items() if name not in (across, up, "node")}
    if nodes.cells is None:
        return View(across, up, places)
    normal = [(name, x) for name, x in nodes.positions.items() if name not in (across, up)]
    middle = "".join(f"{name} = {middle_of(x):.3g}" for name, x in normal)
    return View(across, up, places, surface(nodes, across, up), middle)


def middle_of(values: NDArray) -> float:
    """The middle of the values' range, to a thousandth of it: a mesh meets its ends roughly."""
    step = float(np.ptp(values)) / 1000
    return round(float(values.min() + values.max()) / 2 / step) * step + 0.0


def field_quantities(name: str, contents: Contents) -> list[Quantity]:
    """A field, and its reference and error where they are known, else the estimated error where there is one."""
    values, truth = aligned(name, contents), contents.reference.get(name)
    if truth is None:
        estimated = [contents.estimate[name]] if name in contents.estimate else []
        return [
            Quantity(axis_label(name, contents), values, field_scale(values), field=name),
            *(Quantity(f"estimated error of {name}", e, deviation_scale(e)) for e in estimated),
        ]
    scale, error = field_scale(values, truth), contents.error[name]
    kind = contents.attributes.get("truth", "reference")
    return [
        Quantity(axis_label(name, contents), values, scale, field=name),
        Quantity(f"{name}, {kind}", truth, scale),
        Quantity(f"error of {name}", error, deviation_scale(error)),
    ]


def has_flow(contents: Contents, view: View) -> bool:
    """Whether there is a velocity along the axes of the view."""
    return all(name in contents.fields for name in (*FLOW, PRESSURE)) and (view.across, view.up) == ("x", "y")


def speed(contents: Contents) -> Quantity:
    """The size of the velocity, with streamlines."""
    flow = tuple(contents.fields[name] for name in FLOW)
    size = np.hypot(*flow)
    unit = contents.units.get(FLOW[0], "1")
    return Quantity("speed" if unit in ("1", "") else f"speed ({unit})", size, field_scale(size), flow)


def aligned(name: str, contents: Contents) -> NDArray:
    """A field; one that is defined up to a constant with that of its reference, where there is one."""
    free = str(contents.attributes.get("defined_up_to_constant", "")).split()
    if name in free and name in contents.error:
        return contents.reference[name] + contents.error[name]  # errors are measured without the means
    return contents.fields[name]


def cut(quantity: Quantity, contents: Contents, view: View) -> Panel:
    """The map of a quantity in a view."""
    dimensions = contents.nodes.dimensions
    told = [quantity.title, *(f"{name} = {dimensions[name][k]:.3g}" for name, k in view.places.items()), view.middle]
    flow = tuple(cut_array(component, contents, view) for component in quantity.flow)
    title = ", ".join(part for part in told if part)
    values, beyond = cut_array(quantity.values, contents, view), contents.nodes.beyond
    beyond = None if beyond is None else cut_array(beyond, contents, view)
    return Panel(title, values, quantity.scale, view, flow, quantity.field, beyond)


def cut_array(values: NDArray, contents: Contents, view: View) -> NDArray:
    """The part of an array that a view shows."""
    dimensions = tuple(contents.nodes.dimensions)
    part = values[tuple(view.places.get(name, slice(None)) for name in dimensions)]
    if view.surface is not None:
        return view.surface.values(part)
    kept = [name for name in dimensions if name not in view.places]
    return part if kept == [view.up, view.across] else part.T


def axis_label(name: str, contents: Contents) -> str:
    """`velocity u (m/s)`: the long name, the name and the unit, each where there is one."""
    long_name, unit = contents.long_names.get(name, name), contents.units.get(name, "1")
    label = name if long_name == name else f"{long_name} {name}"
    return label if unit in ("1", "") else f"{label} ({unit})"


def arrange(panels: Sequence[Panel], columns: int) -> list[list[Panel]]:
    """The panels in rows."""
    return [list(panels[start : start + columns]) for start in range(0, len(panels), columns)]
