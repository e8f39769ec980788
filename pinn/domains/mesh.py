"""Domains that are meshes of simplices, with named groups of facets and cells."""

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from pinn.basis.errors import require
from pinn.domains.base import Domain, Shape, Triangulation, box_around
from pinn.domains.cavities import Cavity
from pinn.domains.cells import FLAT, cells_chart, outward_normals, simplex_measures, without_strays
from pinn.domains.charts import Chart
from pinn.domains.checks import checked_name, checked_points
from pinn.domains.quadrature import cells_rule
from pinn.domains.rays import Inside, inside_edges
from pinn.domains.rules import Rule
from pinn.domains.similarity import Similarity
from pinn.domains.surfaces import SurfaceDistance


class Mesh(Shape):
    """The region that triangles fill in the plane, or tetrahedra in space.

    nodes: (k, d), d = 2 or 3; those of equal coordinates are one. cells: (c, d + 1) numbers of nodes, in any order.
    facets: name -> (f, d) numbers of the nodes of edges or triangles; those on the boundary are a side of that name,
    what is left of the boundary is the side `name`. parts: name -> numbers of cells, for `part`.

    Raises UserError for numbers that are none of a node or a cell, cells that are flat, and facets of more than two
    cells.
    """

    def __init__(
        self,
        nodes: ArrayLike,
        cells: ArrayLike,
        *,
        facets: Mapping[str, ArrayLike] | None = None,
        parts: Mapping[str, ArrayLike] | None = None,
        name: str = "mesh",
        coordinates: Sequence[str] | None = None,
    ) -> None:
        self.nodes, same = np.unique(checked_points("nodes", nodes), axis=0, return_inverse=True)
        d = self.nodes.shape[1]
        require(d in (2, 3), f"meshes have two or three dimensions, got {d}")
        self._describe(d, coordinates, name)
        same = same.reshape(-1)
        self.cells = same[_numbers("cells", cells, d + 1, len(same))]
        self._check_cells()
        named = {checked_name(side): _numbers(side, given, d, len(same)) for side, given in (facets or {}).items()}
        self._named = {side: np.sort(same[given], axis=1) for side, given in named.items()}
        self.parts = {part: _members(part, given, len(self.cells)) for part, given in (parts or {}).items()}
        self._side = self._side_of_each_facet()
        self.sides = tuple(side for side in (self.name, *self._named) if (self._side == side).any())
        self.bounds = box_around(self.coordinates, self.nodes[np.unique(self.cells)])

    def _check_cells(self) -> None:
        corners = self.nodes[self.cells]
        edge = np.linalg.norm(corners[:, 1:] - corners[:, :1], axis=2).max(axis=1)
        flat = simplex_measures(corners) <= FLAT * edge ** self.nodes.shape[1]
        place = np.round(corners[int(np.argmax(flat))].mean(axis=0), 4).tolist()
        require(not flat.any(), f"{flat.sum()} cells of the mesh are flat, one near {place}")

    @cached_property
    def _boundary(self) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """The facets (f, d) that belong to one cell only, by their nodes in order, and their outward normals (f, d)."""
        d = len(self.coordinates)
        facets = np.sort(np.concatenate([np.delete(self.cells, i, axis=1) for i in range(d + 1)]), axis=1)
        opposite = self.cells.T.reshape(-1)  # of each facet the node of its cell that it has not
        _, first, count = np.unique(facets, axis=0, return_index=True, return_counts=True)
        place = np.round(self.nodes[facets[first[int(np.argmax(count))]]].mean(axis=0), 4).tolist()
        require(count.max() <= 2, f"a facet near {place} belongs to {count.max()} cells; do cells overlap there?")
        free = first[count == 1]
        return facets[free], outward_normals(self.nodes[facets[free]], self.nodes[opposite[free]])

    def _side_of_each_facet(self) -> NDArray[np.str_]:
        """Of each facet of the boundary: the first group that has it, else the name of the mesh."""
        facets, _ = self._boundary
        sides = np.full(len(facets), self.name, dtype=object)
        for side, named in self._named.items():
            in_group = _rows_in(facets, named)
            sides[in_group & (sides == self.name)] = side
        return sides.astype(str)

    def part(self, name: str) -> "Mesh":
        """The cells of a group as a domain; where it borders on other cells its side is of the groups there, or `name`.

        Raises UserError that lists the groups where there is none of that name.
        """
        require(name in self.parts, f"no part {name!r}; the parts are {', '.join(self.parts) or 'none'}")
        return self._made_of(self.nodes, self.cells[self.parts[name]], {})

    def _made_of(self, nodes: NDArray, cells: NDArray, parts: Mapping[str, NDArray]) -> "Mesh":
        lists = {name: members.tolist() for name, members in parts.items()}
        facets = {side: named.tolist() for side, named in self._named.items()}
        return Mesh(
            nodes.tolist(), cells.tolist(), facets=facets, parts=lists, name=self.name, coordinates=self.coordinates
        )

    @cached_property
    def _holes(self) -> tuple[Cavity, ...]:
        """The closed parts of the boundary that lie inside the outermost, with their middle outside the mesh."""
        facets, _ = self._boundary
        start, end = np.repeat(facets[:, 0], facets.shape[1] - 1), facets[:, 1:].reshape(-1)
        edges = coo_matrix((np.ones(len(start)), (start, end)), shape=(len(self.nodes), len(self.nodes)))
        piece = connected_components(edges, directed=False)[1][facets[:, 0]]
        holes = []
        lower, upper = np.array(list(self.bounds.values())).T
        for one in np.unique(piece):
            ends = self.nodes[facets[piece == one].reshape(-1)]
            middle = (ends.min(axis=0) + ends.max(axis=0)) / 2
            radius = float(self.distance(middle[None])[0])
            if radius > 0 and (ends.min(axis=0) > lower).all() and (ends.max(axis=0) < upper).all():
                holes.append(Cavity(dict(zip(self.coordinates, middle.tolist(), strict=True)), radius))
        return tuple(holes)

    @property
    def cavities(self) -> tuple[Cavity, ...]:
        return self._holes

    def contains(self, x: NDArray[np.float64]) -> NDArray[np.bool_]:
        """By the parity of the facets that a ray crosses."""
        return self._inside(x) if len(self.coordinates) == 3 else inside_edges(x, self.nodes[self._boundary[0]])

    @cached_property
    def _inside(self) -> Inside:
        return Inside(self.nodes[self._boundary[0]])

    def distance(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        gap = self._gap(x)
        return np.where(self.contains(x), -gap, gap)

    @cached_property
    def _gap(self) -> SurfaceDistance:
        return SurfaceDistance(self.nodes[self._boundary[0]])

    def _interior_chart(self) -> Chart:
        return cells_chart(self.nodes[self.cells])

    def facets(self, side: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The facets (f, d, d) of a side, by their corners, and their outward unit normals (f, d)."""
        facets, normals = self._boundary
        chosen = self._side == side
        return self.nodes[facets[chosen]], normals[chosen]

    def _side_chart(self, side: str) -> Chart:
        return cells_chart(*self.facets(side))

    def quadrature(self, n: int) -> Rule:
        """About n nodes, one in each cell at least: a Gauss rule in each cell, with weights > 0."""
        return cells_rule(self.nodes[self.cells], n=n)

    def side_quadrature(self, side: str, n: int) -> Rule:
        """About n nodes, one on each facet at least: a Gauss rule on each facet, with weights > 0 and normals."""
        return cells_rule(*self.facets(self.checked_side(side)), n=n)

    def mesh(self, resolution: int) -> Triangulation:
        """The mesh itself; the resolution is its own."""
        return without_strays(self.nodes, self.cells)

    def placed(self, similarity: Similarity) -> Domain:
        return self._made_of(similarity.points(self.nodes), self.cells, self.parts)


def _numbers(name: str, given: ArrayLike, columns: int, count: int) -> NDArray[np.intp]:
    """Rows of numbers of nodes, checked."""
    numbers = np.asarray(given)
    shaped = numbers.ndim == 2 and numbers.shape[1] == columns and numbers.dtype.kind in "iu" and len(numbers) > 0
    require(shaped, f"{name} must be numbers of nodes (k, {columns}), got {numbers.dtype} {numbers.shape}")
    known = bool(numbers.min() >= 0 and numbers.max() < count)
    require(known, f"{name} must number {count} nodes from 0, got {numbers.min()} to {numbers.max()}")
    return numbers.astype(np.intp)


def _members(name: str, given: ArrayLike, count: int) -> NDArray[np.intp]:
    """Numbers of cells, checked."""
    members = np.asarray(given)
    fits = members.ndim == 1 and members.dtype.kind in "iu" and len(members) > 0
    require(fits, f"the part {name} must be numbers of cells, got {members.dtype} {members.shape}")
    known = bool(members.min() >= 0 and members.max() < count)
    require(known, f"the part {name} must number {count} cells from 0, got {members.min()} to {members.max()}")
    return members.astype(np.intp)


def _rows_in(rows: NDArray[np.intp], others: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Whether each row is one of the others."""
    both = np.concatenate([rows, others])
    number = np.unique(both, axis=0, return_inverse=True)[1].reshape(-1)
    return np.isin(number[: len(rows)], number[len(rows) :])
