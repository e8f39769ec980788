"""Least squares of full rank in double precision by a triangle that is not quite J's: a preconditioner.

With R of the columns rounded to single precision, which takes half the time, conjugate gradients for least squares
converge in three or four iterations, as long as the condition number is far below 1e7; so they do with R of a J of
before that is nearly the same. Bjorck 1996, Numerical Methods for Least Squares Problems, section 7.5; Carson, Higham &
Pranesh 2020, doi:10.1137/20M1316822.
"""

import torch
from torch import Tensor

FEW = 256  # columns below which a QR in double precision is as quick
REGULAR = 1e-3  # least over largest on R's diagonal, below which single precision says nothing of a matrix
MOST, CONVERGED = 12, 1e-13  # iterations, and the gradient over the length of w at which they end
REFINEMENTS = 2  # iterations for what they leave, whose residual is computed anew
LOOK, FALLEN = 4, 1e-3  # iterations after which the gradient is to have fallen to this share of its first length


class NearTriangle:
    """R of a matrix close to J (n, p), whose columns have about one length. r: (p, p), in J's type."""

    def __init__(self, j: Tensor, r: Tensor) -> None:
        self.j, self.r = j, r

    @classmethod
    def in_single_precision(cls, j: Tensor) -> "NearTriangle | None":
        """R of J rounded to single precision; None where it does not pay, or J is too close to a deficient rank."""
        if j.dtype != torch.float64 or j.shape[1] < FEW or j.shape[0] < j.shape[1]:
            return None
        r = torch.linalg.qr(j.float(), mode="r").R.to(j)
        diagonal = r.diagonal().abs()
        return cls(j, r) if bool(diagonal.min() > REGULAR * diagonal.max()) else None

    def solution(self, w: Tensor) -> tuple[Tensor, bool]:
        """The delta (p,) that minimizes ||J delta + w||, and whether the iterations converge; if not it is nearer."""
        delta, is_solved = self._iterated(w, MOST)
        more, _ = self._iterated(w + self.j @ delta, REFINEMENTS)
        return delta + more, is_solved

    def _iterated(self, w: Tensor, most: int) -> tuple[Tensor, bool]:
        """The same after so many iterations at most, and whether the gradient has fallen enough."""
        y, left = torch.zeros_like(self.r[0]), -w
        gradient = self._back(self.j.mT @ left)
        direction, square, enough = gradient, float(gradient @ gradient), CONVERGED**2 * float(w @ w)
        first = square
        for number in range(most):
            if square <= enough or (number == LOOK and square > FALLEN**2 * first):
                break
            step = self.j @ self._forth(direction)
            length = square / float(step @ step)
            y, left = y + length * direction, left - length * step
            gradient, before = self._back(self.j.mT @ left), square
            square = float(gradient @ gradient)
            direction = gradient + square / before * direction
        return self._forth(y), square <= enough

    def _forth(self, y: Tensor) -> Tensor:
        """R^-1 y."""
        return torch.linalg.solve_triangular(self.r, y.unsqueeze(1), upper=True).squeeze(1)

    def _back(self, z: Tensor) -> Tensor:
        """R^-T z."""
        return torch.linalg.solve_triangular(self.r.mT, z.unsqueeze(1), upper=False).squeeze(1)
