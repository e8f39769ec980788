"""Damped least squares: delta(lam) = -(J^T J + lam I)^-1 J^T w for several dampings lam >= 0 and row vectors w (N,).

Each class prepares what does not depend on lam once; `solve` then serves every damping and right-hand side.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Adjoint = Callable[[Tensor], Tensor]  # w (N,) -> J^T w (p,)


class DampedSystem(ABC):
    """The linear systems of one Gauss-Newton step."""

    @abstractmethod
    def solve(self, damping: float, w: Tensor) -> Tensor | None:
        """delta (p,), or None where the damped matrix is numerically singular or indefinite."""


class Cholesky(DampedSystem):
    """From J^T J by one Cholesky factorization a damping, p^3 / 3 flops; the latest factor is kept.

    J^T J squares the condition number: directions below about 1e-8 of the largest singular value are noise.
    """

    def __init__(self, product: Tensor, adjoint: Adjoint) -> None:
        self.product = product
        self.adjoint = adjoint
        self._factor: tuple[float, Tensor | None] = (-1.0, None)

    def solve(self, damping: float, w: Tensor) -> Tensor | None:
        if self._factor[0] != damping:
            damped = self.product.clone()
            damped.diagonal().add_(damping)
            factor, failed = torch.linalg.cholesky_ex(damped)
            self._factor = (damping, None if int(failed) else factor)
        factor = self._factor[1]
        if factor is None:
            return None
        return -torch.cholesky_solve(self.adjoint(w).unsqueeze(1), factor).squeeze(1)


class Eigen(DampedSystem):
    """From J^T J by one eigendecomposition for all dampings, about 9 p^3 flops."""

    def __init__(self, product: Tensor, adjoint: Adjoint) -> None:
        values, self.vectors = torch.linalg.eigh(product)
        self.values = values.clamp_min(0.0)  # rounding makes the smallest ones negative
        self.adjoint = adjoint

    def solve(self, damping: float, w: Tensor) -> Tensor | None:
        scale = self.values + damping
        if float(scale.min()) <= 0.0:
            return None
        return -self.vectors @ ((self.vectors.mT @ self.adjoint(w)) / scale)


class Orthogonal(DampedSystem):
    """From J itself, J = Q R and R = U S V^T: no squared condition number; about 2 N p^2 + 20 p^3 flops.

    delta = -V S / (S^2 + lam) (Q U)^T w. Directions below rounding (p eps of the largest singular value) are left out.
    """

    def __init__(self, j: Tensor) -> None:
        q, r = torch.linalg.qr(j)
        u, self.singular, self.vt = torch.linalg.svd(r, full_matrices=False)
        self.left = q @ u  # (N, min(N, p))
        self.floor = float(self.singular[0]) * max(j.shape) * torch.finfo(j.dtype).eps

    def solve(self, damping: float, w: Tensor) -> Tensor | None:
        s = self.singular
        filtered = torch.where(s > self.floor, s / (s * s + damping), torch.zeros_like(s))
        return -self.vt.mT @ (filtered * (self.left.mT @ w))


class Triangular(DampedSystem):
    """From R of J = Q R and Q^T r: `Orthogonal` where J is not held; 20 p^3 flops beside those of R.

    R = U S V^T gives delta = -V S / (S^2 + lam) U^T Q^T r. Q^T w of another w is not known: there
    delta = -V / (S^2 + lam) V^T J^T w, the seminormal equations.
    """

    def __init__(self, factor: Tensor, projected: Tensor, r: Tensor, adjoint: Adjoint) -> None:
        u, self.singular, self.vt = torch.linalg.svd(factor, full_matrices=False)
        self.floor = float(self.singular[0]) * max(factor.shape) * torch.finfo(factor.dtype).eps
        self.r = r
        self.components = self.singular * (u.mT @ projected)  # V^T J^T r
        self.adjoint = adjoint

    def solve(self, damping: float, w: Tensor) -> Tensor | None:
        components = self.components if w is self.r else self.vt @ self.adjoint(w)
        scale = self.singular.square() + damping
        filtered = torch.where(self.singular > self.floor, components / scale, torch.zeros_like(components))
        return -self.vt.mT @ filtered


class Dual(DampedSystem):
    """For more parameters than rows: delta = -J^T (J J^T + lam I)^-1 w, N^2 p + N^3 / 3 flops."""

    def __init__(self, j: Tensor) -> None:
        self.j = j
        self.kernel = Cholesky(j @ j.mT, lambda w: w)

    def solve(self, damping: float, w: Tensor) -> Tensor | None:
        solved = self.kernel.solve(damping, w)
        return None if solved is None else self.j.mT @ solved


@dataclass(frozen=True)
class ConjugateGradients(DampedSystem):
    """Matrix-free: conjugate gradients on v -> J^T (J v) + lam v, by products with J and J^T only.

    Stops at a relative residual `tolerance` or after `iterations` products.
    """

    forward: Callable[[Tensor], Tensor]
    adjoint: Adjoint
    tolerance: float = 1e-6
    iterations: int = 200

    def solve(self, damping: float, w: Tensor) -> Tensor | None:
        residual = -self.adjoint(w)
        delta, direction = torch.zeros_like(residual), residual.clone()
        square = residual @ residual
        goal = self.tolerance**2 * float(square)
        for _ in range(self.iterations):
            if float(square) <= goal:
                break
            image = self.adjoint(self.forward(direction)) + damping * direction
            length = square / (direction @ image)
            delta = delta + length * direction
            residual = residual - length * image
            previous, square = square, residual @ residual
            direction = residual + (square / previous) * direction
        return delta
