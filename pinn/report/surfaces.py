"""The part of a mesh that a map shows: its triangles, or a plane through its tetrahedra."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from pinn.solution_file.nodes import Nodes

ASIDE = 1e-4
"""Of the extent by which a plane passes beside the middle, where rows of nodes may lie exactly in it."""

NEAR = 12
"""Triangles, by the distance of their centers, among which that of a point is sought."""

INSIDE = 1e-9
"""Rounding by which a barycentric coordinate may be negative."""


@dataclass(frozen=True)
class Surface:
    """Triangles in the plane; each corner lies on an edge of the mesh, from node `first` to node `second`.

    x, y: the corners (k,). triangles (c, 3): by the corners' numbers. weight (k,): 0 at `first`, 1 at `second`.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    triangles: NDArray[np.intp]
    first: NDArray[np.intp]
    second: NDArray[np.intp]
    weight: NDArray[np.float64]

    def values(self, nodal: NDArray) -> NDArray:
        """Values at the corners (k,) from those at the mesh's nodes."""
        return (1 - self.weight) * nodal[self.first] + self.weight * nodal[self.second]

    @property
    def areas(self) -> NDArray[np.float64]:
        """The areas of the triangles (c,)."""
        first, second, third = (np.stack([self.x, self.y], axis=1)[self.triangles[:, k]] for k in range(3))
        return np.abs(cross(second - first, third - first)) / 2

    def at(self, points: NDArray[np.float64], values: NDArray) -> NDArray[np.float64]:
        """Values at points of the plane (n, 2), linear in each triangle, from those at the corners; NaN outside.

        Matplotlib's interpolator refuses most cuts through solids as invalid triangulations.
        """
        corners = np.stack([self.x, self.y], axis=1)[self.triangles]  # (c, 3, 2)
        _, near = cKDTree(corners.mean(axis=1)).query(points, k=min(NEAR, len(corners)))
        near = near.reshape(len(points), -1)
        origin, *others = np.moveaxis(corners[near], 2, 0)  # (n, near, 2) each
        first, second = (other - origin for other in others)
        offset = points[:, None] - origin
        area = cross(first, second)
        area = np.where(area == 0, np.nan, area)  # flat triangles hold no point
        b, c = cross(offset, second) / area, cross(first, offset) / area
        weights = np.stack([1 - b - c, b, c], axis=-1)  # (n, near, 3)
        holds = np.asarray((weights >= -INSIDE).all(axis=-1))
        chosen = np.take_along_axis(weights, holds.argmax(axis=1)[:, None, None], axis=1)[:, 0]
        triangle = np.take_along_axis(near, holds.argmax(axis=1)[:, None], axis=1)[:, 0]
        inside = np.sum(chosen * values[self.triangles[triangle]], axis=1)
        return np.where(holds.any(axis=1), inside, np.nan)


def cross(a: NDArray, b: NDArray) -> NDArray:
    """a_x b_y - a_y b_x."""
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]


def surface(nodes: Nodes, across: str, up: str) -> Surface:
    """The triangles of a plane mesh; of a solid one the cut through the middle of its third coordinate."""
    assert nodes.cells is not None
    x, y = nodes.positions[across], nodes.positions[up]
    if nodes.cells.shape[1] == 3:
        own = np.arange(len(x))
        return Surface(x, y, nodes.cells, own, own, np.zeros(len(x)))
    (normal,) = (values for name, values in nodes.positions.items() if name not in (across, up))
    height = normal - (normal.min() + (0.5 + ASIDE) * np.ptp(normal))
    edges, triangles = plane_cut(nodes.cells, height > 0)
    first, second = edges.T
    weight = height[first] / (height[first] - height[second])
    at = (1 - weight) * np.stack([x, y])[:, first] + weight * np.stack([x, y])[:, second]
    return Surface(at[0], at[1], triangles, first, second, weight)


def plane_cut(cells: NDArray[np.int64], above: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Where a plane cuts tetrahedra (c, 4) whose nodes lie above it or not: the edges (k, 2), and triangles of them.

    One corner alone on its side is cut off by a triangle, two against two by a quadrilateral.
    """
    side = above[cells]
    ordered = np.take_along_axis(cells, np.argsort(side, axis=1, kind="stable"), axis=1)  # those below first
    count = side.sum(axis=1)
    corners = [
        cut_edges(ordered[count == 1], (3, 0), (3, 1), (3, 2)),
        cut_edges(ordered[count == 3], (0, 1), (0, 2), (0, 3)),
        cut_edges(ordered[count == 2], (0, 2), (0, 3), (1, 3)),
        cut_edges(ordered[count == 2], (0, 2), (1, 3), (1, 2)),
    ]
    triangles = np.sort(np.concatenate(corners), axis=-1)  # (c, 3, 2)
    edges, numbers = np.unique(triangles.reshape(-1, 2), axis=0, return_inverse=True)
    return edges, numbers.reshape(-1, 3)


def cut_edges(cells: NDArray[np.int64], *edges: tuple[int, int]) -> NDArray[np.int64]:
    """These edges of the cells, (c, 3, 2)."""
    return np.stack([cells[:, list(edge)] for edge in edges], axis=1)
