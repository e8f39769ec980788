"""Simplices, and charts of whatever is made of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pinn.basis.errors import require
from pinn.domains.base import Domain, Shape, box_around, checked_points
from pinn.domains.charts import Chart, Placed, chosen
from pinn.domains.placement import Similarity

FLAT = 1e-12  # volume of a simplex, relative to that of a cube with its longest edge, below which it is degenerate


def simplex_measures(cells: NDArray[np.float64]) -> NDArray[np.float64]:
    """Volumes (areas, lengths) of simplices (c, m + 1, d) of dimension m: sqrt(det G) / m!, G their Gram matrix."""
    edges = cells[:, 1:] - cells[:, :1]
    m, d = edges.shape[1:]
    if m == d:  # without the root, which would make 1e-8 of a rounding error of 1e-16
        return np.abs(np.linalg.det(edges)) / math.factorial(m)
    gram = np.einsum("cid,cjd->cij", edges, edges)
    return np.sqrt(np.maximum(np.linalg.det(gram), 0.0)) / math.factorial(m)


def cells_chart(cells: NDArray[np.float64], normals: NDArray[np.float64] | None = None) -> Chart:
    """The union of disjoint simplices (c, m + 1, d), m >= 1, with the normal (c, d) of each where it is a boundary.

    The sorted cube coordinates are barycentric ones, uniform in the simplex.
    """
    measures = simplex_measures(cells)
    used = measures > 0
    cells, measures = cells[used], measures[used]
    normals = None if normals is None else normals[used]
    m = cells.shape[1] - 1
    edges = np.concatenate([[0.0], np.cumsum(measures) / measures.sum()])
    edges[-1] = 1.0

    def place(u: NDArray) -> Placed:
        index, first = chosen(edges, u[:, 0])
        ordered = np.sort(np.column_stack([first, u[:, 1:]]), axis=1)
        weights = np.diff(ordered, axis=1, prepend=0.0, append=1.0)  # (n, m + 1)
        x = np.einsum("nv,nvd->nd", weights, cells[index])
        return Placed(x, None if normals is None else normals[index])

    return Chart(m, float(measures.sum()), place, breaks=tuple(edges) if m == 1 else (0.0, 1.0))


def outward_normals(facets: NDArray[np.float64], inside: NDArray[np.float64]) -> NDArray[np.float64]:
    """Unit normals (f, d) of flat facets (f, d, d), pointing away from one point (f, d) each."""
    edges = facets[:, 1:] - facets[:, :1]  # (f, d - 1, d)
    normals = np.linalg.svd(edges)[2][:, -1]
    away = np.sum(normals * (facets[:, 0] - inside), axis=1)
    return normals * np.where(away >= 0, 1.0, -1.0)[:, None]


class Simplex(Shape):
    """The triangle, tetrahedron, ... of d + 1 vertices (d + 1, d); its boundary is one side of its name.

    Raises UserError for another number of vertices, and where they lie in a plane (a line, a point).
    """

    def __init__(self, vertices: ArrayLike, *, name: str = "simplex", coordinates: Sequence[str] | None = None) -> None:
        self.vertices = checked_points("vertices", vertices)
        count, d = self.vertices.shape
        require(d >= 2, "a simplex has two dimensions or more; try Box(x=(0, 1)) for an interval")
        require(count == d + 1, f"a simplex of {d} dimensions has {d + 1} vertices, got {count}")
        longest = max(np.linalg.norm(a - b) for a, b in combinations(self.vertices, 2))
        flat = simplex_measures(self.vertices[None])[0] <= FLAT * longest**d
        require(not flat, "the simplex is degenerate: its vertices lie in a plane, a line or a point")
        self._describe(d, coordinates, name)
        facets = np.array([np.delete(self.vertices, i, axis=0) for i in range(d + 1)])
        self._facets, self._normals = facets, outward_normals(facets, self.vertices)

    @property
    def bounds(self) -> dict[str, tuple[float, float]]:
        return box_around(self.coordinates, self.vertices)

    def contains(self, x: NDArray[np.float64]) -> NDArray[np.bool_]:
        return self._beyond(x).max(axis=1) <= 0

    def distance(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        beyond = self._beyond(x).max(axis=1)
        outside = beyond > 0
        found = beyond.copy()
        found[outside] = distance_to_simplex(x[outside], self.vertices)
        return found

    def _beyond(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """How far beyond the plane of each facet (n, d + 1)."""
        return x @ self._normals.T - np.sum(self._facets[:, 0] * self._normals, axis=1)

    def _interior_chart(self) -> Chart:
        return cells_chart(self.vertices[None])

    def facets(self, side: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The facets (d + 1, d, d) of its only side, by their vertices, and their outward unit normals (d + 1, d)."""
        return self._facets, self._normals

    def _side_chart(self, side: str) -> Chart:
        return cells_chart(*self.facets(side))

    def placed(self, similarity: Similarity) -> Domain:
        return Simplex(similarity.points(self.vertices).tolist(), name=self.name, coordinates=self.coordinates)


def distance_to_simplex(x: NDArray[np.float64], vertices: NDArray[np.float64]) -> NDArray[np.float64]:
    """The distance of points (n, d) outside a simplex of any dimension (m + 1, d).

    The smallest over all its faces on which the foot of a point lies, those of the full dimension d apart.
    """
    nearest = np.full(len(x), np.inf)
    for size in range(1, min(len(vertices), x.shape[1]) + 1):
        for face in combinations(vertices, size):
            corner, edges = face[0], np.array(face)[1:] - face[0]
            weights = (x - corner) @ np.linalg.pinv(edges) if size > 1 else np.zeros((len(x), 0))
            on_face = (weights >= 0).all(axis=1) & (weights.sum(axis=1) <= 1)
            gap = np.linalg.norm(x - corner - weights @ edges, axis=1)
            nearest = np.where(on_face, np.minimum(nearest, gap), nearest)
    return nearest
