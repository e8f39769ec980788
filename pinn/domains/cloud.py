"""Domains known by scattered points only."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import Delaunay

from pinn.basis.errors import require
from pinn.domains.base import Shape, Triangulation, box_around
from pinn.domains.cells import (
    FLAT,
    cells_chart,
    distance_to_simplex,
    outward_normals,
    simplex_measures,
    without_strays,
)
from pinn.domains.charts import Chart
from pinn.domains.checks import checked_length, checked_points

REACH = 3.0  # default longest edge over the median one
PROBE = 1e-6  # of the reach: how far from a facet it is looked which side is outside


class PointCloud(Shape):
    """The region that scattered points (k, d) of the plane or of space fill, such as those of a measurement.

    Its cells are the Delaunay simplices of the points without an edge longer than `reach` (default three times the
    median edge), its boundary their free facets, one side of its name: what lies between
    points that are farther apart is outside. Raises UserError for too few points, and where no cell is left.
    """

    def __init__(
        self,
        points: ArrayLike,
        reach: float | None = None,
        *,
        name: str = "cloud",
        coordinates: Sequence[str] | None = None,
    ) -> None:
        self.points = np.unique(checked_points("points", points), axis=0)
        count, d = self.points.shape
        require(d in (2, 3), f"point clouds have two or three dimensions, got {d}")
        require(count > d, f"a point cloud of {d} dimensions needs {d + 1} different points or more, got {count}")
        self._describe(d, coordinates, name)
        spacing = np.linalg.svd(self.points - self.points.mean(axis=0), compute_uv=False)
        require(bool(spacing[-1] > 1e-12 * spacing[0]), "the points lie in a plane, a line or a point")
        self._delaunay = Delaunay(self.points)
        corners = self.points[self._delaunay.simplices]  # (c, d + 1, d)
        edges = np.linalg.norm(corners[:, :, None] - corners[:, None], axis=-1)
        median = float(np.median(edges[edges > 0]))
        self.reach = REACH * median if reach is None else checked_length("reach", reach)
        self._used = edges.max(axis=(1, 2)) <= self.reach
        require(bool(self._used.any()), f"no points are within the reach of {self.reach:g} of each other; enlarge it")
        self.cells = self._delaunay.simplices[self._used].astype(np.intp)
        self.bounds = box_around(self.coordinates, self.points[np.unique(self.cells)])

    def contains(self, x: NDArray[np.float64]) -> NDArray[np.bool_]:
        cell = self._delaunay.find_simplex(x)
        return (cell >= 0) & self._used[cell]

    def distance(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Exact; the facets are tried one after the other."""
        facets, _ = self._boundary
        nearest = np.full(len(x), np.inf)
        for facet in facets:
            nearest = np.minimum(nearest, distance_to_simplex(x, facet))
        return np.where(self.contains(x), -nearest, nearest)

    def _interior_chart(self) -> Chart:
        return cells_chart(self.points[self.cells])

    def _side_chart(self, side: str) -> Chart:
        return cells_chart(*self._boundary)

    @cached_property
    def _boundary(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The facets (f, d, d) that belong to one cell only, with their outward normals (f, d)."""
        d = len(self.coordinates)
        facets = np.concatenate([np.delete(self.cells, i, axis=1) for i in range(d + 1)])
        _, first, count = np.unique(np.sort(facets, axis=1), axis=0, return_index=True, return_counts=True)
        corners = self.points[facets[first[count == 1]]]
        corners = corners[simplex_measures(corners) > 0]
        middles = corners.mean(axis=1)
        normals = outward_normals(corners, middles)
        # a cell may be flat, as some of a regular grid are: which side is outside shows a step off the facet only
        inwards = self.contains(middles + PROBE * self.reach * normals)
        return corners, np.where(inwards[:, None], -normals, normals)

    def mesh(self, resolution: int) -> Triangulation:
        """The points that belong to a cell, and the cells; the resolution is theirs."""
        thick = self.cells[simplex_measures(self.points[self.cells]) > FLAT * self.reach ** len(self.coordinates)]
        return without_strays(self.points, thick)
