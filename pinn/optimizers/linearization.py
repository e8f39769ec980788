"""The residual linearized at theta, r(theta + delta) ~ r + J delta, with a solver for its damped least squares."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from pinn.errors import require
from pinn.linear_algebra import Cholesky, ConjugateGradients, DampedSystem, Dual, Eigen, Orthogonal, gram
from pinn.logs import logger
from pinn.optimizers.base import LeastSquares

SOLVERS = ("auto", "cholesky", "eigen", "orthogonal", "dual", "conjugate_gradients")
HELD_BYTES = 2**31  # J is held whole below 2 GiB, else summed in chunks
LARGEST_DENSE = 12_000  # order of the largest matrix that is factorized


@dataclass
class Linearization:
    """r (N,), ||r||^2, J^T r (p,), products with J, and the damped systems."""

    r: Tensor
    loss: float
    right: Tensor
    forward: Callable[[Tensor], Tensor]
    system: DampedSystem

    def predicted(self, delta: Tensor, damping: float) -> float:
        """||r||^2 - ||r + J delta||^2 for a delta that solves the damped system exactly."""
        return float(damping * (delta @ delta) - self.right @ delta)


def choose_solver(name: str, rows: int, p: int) -> str:
    """The solver's name; `auto` goes by the numbers of rows and parameters."""
    require(name in SOLVERS, f"optimizer.solver must be one of {', '.join(SOLVERS)}, got {name!r}")
    if name != "auto":
        return name
    if min(rows, p) > LARGEST_DENSE:
        return "conjugate_gradients"
    return "cholesky" if p <= rows else "dual"


def linearize(problem: LeastSquares, theta: Tensor, solver: str) -> Linearization:
    """Linearize at theta (p,) with the named solver (not `auto`)."""
    if solver == "conjugate_gradients":
        return _matrix_free(problem, theta)
    held = len(problem) * len(theta) * theta.element_size() <= HELD_BYTES
    if solver in ("cholesky", "eigen"):
        return _normal(problem, theta, Cholesky if solver == "cholesky" else Eigen, held)
    r, j = problem.jacobian(theta)
    system = Orthogonal(j) if solver == "orthogonal" else Dual(j)
    return Linearization(r, float(r @ r), j.mT @ r, lambda v: j @ v, system)


def _normal(problem: LeastSquares, theta: Tensor, make: Callable, held: bool) -> Linearization:
    if held:
        r, j = problem.jacobian(theta)
        right = j.mT @ r
        return Linearization(r, float(r @ r), right, lambda v: j @ v, make(gram(j), _adjoint(j, r, right)))
    product, right, loss = problem.normal_equations(theta)
    with torch.no_grad():
        r = problem.residual(theta)
    system = make(product, lambda w: right if w is r else problem.vjp(theta, w))
    return Linearization(r, loss, right, lambda v: problem.jvp(theta, v), system)


def _adjoint(j: Tensor, r: Tensor, right: Tensor) -> Callable[[Tensor], Tensor]:
    """w -> J^T w, which is known for w = r."""
    return lambda w: right if w is r else j.mT @ w


def _matrix_free(problem: LeastSquares, theta: Tensor) -> Linearization:
    with torch.no_grad():
        r = problem.residual(theta)
    right = problem.vjp(theta, r)

    def forward(v: Tensor) -> Tensor:
        return problem.jvp(theta, v)

    def adjoint(w: Tensor) -> Tensor:
        return right if w is r else problem.vjp(theta, w)

    return Linearization(r, float(r @ r), right, forward, ConjugateGradients(forward, adjoint))


class SolverChoice:
    """Chooses the solver at the first step and says so in one log line."""

    def __init__(self, name: str) -> None:
        choose_solver(name, 1, 1)
        self.name = name
        self.chosen: str | None = None

    def linearize(self, problem: LeastSquares, theta: Tensor) -> Linearization:
        solver = choose_solver(self.name, len(problem), len(theta))
        if solver != self.chosen:
            why = "as asked" if self.name != "auto" else f"{len(theta)} parameters, {len(problem)} rows"
            logger.info("linear solver: %s (%s)", solver, why)
            self.chosen = solver
        return linearize(problem, theta, solver)
