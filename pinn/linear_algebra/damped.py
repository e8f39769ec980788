"""Damped least squares: delta(lam) = -(J^T J + lam I)^-1 J^T w for several dampings lam >= 0 and row vectors w (N,).

Each class prepares what does not depend on lam once; `solve` then serves every damping and right-hand side.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from pinn.linear_algebra.secular import Spectrum, Step

ATTEMPTS = 12  # dampings tried for one length of a step
LENGTH = 0.1  # of a step's length to its radius, relative, where each damping takes a solve

Adjoint = Callable[[Tensor], Tensor]  # w (N,) -> J^T w (p,)


class DampedSystem(ABC):
    """The linear systems of one Gauss-Newton step."""

    @abstractmethod
    def solve(self, damping: float, w: Tensor) -> Tensor | None:
        """delta (p,), or None where the damped matrix is numerically singular or indefinite."""

    @property
    @abstractmethod
    def scale(self) -> float:
        """The largest eigenvalue of J^T J, by its order of magnitude; 0 where nothing is known of it."""

    def steps(self, radii: Tensor, least: float, r: Tensor, right: Tensor) -> Iterator[Step]:
        """Steps for r as long as radii (q,), which rise, each when it is asked for; right: J^T r (p,).

        Steps that even the damping `least` keeps shorter have that; there are no more where it cannot be solved for.
        Here by one solve a damping, to a tenth of the length: secants of log length in log damping (cf. More & Sorensen
        1983, doi:10.1137/0904038).
        """
        damping = float(right.norm()) / float(radii[0])  # the step is at most so long
        for radius in radii.tolist():
            step = self._step(radius, damping, least, r, right)
            if step is None:
                return
            yield step
            damping = step.damping

    def _step(self, radius: float, damping: float, least: float, r: Tensor, right: Tensor) -> Step | None:
        slope, before = -1.0, None  # of log length; the last damping and its length
        step: Step | None = None
        for _ in range(ATTEMPTS):
            delta = self.solve(damping, r)
            if delta is None:
                return None
            length, step = float(delta.norm()), Step(delta, damping, float(damping * (delta @ delta) - right @ delta))
            off = math.log(length / radius) if length > 0 else 0.0
            if abs(off) < LENGTH or (damping == least and off < 0) or not math.isfinite(off):
                break
            if before is not None and damping != before[0]:
                slope = math.log(length / before[1]) / math.log(damping / before[0])
            before, damping = (damping, length), max(least, damping * math.exp(off / min(max(-slope, 0.1), 1.0)))
        return step


class Diagonalized(DampedSystem):
    """A system whose spectrum is known, which serves every damping."""

    @abstractmethod
    def spectrum(self, r: Tensor) -> Spectrum:
        """J^T J's eigenvalues, and J^T r along its eigenvectors."""

    def steps(self, radii: Tensor, least: float, r: Tensor, right: Tensor) -> Iterator[Step]:
        return self.spectrum(r).steps(radii, least)


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

    @property
    def scale(self) -> float:
        return float(self.product.diagonal().max())


class Eigen(Diagonalized):
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

    @property
    def scale(self) -> float:
        return float(self.values[-1])

    def spectrum(self, r: Tensor) -> Spectrum:
        """Eigenvalues below rounding are taken for as large as that."""
        values = self.values.clamp_min(float(self.values[-1]) * torch.finfo(self.values.dtype).eps)
        return Spectrum(values, self.vectors.mT @ self.adjoint(r), lambda c: self.vectors @ c)


class Orthogonal(Diagonalized):
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

    @property
    def scale(self) -> float:
        return float(self.singular[0]) ** 2

    def spectrum(self, r: Tensor) -> Spectrum:
        s = self.singular
        return _above(self.floor, s, s * (self.left.mT @ r), self.vt)


class Triangular(Diagonalized):
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

    @property
    def scale(self) -> float:
        return float(self.singular[0]) ** 2

    def spectrum(self, r: Tensor) -> Spectrum:
        components = self.components if r is self.r else self.vt @ self.adjoint(r)
        return _above(self.floor, self.singular, components, self.vt)


def _above(floor: float, singular: Tensor, components: Tensor, vt: Tensor) -> Spectrum:
    """The spectrum by singular values (k,) above rounding."""
    kept = singular > floor
    return Spectrum(singular[kept].square(), components[kept], lambda c: vt[kept].mT @ c)


class Dual(Diagonalized):
    """For more parameters than rows: delta = -J^T (J J^T + lam I)^-1 w, N^2 p + N^3 / 3 flops."""

    def __init__(self, j: Tensor) -> None:
        self.j = j
        self.kernel = Cholesky(j @ j.mT, lambda w: w)

    def solve(self, damping: float, w: Tensor) -> Tensor | None:
        solved = self.kernel.solve(damping, w)
        return None if solved is None else self.j.mT @ solved

    @property
    def scale(self) -> float:
        return self.kernel.scale

    def spectrum(self, r: Tensor) -> Spectrum:
        """By the eigenvectors U of J J^T = U S^2 U^T: V = J^T U / S, about 9 N^3 flops; none below rounding."""
        values, left = torch.linalg.eigh(self.kernel.product)
        kept = values > float(values[-1]) * len(values) * torch.finfo(values.dtype).eps
        values, left = values[kept], left[:, kept]
        s = values.sqrt()
        return Spectrum(values, s * (left.mT @ r), lambda c: self.j.mT @ (left @ (c / s.unsqueeze(1))))


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

    @property
    def scale(self) -> float:
        return 0.0
