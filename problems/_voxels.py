"""Finite elements on a union of cubes: Laplace's equation with fluxes and heat transfer on its faces."""

from collections.abc import Callable
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import RegularGridInterpolator
from scipy.sparse import coo_matrix, diags
from scipy.sparse.linalg import cg

MASS, STIFFNESS = np.array([[2, 1], [1, 2]]) / 6, np.array([[1, -1], [-1, 1]])  # of a linear element of length 1


class Voxels:
    """Trilinear elements on the cubes of edge h whose centers lie in a solid that they fill exactly.

    solid: points (n, 3) to whether they lie inside. lower, upper: its bounding box, whole numbers of h long.
    """

    def __init__(
        self,
        solid: Callable[[NDArray], NDArray],
        lower: NDArray[np.float64],
        upper: NDArray[np.float64],
        h: float,
    ) -> None:
        self.h, self.lower = h, lower
        self.counts = np.round((upper - lower) / h).astype(int)
        index = np.stack(np.meshgrid(*map(np.arange, self.counts), indexing="ij"), axis=-1).reshape(-1, 3)
        self.filled = solid(lower + h * (index + 0.5)).reshape(self.counts)
        self.nodes = np.arange(np.prod(self.counts + 1)).reshape(self.counts + 1)

    def solve(self, transfer: Callable[[NDArray], NDArray], flux: Callable[[NDArray], NDArray]) -> NDArray[np.float64]:
        """u on the grid of nodes of  lap u = 0,  du/dn = flux - transfer u  on the faces; NaN outside.

        transfer, flux: of the centers (n, 3) of boundary faces.
        """
        corners = np.array(list(product((0, 1), repeat=3)))
        cells = self._numbers(np.argwhere(self.filled), corners)
        element = self.h * sum(
            np.kron(np.kron(*(STIFFNESS if i == k else MASS for i in (0, 1))), STIFFNESS if k == 2 else MASS)
            for k in range(3)
        )
        parts = [(cells, np.broadcast_to(element, (len(cells), 8, 8)))]
        load = np.zeros(self.nodes.size)
        for faces, centers in self._faces():
            face = self.h**2 * np.kron(MASS, MASS)
            parts.append((faces, transfer(centers)[:, None, None] * face))
            np.add.at(load, faces, (flux(centers) * self.h**2 / 4)[:, None])
        rows = np.concatenate([np.repeat(n, n.shape[1], axis=1).reshape(-1) for n, _ in parts])
        columns = np.concatenate([np.tile(n, (1, n.shape[1])).reshape(-1) for n, _ in parts])
        values = np.concatenate([m.reshape(-1) for _, m in parts])
        matrix = coo_matrix((values, (rows, columns)), shape=(len(load), len(load))).tocsr()
        used = np.unique(cells)
        matrix = matrix[used][:, used]
        found, failed = cg(matrix, load[used], rtol=1e-10, maxiter=5000, M=diags(1 / matrix.diagonal()))
        assert not failed
        u = np.full(self.nodes.size, np.nan)
        u[used] = found
        return u.reshape(self.nodes.shape)

    def _numbers(self, cells: NDArray[np.intp], corners: NDArray[np.intp]) -> NDArray[np.intp]:
        """The nodes (c, k) at some corners of cells (c, 3)."""
        at = cells[:, None] + corners
        return self.nodes[at[..., 0], at[..., 1], at[..., 2]]

    def _faces(self) -> list[tuple[NDArray[np.intp], NDArray[np.float64]]]:
        """The nodes (f, 4) and the centers (f, 3) of the faces between a filled cell and an empty one."""
        found = []
        around = np.pad(self.filled, 1)
        for axis, end in product(range(3), (0, 1)):
            neighbor = np.roll(around, 1 - 2 * end, axis=axis)[1:-1, 1:-1, 1:-1]
            cells = np.argwhere(self.filled & ~neighbor)
            corners = np.array([corner for corner in product((0, 1), repeat=3) if corner[axis] == end])
            middle = np.full(3, 0.5)
            middle[axis] = end
            found.append((self._numbers(cells, corners), self.lower + self.h * (cells + middle)))
        return found

    def surface(self) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
        """The boundary as triangles: vertices (v, 3), and three of them for each, counterclockwise from outside."""
        triangles = []
        for (axis, end), (nodes, _) in zip(product(range(3), (0, 1)), self._faces(), strict=True):
            # corners in the order 00, 01, 10, 11 of the two other axes: around the face it is 00, 10, 11, 01
            around = nodes[:, [0, 2, 3, 1]]
            around = around if (end == 1) == (axis != 1) else around[:, ::-1]
            triangles += [around[:, [0, 1, 2]], around[:, [0, 2, 3]]]
        used, faces = np.unique(np.concatenate(triangles), return_inverse=True)
        places = np.stack(np.unravel_index(used, self.nodes.shape), axis=1)
        return self.lower + self.h * places, faces.reshape(-1, 3)

    def interpolated(self, u: NDArray[np.float64]) -> Callable[[NDArray], NDArray]:
        """u between its nodes, trilinear: of points (n, 3)."""
        axes = [a + self.h * np.arange(n + 1) for a, n in zip(self.lower, self.counts, strict=True)]
        function = RegularGridInterpolator(tuple(axes), u, bounds_error=False, fill_value=None)

        def at(x: NDArray) -> NDArray:
            # a point on a face may belong to the empty cell beside it: a step inwards, towards filled ones
            cell = np.clip(np.floor((x - self.lower) / self.h).astype(int), 0, self.counts - 1)
            return np.asarray(function(self._inwards(x, cell)))

        return at

    def _inwards(self, x: NDArray[np.float64], cell: NDArray[np.intp]) -> NDArray[np.float64]:
        """Points, those in empty cells moved to the nearest place in a filled neighbor."""
        moved = x.copy()
        left = np.flatnonzero(~self.filled[tuple(cell.T)])
        for step in sorted(product((-1, 0, 1), repeat=3), key=lambda s: sum(map(abs, s))):
            if len(left) == 0:
                break
            neighbor = np.clip(cell[left] + step, 0, self.counts - 1)
            low = self.lower + self.h * neighbor
            held = np.clip(x[left], low + 1e-9 * self.h, low + (1 - 1e-9) * self.h)
            good = self.filled[tuple(neighbor.T)] & (np.abs(held - x[left]).max(axis=1) < 1e-6 * self.h)
            moved[left[good]] = held[good]
            left = left[~good]
        return moved
