"""Polygons, with holes."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pinn.basis.errors import require
from pinn.domains.base import Domain, Shape, box_around
from pinn.domains.cells import cells_chart
from pinn.domains.charts import Chart
from pinn.domains.checks import checked_name, checked_points
from pinn.domains.optional import optional
from pinn.domains.rays import inside_edges
from pinn.domains.similarity import Similarity


class Polygon(Shape):
    """The region inside a polygon, less its holes: `Polygon([(0, 0), (2, 0), (0, 1)], holes=[[...]])`.

    vertices: (k, 2), in either order, without crossings. holes: likewise, each inside. Its outline is one side of its
    name, and the holes are the side `hole`; `edges` gives each edge of the outline, from vertex i to i + 1, a name of
    its own instead; equal names are one side. Needs shapely. Raises UserError for polygons that are degenerate or
    cross themselves, and holes that do not lie inside.
    """

    def __init__(
        self,
        vertices: ArrayLike,
        holes: Sequence[ArrayLike] = (),
        *,
        edges: Sequence[str] | None = None,
        name: str = "polygon",
        hole: str = "hole",
        coordinates: Sequence[str] | None = None,
    ) -> None:
        self._describe(2, coordinates, name)
        self.vertices = _ring("vertices", vertices)
        self.holes = tuple(_ring("holes", ring) for ring in holes)
        self.hole = checked_name(hole)
        count = len(self.vertices)
        require(edges is None or len(edges) == count, f"edges must be {count} names, one an edge, got {edges}")
        self.edges = None if edges is None else tuple(checked_name(edge) for edge in edges)
        _check(self._shape)
        self.bounds = box_around(self.coordinates, self.vertices)
        self.sides = tuple(dict.fromkeys((*(self.edges or self.sides), *(self.hole for _ in self.holes))))

    @cached_property
    def _shape(self) -> Any:
        return optional("shapely").Polygon(self.vertices, self.holes)

    def contains(self, x: NDArray[np.float64]) -> NDArray[np.bool_]:
        """By the parity of the edges that a ray upwards crosses."""
        rings = (self.vertices, *self.holes)
        return inside_edges(x, np.concatenate([np.stack([ring, np.roll(ring, -1, axis=0)], axis=1) for ring in rings]))

    def distance(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        shapely = optional("shapely")
        gap = shapely.distance(self._shape.boundary, shapely.points(x))
        return np.where(self.contains(x), -gap, gap)

    def _interior_chart(self) -> Chart:
        triangles = optional("shapely").constrained_delaunay_triangles(self._shape).geoms
        return cells_chart(np.array([triangle.exterior.coords[:3] for triangle in triangles]))

    def facets(self, side: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The edges (f, 2, 2) of a side, by their ends, and their outward unit normals (f, 2)."""
        names = [name for ring in self._rings for name in ring[1]]
        chosen = np.array([name == side for name in names])
        edges = np.concatenate([np.stack([ring, np.roll(ring, -1, axis=0)], axis=1) for ring, _ in self._rings])[chosen]
        along = edges[:, 1] - edges[:, 0]
        normals = np.column_stack([along[:, 1], -along[:, 0]]) / np.linalg.norm(along, axis=1, keepdims=True)
        return edges, normals

    def _side_chart(self, side: str) -> Chart:
        return cells_chart(*self.facets(side))

    @property
    def _rings(self) -> list[tuple[NDArray[np.float64], list[str]]]:
        """The outline counterclockwise and the holes clockwise, so that outside is to the right; edges' names."""
        names = [self.name] * len(self.vertices) if self.edges is None else list(self.edges)
        rings = [(self.vertices, names, 1.0), *((ring, [self.hole] * len(ring), -1.0) for ring in self.holes)]
        turned = []
        for ring, own, orientation in rings:
            if np.sign(_twice_area(ring)) == orientation:
                turned.append((ring, own))
            else:  # edge i, from vertex i to i + 1, becomes the one before the last but i
                turned.append((ring[::-1], [*own[-2::-1], own[-1]]))
        return turned

    def placed(self, similarity: Similarity) -> Domain:
        return Polygon(
            similarity.points(self.vertices).tolist(),
            [similarity.points(ring).tolist() for ring in self.holes],
            edges=self.edges,
            name=self.name,
            hole=self.hole,
            coordinates=self.coordinates,
        )


def _twice_area(ring: NDArray[np.float64]) -> float:
    after = np.roll(ring, -1, axis=0)
    return float(np.sum(ring[:, 0] * after[:, 1] - ring[:, 1] * after[:, 0]))


def _ring(name: str, vertices: ArrayLike) -> NDArray[np.float64]:
    """Vertices (k, 2), the last not repeating the first."""
    ring = checked_points(name, vertices, 2)
    if len(ring) > 1 and (ring[0] == ring[-1]).all():
        ring = ring[:-1]
    require(len(ring) >= 3, f"{name} must have three points or more, got {len(ring)}")
    twice = (ring == np.roll(ring, -1, axis=0)).all(axis=1)
    require(not twice.any(), f"{name} must not repeat a point, got {ring[twice][:1].tolist()} twice")
    return ring


def _check(shape: Any) -> None:
    """Raise UserError for a polygon that is no simple region."""
    explained = optional("shapely").is_valid_reason(shape)
    require(shape.is_valid, f"the polygon is not a simple region: {explained}")
    left, bottom, right, top = shape.bounds
    require(shape.area > 1e-12 * max(right - left, top - bottom) ** 2, "the polygon encloses no area")
