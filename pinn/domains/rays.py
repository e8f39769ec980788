"""Which points lie inside closed edges or a closed surface of triangles: the parity of the crossings of a ray."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from pinn.domains.triangles import parts, ranks, scaled_normals

PAIRS = 2**20  # pairs of points and triangles that are held at once
TILTS = ((0.4126, -0.3341, 0.2718), (-0.1973, 0.5219, 0.3607), (0.2887, 0.1414, -0.6183))
"""Rotation vectors, such that no ray runs along a face of an axis-parallel solid."""
GRAZING = 1e-11  # of the size squared: how close to an edge a ray is left to another tilt


def inside_edges(x: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether an odd number of the edges (f, 2, 2) of a closed outline is above each of the points (n, 2)."""
    inside = np.zeros(len(x), dtype=bool)
    for (x0, y0), (x1, y1) in edges:
        if x0 != x1:
            spans = (x[:, 0] >= x0) != (x[:, 0] >= x1)
            inside ^= spans & (x[:, 1] < y0 + (x[:, 0] - x0) * ((y1 - y0) / (x1 - x0)))
    return inside


class Inside:
    """Whether points lie inside the closed surface of triangles (f, 3, 3)."""

    def __init__(self, triangles: NDArray[np.float64]) -> None:
        self._triangles = triangles
        self._columns: list[Columns] = []

    def __call__(self, x: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Of points (n, 3): (n,). A ray that grazes an edge or a corner is left to one in another direction."""
        inside, left = np.zeros(len(x), dtype=bool), np.arange(len(x))
        for i, tilt in enumerate(TILTS):
            if len(left) == 0:
                break
            if i == len(self._columns):
                self._columns.append(Columns(self._triangles, tilt))
            inside[left], doubtful = self._columns[i].inside(x[left])
            left = left[doubtful]
        return inside


class Columns:
    """The triangles (f, 3, 3) of a closed surface, turned and sorted into columns of a grid along which rays run."""

    def __init__(self, triangles: NDArray[np.float64], tilt: tuple[float, float, float]) -> None:
        self._rotation = Rotation.from_rotvec(tilt).as_matrix()
        turned = triangles @ self._rotation.T
        flat = turned[..., :2]
        self._lines, self._reversed = _lines(flat)
        self._planes = _planes(turned)
        self._lower = flat.min(axis=(0, 1))
        self._upper = flat.max(axis=(0, 1))
        self._grazing = GRAZING * float(np.prod(self._upper - self._lower))
        self._count = int(np.clip(np.sqrt(2 * len(triangles)), 1, 512))  # columns along each of two directions
        self._starts, self._members = self._sorted(flat)

    def _cells(self, points: NDArray[np.float64]) -> NDArray[np.intp]:
        cell = (points - self._lower) / (self._upper - self._lower) * self._count
        return np.clip(np.floor(cell), 0, self._count - 1).astype(np.intp)

    def _sorted(self, flat: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Column by column the numbers of the triangles whose bounding boxes meet it, and where each column starts."""
        low, high = self._cells(flat.min(axis=1)), self._cells(flat.max(axis=1))
        wide = high - low + 1
        number, within = np.repeat(np.arange(len(flat)), wide.prod(axis=1)), ranks(wide.prod(axis=1))
        column = (low[number, 0] + within // wide[number, 1]) * self._count + low[number, 1] + within % wide[number, 1]
        order = np.argsort(column, kind="stable")
        starts = np.searchsorted(column[order], np.arange(self._count**2 + 1))
        return starts, number[order]

    def inside(self, x: NDArray[np.float64]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Whether an odd number of triangles is above each of the points (n, 3), and whether its ray grazes an edge."""
        turned = x @ self._rotation.T
        within = ((turned[:, :2] >= self._lower) & (turned[:, :2] <= self._upper)).all(axis=1)
        odd, doubtful = np.zeros(len(x), dtype=bool), np.zeros(len(x), dtype=bool)
        rows = np.flatnonzero(within)
        cells = self._cells(turned[rows, :2])
        column = cells[:, 0] * self._count + cells[:, 1]
        rows, column = rows[order := np.argsort(column, kind="stable")], column[order]
        count = self._starts[column + 1] - self._starts[column]
        for part in parts(count, PAIRS):
            own = rows[part]
            odd[own], doubtful[own] = self._odd(turned[own], self._starts[column[part]], count[part])
        return odd, doubtful

    def _odd(
        self, points: NDArray[np.float64], starts: NDArray[np.intp], count: NDArray[np.intp]
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """As `inside`, of the candidates starts ... starts + count - 1 of each point."""
        point = np.repeat(np.arange(len(points)), count)
        triangle = self._members[ranks(count) + np.repeat(starts, count)]
        flat = np.column_stack([points[:, :2], np.ones(len(points))])[point]
        height = np.einsum("pij,pj->pi", self._lines[triangle], flat)  # (p, 3), twice the areas with the edges
        left = (height >= 0) ^ self._reversed[triangle]
        covers = left.all(axis=1) | ~left.any(axis=1)
        above = np.einsum("pj,pj->p", self._planes[triangle], flat) > points[point, 2]
        odd = np.bincount(point, weights=covers & above, minlength=len(points)).astype(np.intp) % 2 == 1
        near = (np.abs(height) < self._grazing).any(axis=1)
        return odd, np.bincount(point, weights=near, minlength=len(points)) > 0


def _lines(flat: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Coefficients (f, 3, 3) of the line through each edge, and whether they run against the edge (f, 3).

    Each line is taken from the lower of its ends, so that two triangles that share an edge get the same numbers: a ray
    through it meets one of them, whatever the rounding.
    """
    start, end = flat, np.roll(flat, -1, axis=1)
    against = (end[..., 0] < start[..., 0]) | ((end[..., 0] == start[..., 0]) & (end[..., 1] < start[..., 1]))
    first = np.where(against[..., None], end, start)
    along = np.where(against[..., None], start, end) - first
    constant = along[..., 1] * first[..., 0] - along[..., 0] * first[..., 1]
    return np.stack([-along[..., 1], along[..., 0], constant], axis=-1), against


def _planes(triangles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Coefficients (f, 3) of the height over the plane, z = a x + b y + c; -inf for triangles that stand upright."""
    normals = scaled_normals(triangles)
    upright = np.abs(normals[:, 2]) <= 1e-14 * np.linalg.norm(normals, axis=1)
    slope = -normals[:, :2] / np.where(upright, 1.0, normals[:, 2])[:, None]
    height = triangles[:, 0, 2] - np.sum(slope * triangles[:, 0, :2], axis=1)
    planes = np.column_stack([slope, height])
    planes[upright] = [0.0, 0.0, -np.inf]
    return planes
