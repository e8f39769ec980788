"""The residual linearized at theta, r(theta + delta) ~ r + J delta, with a solver for its damped least squares."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from pinn.basis.errors import require
from pinn.basis.logs import logger
from pinn.distributed.team import Team
from pinn.distributed.triangles import gathered_factor
from pinn.linear_algebra.damped import Cholesky, ConjugateGradients, DampedSystem, Dual, Eigen, Orthogonal, Triangular
from pinn.linear_algebra.secular import Step
from pinn.linear_algebra.symmetric import gram
from pinn.linear_algebra.triangular import triangular_factor
from pinn.residuals.protocol import LeastSquares

SOLVERS = ("auto", "cholesky", "eigen", "orthogonal", "dual", "conjugate_gradients")
HELD_BYTES = 2**31  # J is held whole up to 2 GiB, else it is met in chunks
LARGEST_DENSE = 12_000  # order of the largest matrix that is factorized


@dataclass
class Linearization:
    """r (N,), ||r||^2, J^T r (p,), products with J, and the damped systems.

    Where a team shares the rows, r and J v are of this process's.
    """

    r: Tensor
    loss: float
    right: Tensor
    forward: Callable[[Tensor], Tensor]
    system: DampedSystem
    team: Team

    def square(self, w: Tensor) -> float:
        """||w||^2 of row vectors such as r and J v, over the rows of all processes."""
        return float(self.team.summed(w @ w)[0])

    def predicted(self, delta: Tensor, damping: float) -> Tensor:
        """||r||^2 - ||r + J delta||^2 for a delta that solves the damped system exactly."""
        return damping * (delta @ delta) - self.right @ delta

    @property
    def scale(self) -> float:
        """The largest eigenvalue of J^T J, by its order of magnitude."""
        return self.system.scale

    def steps(self, radii: Tensor, least: float) -> Iterator[Step]:
        """Steps as long as radii (q,), which rise, of dampings >= least, each when it is asked for."""
        return self.system.steps(radii, least, self.r, self.right)


@dataclass(frozen=True)
class Choice:
    """A solver by name, whether J is held whole for it, and why."""

    solver: str
    held: bool
    why: str


def choose_solver(name: str, rows: int, p: int, itemsize: int = 8, memory: int = 2**34, processes: int = 1) -> Choice:
    """The solver of that name; `auto` goes by the numbers of rows and parameters and by memory (bytes in all).

    processes: how many share the rows; the dual equations need them all in one.

    auto: the normal equations by Cholesky, or for p > rows the dual ones; conjugate gradients where such a matrix
    would be of an order above 12,000 or what the solver holds would take half the memory. QR and the SVD of R
    (`orthogonal`) are left to be asked for: their steps cost several times as much.
    """
    require(name in SOLVERS, f"optimizer.solver must be one of {', '.join(SOLVERS)}, got {name!r}")
    shared = processes > 1
    require(
        not (shared and name == "dual"),
        f"solver=dual needs all rows in one process, got {processes}; set devices=1 or solver=auto",
    )
    whole, order = itemsize * rows * p // processes, p if shared else min(rows, p)
    held = whole <= min(HELD_BYTES, memory // 4)
    sizes = f"{p:,} parameters, {rows:,} rows"
    if name != "auto":
        return Choice(name, held or name == "dual", f"as asked; {sizes}")
    solver = "cholesky" if shared or p <= rows else "dual"
    needed = 3 * itemsize * order**2 + (whole if held or solver == "dual" else 0)
    if order > LARGEST_DENSE:
        return Choice("conjugate_gradients", False, f"{sizes}: a matrix of order {order:,} is not factorized")
    if needed > memory // 2:
        why = f"{sizes}: {solver} needs {_gibibytes(needed)} of {_gibibytes(memory)}"
        return Choice("conjugate_gradients", False, why)
    return Choice(solver, held or solver == "dual", sizes)


def _gibibytes(size: int) -> str:
    return f"{size / 2**30:,.1f} GiB"


def total_memory(device: torch.device) -> int:
    """Bytes of the device's memory in all: what is free would choose differently from run to run."""
    if device.type == "cuda":
        return torch.cuda.get_device_properties(device).total_memory
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # not on every system
        return 2**34


def linearize(least_squares: LeastSquares, theta: Tensor, choice: Choice) -> Linearization:
    """Linearize at theta (p,) for the chosen solver."""
    if choice.solver == "conjugate_gradients":
        return _matrix_free(least_squares, theta)
    if choice.solver in ("cholesky", "eigen"):
        return _normal(least_squares, theta, Cholesky if choice.solver == "cholesky" else Eigen, choice.held)
    if not choice.held or least_squares.team.size > 1:
        return _triangular(least_squares, theta)
    r, j = least_squares.jacobian(theta)
    system = Orthogonal(j) if choice.solver == "orthogonal" else Dual(j)
    return Linearization(r, float(r @ r), j.mT @ r, lambda v: j @ v, system, least_squares.team)


def _normal(least_squares: LeastSquares, theta: Tensor, make: Callable, held: bool) -> Linearization:
    team = least_squares.team
    if held:
        r, j = least_squares.jacobian(theta)
        product, right, loss = team.summed(gram(j), j.mT @ r, r @ r)
        system = make(product, _adjoint(r, right, lambda w: team.summed(j.mT @ w)[0]))
        return Linearization(r, float(loss), right, lambda v: j @ v, system, team)
    product, right, square = least_squares.normal_equations(theta)
    with torch.no_grad():
        r = least_squares.residual(theta)
    system = make(product, _adjoint(r, right, partial(least_squares.vjp, theta)))
    return Linearization(r, float(square), right, partial(least_squares.jvp, theta), system, team)


def _adjoint(r: Tensor, right: Tensor, product: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """w -> J^T w by a product with J^T, which is known for w = r."""
    return lambda w: right if w is r else product(w)


def _triangular(least_squares: LeastSquares, theta: Tensor) -> Linearization:
    r = theta.new_empty(least_squares.rows)

    def pieces() -> Iterator[tuple[Tensor, Tensor]]:
        for indices, values, j in least_squares.pieces(theta):
            r[indices] = values
            yield values, j

    factor, projected, loss = gathered_factor(least_squares.team, *triangular_factor(pieces(), len(theta)))
    system = Triangular(factor, projected, r, partial(least_squares.vjp, theta))
    forward = partial(least_squares.jvp, theta)
    return Linearization(r, loss, factor.mT @ projected, forward, system, least_squares.team)


def _matrix_free(least_squares: LeastSquares, theta: Tensor) -> Linearization:
    with torch.no_grad():
        r = least_squares.residual(theta)
    right, forward = least_squares.vjp(theta, r), partial(least_squares.jvp, theta)
    system = ConjugateGradients(forward, _adjoint(r, right, partial(least_squares.vjp, theta)))
    (square,) = least_squares.team.summed(r @ r)
    return Linearization(r, float(square), right, forward, system, least_squares.team)


class SolverChoice:
    """Chooses the solver at the first step and says in one log line which and why.

    spectral: whether `auto` takes the eigenvalues of J^T J, which serve any number of dampings, where Cholesky would
    serve one. On a GPU they cost a hundred factorizations, and it does not.
    """

    def __init__(self, name: str, spectral: bool = False) -> None:
        choose_solver(name, 1, 1)
        self.name = name
        self.spectral = spectral
        self.said: tuple[str, bool] | None = None

    def linearize(self, least_squares: LeastSquares, theta: Tensor, fine: bool = False) -> Linearization:
        """fine: whether `auto` is not to square J, where it would by itself: small dampings drown in rounding."""
        memory = total_memory(theta.device)
        size = least_squares.team.size
        choice = choose_solver(self.name, len(least_squares), len(theta), theta.element_size(), memory, size)
        if self.name == "auto" and choice.solver == "cholesky":
            if fine:  # R of J = Q R does without Q: half the time
                why = f"{choice.why}; the damping is below rounding"
                choice = replace(choice, solver="orthogonal", held=False, why=why)
            elif self.spectral and theta.device.type == "cpu":
                choice = replace(choice, solver="eigen")
        if (choice.solver, choice.held) != self.said:
            logger.info("linear solver: %s (%s%s)", choice.solver, choice.why, "" if choice.held else "; J not held")
            self.said = (choice.solver, choice.held)
        return linearize(least_squares, theta, choice)
