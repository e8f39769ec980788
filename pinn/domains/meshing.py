"""Meshes for the evaluation of a solution: nodes and simplices of a domain of one, two or three dimensions."""

from itertools import permutations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import Delaunay, cKDTree

from pinn.basis.errors import require
from pinn.domains.base import Domain, Triangulation
from pinn.domains.cells import FLAT, simplex_measures, without_strays
from pinn.domains.charts import Chart, sobol
from pinn.domains.rules import grid

JITTER = 1e-3  # of a cell's edge by which nodes are displaced where they are triangulated
CLEAR = 0.6  # of a cell's edge that nodes inside keep from the boundary
APART = 0.2  # of a cell's edge: boundary nodes of a surface closer to each other than this become one


def delaunay_mesh(domain: Domain, resolution: int) -> Triangulation:
    """Nodes (k, d) and simplices (c, d + 1) by Delaunay triangulation, those outside removed.

    Inside a lattice of `resolution` cells along the longest extent, on the boundary nodes as far apart, on a plane
    domain's corners, too. Boundaries are met to second order in the cell's edge.
    """
    d = len(domain.space_coordinates)
    whole = isinstance(resolution, (int, np.integer)) and resolution >= 1
    require(whole, f"resolution must be a whole number >= 1, got {resolution!r}")
    steady = domain.coordinates == domain.space_coordinates
    require(steady, "a mesh is of space alone; take domain.at(t).mesh(resolution), or the mesh of the domain's space")
    require(d <= 3, f"meshes have up to three dimensions, got {d}")
    lower, upper = np.array(list(domain.bounds.values())).T
    edge = float((upper - lower).max()) / resolution
    if domain.is_box:
        return box_mesh(lower, upper, edge)
    on_boundary = np.concatenate([_side_nodes(domain.side_chart(side), d, edge) for side in domain.sides])
    inside = _lattice(lower, upper, edge)
    inside = inside[domain.contains(inside)]
    near, _ = cKDTree(on_boundary).query(inside, distance_upper_bound=CLEAR * edge)
    nodes = np.concatenate([on_boundary, inside[np.isinf(near)]])
    if d == 1:
        order = np.argsort(nodes[:, 0])
        nodes = nodes[order]
        cells = np.column_stack([np.arange(len(nodes) - 1), np.arange(1, len(nodes))])
    else:
        # many nodes on one sphere, as on a ball or a cube's corners, take Delaunay's method long
        displaced = nodes + JITTER * edge * (sobol(len(nodes), d) - 0.5)
        cells = Delaunay(displaced).simplices.astype(np.intp)
    corners = nodes[cells]
    flat = simplex_measures(corners) <= FLAT * edge**d
    return without_strays(nodes, cells[~flat & domain.contains(corners.mean(axis=1))])


def box_mesh(lower: NDArray[np.float64], upper: NDArray[np.float64], edge: float) -> Triangulation:
    """A grid, each of its cells cut into d! simplices along the diagonal from its lowest corner (Kuhn)."""
    d = len(lower)
    counts = np.maximum(np.round((upper - lower) / edge).astype(int), 1)
    axes = [np.linspace(a, b, n + 1) for a, b, n in zip(lower, upper, counts, strict=True)]
    nodes = grid(*axes)
    number = np.arange(len(nodes)).reshape(counts + 1)
    steps = np.array([number.strides[i] // number.itemsize for i in range(d)])
    first = number[tuple(slice(n) for n in counts)].reshape(-1, 1)
    cells = [first + np.concatenate([[0], np.cumsum(steps[list(order)])]) for order in permutations(range(d))]
    return nodes, np.concatenate(cells).astype(np.intp)


def _lattice(lower: NDArray[np.float64], upper: NDArray[np.float64], edge: float) -> NDArray[np.float64]:
    """The nodes of a grid; in the plane every other row is shifted, for triangles that are nearly equilateral."""
    d = len(lower)
    spacing = np.full(d, edge)
    if d == 2:
        spacing[1] *= np.sqrt(0.75)
    axes = [np.arange(a + 0.5 * h, b, h) for a, b, h in zip(lower, upper, spacing, strict=True)]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    if d == 2:
        grid[:, ::2, 0] += 0.5 * edge
    return grid.reshape(-1, d)


def _side_nodes(chart: Chart, d: int, edge: float) -> NDArray[np.float64]:
    """Nodes on a side: of a curve equispaced between its breaks, of a surface evenly spread."""
    if chart.k == 0:
        return chart.place(np.empty((1, 0))).x
    if d == 2 and chart.k == 1 and not chart.rejects:
        pieces = [
            np.linspace(a, b - 1e-13, max(int(np.ceil((b - a) * chart.measure / edge)), 1) + 1)
            for a, b in zip(chart.breaks, chart.breaks[1:], strict=False)
        ]
        return _merged(chart.place(np.concatenate(pieces)[:, None]).x, 1e-6 * edge)
    count = int(np.ceil(2 * chart.extent.value / edge ** (d - 1))) + 8
    return _merged(chart.sample(count, sobol).x, APART * edge)


def _merged(nodes: NDArray[np.float64], apart: float) -> NDArray[np.float64]:
    """The nodes without those that are closer than `apart` to one before."""
    removed = np.zeros(len(nodes), dtype=bool)
    for first, second in sorted(cKDTree(nodes).query_pairs(apart)):
        if not removed[first]:
            removed[second] = True
    return nodes[~removed]
