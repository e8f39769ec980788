"""Variable projection: the last linear layer eliminated from a least-squares problem, for any optimizer."""

from collections.abc import Iterator, Mapping
from typing import SupportsFloat

import torch
from torch import Size, Tensor

from pinn.basis.errors import require
from pinn.linear_algebra.truncated import truncated_basis
from pinn.optimizers.base import Optimizer, Reparameterized, Report, State
from pinn.optimizers.gauss_newton import LeastDamping
from pinn.optimizers.linear import fit_last_layer, last_layer
from pinn.residuals.protocol import LeastSquares

INNER_STEPS = 3  # Gauss-Newton steps on the last layer at most; where it enters linearly the first is exact


class ReducedProblem(Reparameterized):
    """||r||^2 minimized over the last layer b first: a least-squares problem whose residual is r at b*(theta).

    With Q an orthonormal basis of the columns of dr/db at b*, the Jacobian is (I - Q Q^T) dr/dtheta, Kaufman's form
    (1975, doi:10.1007/BF01932995) of Golub & Pereyra's (1973, doi:10.1137/0710036). What it leaves out of the
    derivative of r at b*(theta) is of the order of r and orthogonal to its columns, so that J^T r is exact.

    cutoff: directions of b whose singular values are up to this times the largest are not eliminated; they stay
    part of theta like all the others.
    """

    def __init__(self, least_squares: LeastSquares, cutoff: float) -> None:
        super().__init__(least_squares)
        self.cutoff = cutoff
        self._latest: tuple[Tensor, Tensor, float] | None = None
        self._basis: tuple[Tensor, Tensor] | None = None

    @property
    def shapes(self) -> Mapping[str, Size]:
        return self.inner.shapes

    def fitted(self, theta: Tensor) -> tuple[Tensor, float]:
        """theta (p,) with its last layer at b*, and the loss there. The latest result is its own."""
        if self._latest is None or not any(torch.equal(theta, known) for known in self._latest[:2]):
            start = theta.detach()
            self._latest = (start, *fit_last_layer(self.inner, start, self.cutoff, INNER_STEPS))
        return self._latest[1:]

    def residual(self, theta: Tensor) -> Tensor:
        return self.inner.residual(self.fitted(theta)[0])

    def loss(self, theta: Tensor) -> float:
        return self.fitted(theta)[1]

    def loss_and_gradient(self, theta: Tensor) -> tuple[SupportsFloat, Tensor]:
        return self.inner.loss_and_gradient(self.fitted(theta)[0])

    def jacobian(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        at = self.fitted(theta)[0]
        r, j = self.inner.jacobian(at)
        basis = truncated_basis(j[:, last_layer(self.inner, at)[0]], self.cutoff)
        return r, j.sub_(basis @ (basis.mT @ j))

    def pieces(self, theta: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        at = self.fitted(theta)[0]
        basis, components = self._basis_at(at), self._components(at)
        for indices, r, j in self.inner.pieces(at):
            yield indices, r, j.sub_(basis[indices] @ components)

    def normal_equations(self, theta: Tensor) -> tuple[Tensor, Tensor, SupportsFloat]:
        at = self.fitted(theta)[0]
        product, right, loss = self.inner.normal_equations(at)
        basis, components = self._basis_at(at), self._components(at)
        with torch.no_grad():
            inside = basis.mT @ self.inner.residual(at)
        return product - components.mT @ components, right - components.mT @ inside, loss

    def jvp(self, theta: Tensor, v: Tensor) -> Tensor:
        at = self.fitted(theta)[0]
        return self._outside(self.inner.jvp(at, v), self._basis_at(at))

    def vjp(self, theta: Tensor, w: Tensor) -> Tensor:
        at = self.fitted(theta)[0]
        return self.inner.vjp(at, self._outside(w, self._basis_at(at)))

    def _basis_at(self, at: Tensor) -> Tensor:
        """Q (N, rank) at a fitted theta; the latest is kept."""
        if self._basis is None or not torch.equal(self._basis[0], at):
            indices, block = last_layer(self.inner, at)
            self._basis = (at, truncated_basis(block.jacobian(at[indices])[1], self.cutoff))
        return self._basis[1]

    def _components(self, at: Tensor) -> Tensor:
        """Q^T J (rank, p)."""
        return torch.stack([self.inner.vjp(at, column) for column in self._basis_at(at).mT])

    @staticmethod
    def _outside(w: Tensor, basis: Tensor) -> Tensor:
        return w - basis @ (basis.mT @ w)


class VariableProjection(Optimizer):
    """An optimizer on ||r||^2 with the last linear layer (and the problem's unknowns) always fitted to the rest.

    Golub & Pereyra 1973 (doi:10.1137/0710036), by Kaufman's Jacobian. The fit is one least-squares solve where the
    layer enters linearly, and up to three Gauss-Newton steps elsewhere; each attempt at a step costs one. The reported
    loss is that after the fit. The first ten steps on a smooth problem gain two to four digits on the plain method;
    later the large weights of the last layer slow it down, and Burgers' shock does not appear at all.

    method: the optimizer of the rest, LeastDamping by default. cutoff: directions of the last layer whose singular
    values are up to this times the largest are left to it, in [0, 1).
    """

    default_steps = 3000
    redraw_every = 10

    def __init__(self, method: Optimizer | None = None, *, cutoff: float = 1e-10) -> None:
        method = method or LeastDamping()
        require(isinstance(method, Optimizer), f"optimizer.method must be an optimizer, got {method!r}")
        require(0 <= cutoff < 1, f"optimizer.cutoff must be in [0, 1), got {cutoff}")
        self.method = method
        self.cutoff = cutoff

    def init(self, theta: Tensor) -> State:
        return self.method.init(theta)

    def step(self, theta: Tensor, state: State, least_squares: LeastSquares) -> tuple[Tensor, State, Report]:
        size = least_squares.team.size
        require(size == 1, f"variable_projection needs all rows in one process, got {size}; set devices=1")
        reduced = ReducedProblem(least_squares, self.cutoff)
        moved, state, report = self.method.step(reduced.fitted(theta)[0], state, reduced)
        return reduced.fitted(moved)[0], state, report
