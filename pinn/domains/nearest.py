"""The nearest point of a smooth surface that is the image of a box, by Newton's method from the nearest node."""

from collections.abc import Callable
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from torch import Tensor
from torch.func import jacfwd, vmap

from pinn.domains.rules import grid

STEPS = 30  # of Newton's iteration, which ends sooner where it has settled
SETTLED = 1e-14  # step in the parameters, relative to their range, below which it has

# One point of the parameters (k,) to one point of space (d,), by torch functions.
Position = Callable[[Tensor], Tensor]


class ParametricSurface:
    """x = position(s) for s in a box [lower, upper] of dimension k, in torch functions.

    nodes: along each parameter, of the search's start: as many as resolve the curvature. closed: for each parameter,
    whether the surface goes on at the box's other end, so that a foot may pass it.
    """

    def __init__(
        self,
        position: Position,
        lower: NDArray[np.float64],
        upper: NDArray[np.float64],
        nodes: int,
        closed: NDArray[np.bool_],
    ) -> None:
        self.position = position
        self.lower, self.upper = lower, upper
        self.spacing = (upper - lower) / nodes
        self.nodes = nodes
        self.closed = closed

    def at(self, s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Points (n, d) at parameters (n, k)."""
        return vmap(self.position)(torch.as_tensor(s)).numpy()

    def tangents(self, s: NDArray[np.float64]) -> NDArray[np.float64]:
        """dx_i / ds_j (n, d, k)."""
        return vmap(jacfwd(self.position))(torch.as_tensor(s)).numpy()

    @cached_property
    def _tree(self) -> tuple[NDArray[np.float64], cKDTree]:
        axes = [np.linspace(a, b, self.nodes + 1) for a, b in zip(self.lower, self.upper, strict=True)]
        s = grid(*axes)
        return s, cKDTree(self.at(s))

    def nearest_node(self, x: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The parameters (n, k) of the node nearest to each of x (n, d), and the distance (n,)."""
        s, tree = self._tree
        distance, index = tree.query(x)
        return s[index], distance

    def foot(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """The parameters (n, k) of the nearest point to each of x (n, d).

        Newton's method on |position(s) - x|^2 / 2, held within a cell of the nearest node, and Gauss-Newton where the
        Hessian is not positive.
        """
        start = self.nearest_node(x)[0]
        s = start.copy()
        if len(x) == 0:  # which vmap does not take
            return s
        low, high = start - self.spacing, start + self.spacing
        low = np.where(self.closed, low, np.maximum(low, self.lower))
        high = np.where(self.closed, high, np.minimum(high, self.upper))
        left = np.arange(len(x))  # that have not settled
        for _ in range(STEPS):
            moved = np.clip(s[left] + self._step(s[left], x[left]), low[left], high[left])
            change = np.max(np.abs(moved - s[left]) / (self.upper - self.lower), axis=1)
            s[left] = moved
            left = left[change >= SETTLED]
            if len(left) == 0:
                break
        return s

    def _step(self, s: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Newton's step where the Hessian is positive, else Gauss-Newton's."""
        gradient, hessian, normal = (part.numpy() for part in self._expansion(torch.as_tensor(s), torch.as_tensor(x)))
        positive = np.linalg.eigvalsh(hessian)[:, 0] > 0
        matrix = np.where(positive[:, None, None], hessian, normal)
        return -np.linalg.solve(matrix + 1e-300 * np.eye(s.shape[1]), gradient[..., None])[..., 0]

    def _expansion(self, s: Tensor, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Gradient (n, k), Hessian (n, k, k) and its Gauss-Newton part of |position - x|^2 / 2."""
        offset = vmap(self.position)(s) - x
        j = vmap(jacfwd(self.position))(s)
        second = vmap(jacfwd(jacfwd(self.position)))(s)  # (n, d, k, k)
        normal = j.mT @ j
        return (j.mT @ offset[..., None])[..., 0], normal + torch.einsum("nd,ndij->nij", offset, second), normal
