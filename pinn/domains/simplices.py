"""Simplices: triangles, tetrahedra and their like in more dimensions."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pinn.basis.errors import require
from pinn.domains.base import Domain, Shape, box_around
from pinn.domains.cells import FLAT, cells_chart, distance_to_simplex, outward_normals, simplex_measures
from pinn.domains.charts import Chart
from pinn.domains.checks import checked_points
from pinn.domains.similarity import Similarity


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
        self.bounds = box_around(self.coordinates, self.vertices)
        facets = np.array([np.delete(self.vertices, i, axis=0) for i in range(d + 1)])
        self._facets, self._normals = facets, outward_normals(facets, self.vertices)

    def contains(self, x: NDArray[np.float64]) -> NDArray[np.bool_]:
        return self._beyond(x).max(axis=1) <= 0

    def distance(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        distance = self._beyond(x).max(axis=1)
        outside = distance > 0
        distance[outside] = distance_to_simplex(x[outside], self.vertices)
        return distance

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
