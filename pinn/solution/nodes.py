"""The nodes on which a solution is written, chosen by its domain."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import RegularGridInterpolator

from pinn.basis.errors import UserError, require
from pinn.domains.base import Domain
from pinn.domains.charts import sobol
from pinn.problem import Problem
from pinn.solution_file.nodes import Nodes, blocks

Resolution = int | Mapping[str, int] | None

MESH_MAX_SPACE = 3
"""Domains of more space dimensions than this are sampled at scattered nodes."""

STEADY_RESOLUTION = {1: 1001, 2: 129, 3: 33}
UNSTEADY_RESOLUTION = {1: (257, 101), 2: (65, 21), 3: (33, 11)}
"""Default nodes along each space coordinate (and, in time, along time) by the number of space dimensions."""

CELLS = {1: 1000, 2: 128, 3: 32}
UNSTEADY_CELLS = {1: 256, 2: 64, 3: 24}
"""Default cells of a mesh along its longest extent by the number of space dimensions."""

TIME_ONLY_RESOLUTION = 1001
PARAMETER_RESOLUTION = 5
CLOUD_RESOLUTION = (4096, 11)
"""Default number of scattered nodes and of the times at which each is taken."""

INSIDE_BLOCK = 2**19  # nodes that are asked at once whether they lie in the domain


def make_nodes(domain: Domain, resolution: Resolution = None) -> Nodes:
    """A grid of a box, a mesh of another domain, scattered nodes above three space dimensions; with time, parameters.

    A domain that moves has a grid of its bounding box, of which a part is inside.

    Args:
        domain: where the solution is known.
        resolution: nodes along every dimension, or by its name (`cells` counts those of a mesh along its longest
            extent, `node` the scattered nodes), at least 2; None chooses numbers that keep the file below a few MB.

    Raises:
        UserError: a resolution for a name that is no dimension.
    """
    if len(domain.space_coordinates) > MESH_MAX_SPACE:
        return scattered(domain, resolution)
    if domain.is_box or not domain.space_coordinates:
        return grid(domain, resolution)
    return grid_inside(domain, resolution) if moves(domain) else meshed(domain, resolution)


def count_nodes(domain: Domain, resolution: Resolution = None) -> int:
    """About how many nodes `make_nodes` makes, without making them: of a mesh those of a grid of its cells.

    Raises UserError where it does.
    """
    d = len(domain.space_coordinates)
    if d > MESH_MAX_SPACE:
        return math.prod(counted(domain, {"node": CLOUD_RESOLUTION[0]}, resolution).values())
    if domain.is_box or not d or moves(domain):
        return math.prod(counted(domain, along(domain), resolution).values())
    counts = counted(domain, {"cells": (UNSTEADY_CELLS if domain.time else CELLS)[d]}, resolution)
    return counts.pop("cells") ** d * math.prod(counts.values())


def along(domain: Domain) -> dict[str, int]:
    """The default nodes of a grid along each space coordinate, z before y before x."""
    space = domain.space_coordinates[::-1]
    d = len(space)
    return dict.fromkeys(space, 0 if not d else UNSTEADY_RESOLUTION[d][0] if domain.time else STEADY_RESOLUTION[d])


def grid(domain: Domain, resolution: Resolution) -> Nodes:
    """A regular grid of the bounding box, z before y before x."""
    counts = counted(domain, along(domain), resolution)
    bounds = domain.bounds
    axes: dict[str, NDArray] = {name: np.linspace(*bounds[name], count) for name, count in counts.items()}
    return Nodes(axes, time=domain.time, parameters=domain.parameters)


def grid_inside(domain: Domain, resolution: Resolution) -> Nodes:
    """A regular grid of the bounding box with which nodes lie in the domain, and how far from its border."""
    nodes = grid(domain, resolution)
    inside, beyond = np.empty(nodes.shape, dtype=bool), np.empty(nodes.shape, dtype=np.float32)
    for block in blocks(nodes.shape, INSIDE_BLOCK):
        points = nodes.points(domain.coordinates, block)
        inside[block] = domain.contains(points).reshape(inside[block].shape)
        beyond[block] = domain.distance(points).reshape(inside[block].shape)
    return replace(nodes, inside=inside, beyond=beyond)


def moves(domain: Domain) -> bool:
    """Whether its space changes with time."""
    try:
        _ = domain.space
    except UserError:
        return True
    return False


def meshed(domain: Domain, resolution: Resolution) -> Nodes:
    """A mesh of the domain's space."""
    defaults = UNSTEADY_CELLS if domain.time else CELLS
    counts = counted(domain, {"cells": defaults[len(domain.space_coordinates)]}, resolution)
    places, cells = domain.mesh(counts.pop("cells"))
    return with_node(domain, counts, places, cells.astype(np.int64))


def scattered(domain: Domain, resolution: Resolution) -> Nodes:
    """Nodes of a Sobol sequence in the domain's space, the same for every run, so that their errors compare."""
    counts = counted(domain, {"node": CLOUD_RESOLUTION[0]}, resolution)
    columns = [domain.coordinates.index(name) for name in domain.space_coordinates]
    places = domain.interior(counts.pop("node"), sobol)[:, columns]  # of a moving one at all its times
    return with_node(domain, counts, places)


def with_node(
    domain: Domain, counts: Mapping[str, int], places: NDArray[np.float64], cells: NDArray[np.int64] | None = None
) -> Nodes:
    """Nodes at places (k, d) in space, at all times and parameters."""
    bounds = domain.bounds
    dimensions: dict[str, NDArray] = {name: np.linspace(*bounds[name], count) for name, count in counts.items()}
    dimensions["node"] = np.arange(len(places))
    positions = dict(zip(domain.space_coordinates, np.ascontiguousarray(places.T), strict=True))
    return Nodes(dimensions, positions, domain.time, domain.parameters, cells)


def counted(domain: Domain, space: Mapping[str, int], resolution: Resolution) -> dict[str, int]:
    """The number of nodes along each dimension in the file's order, `space` being the default of those of space."""
    d = len(domain.space_coordinates)
    counts: dict[str, int] = {}
    if domain.time:
        beside = UNSTEADY_RESOLUTION[d][1] if 0 < d <= MESH_MAX_SPACE else CLOUD_RESOLUTION[1]
        counts[domain.time] = beside if d else TIME_ONLY_RESOLUTION
    counts |= dict.fromkeys(domain.parameters, PARAMETER_RESOLUTION)
    counts |= space
    return counts | chosen_counts(list(counts), resolution)


def chosen_counts(names: Sequence[str], resolution: Resolution) -> dict[str, int]:
    """The part of the resolution that the user chose; its numbers are checked by `Output`."""
    if resolution is None:
        return {}
    if not isinstance(resolution, Mapping):
        resolution = dict.fromkeys(names, resolution)
    for name in resolution:
        require(name in names, f"output.resolution names {name!r}; the dimensions are {', '.join(names)}")
    return dict(resolution)


def interpolated(
    nodes: Nodes, arrays: Mapping[str, NDArray], coordinates: Sequence[str], points: NDArray[np.float64]
) -> dict[str, NDArray]:
    """Arrays on the nodes of a grid, linearly at points (n, d); raises UserError where the nodes are no grid."""
    require(not nodes.positions, "what is known on the nodes of a mesh is not interpolated; see contents() for these")
    axes = [nodes.dimensions[name] for name in nodes.dimensions]
    places = points[:, [list(coordinates).index(name) for name in nodes.dimensions]]
    inside = np.clip(places, [axis[0] for axis in axes], [axis[-1] for axis in axes])
    return {name: RegularGridInterpolator(axes, values)(inside) for name, values in arrays.items()}


def fewer_dimensions(problem: Problem, nodes: Nodes) -> dict[str, tuple[str, ...]]:
    """The dimensions of fields that are functions of some; of none where no field is one of all."""
    own = {name: nodes.dimensions_of(names) for name, names in problem.field_coordinates.items()}
    whole = tuple(nodes.dimensions)
    return {name: few for name, few in own.items() if few != whole} if whole in own.values() else {}
