"""Least squares in the last linear layer alone, all other parameters held as they are."""

import math
from dataclasses import dataclass

from torch import Tensor

from pinn.errors import UserError, require
from pinn.linear_algebra import truncated_solution
from pinn.optimizers.base import LeastSquares, Optimizer, Report, State

SUFFICIENT = 1e-4  # share of the predicted decrease that a Newton step must reach (Armijo's condition)
SETTLED = 0.999  # a step that leaves more of the loss than this has nothing left to do


@dataclass
class NewtonStep:
    """A Gauss-Newton step in some parameters: where it leads, and the loss before and after it."""

    theta: Tensor
    before: float
    after: float
    gradient_norm: float
    length: float  # share of the full step, 0 where none decreased the loss
    rank: int


def last_layer(problem: LeastSquares, theta: Tensor) -> tuple[Tensor, LeastSquares]:
    """Indices (q,) of the last layer's entries of theta and the problem in them alone; UserError where not known."""
    found = problem.last_layer(theta)
    if found is None:
        raise UserError(
            "the network does not say which parameters its outputs are linear in; use one of pinn.networks, or give "
            "yours a property linear_parameters with their names, such as ('last.weight', 'last.bias')"
        )
    return found


def newton_step(problem: LeastSquares, theta: Tensor, cutoff: float, halvings: int) -> NewtonStep:
    """The undamped Gauss-Newton step, halved at most `halvings` times until ||r||^2 decreases enough.

    Where r is linear in theta, the full step is the least-squares solution. cutoff: as in `truncated_solution`.
    """
    r, j = problem.jacobian(theta)
    before, gradient_norm = float(r @ r), 2.0 * float((j.mT @ r).norm())
    delta, rank = truncated_solution(j, r, cutoff)
    predicted = float((j @ delta).square().sum())
    for k in range(halvings + 1):
        length = 0.5**k
        candidate = theta + length * delta
        after = problem.loss(candidate)
        if before - after > SUFFICIENT * 2.0 * length * predicted:
            return NewtonStep(candidate, before, after, gradient_norm, length, rank)
    return NewtonStep(theta, before, before, gradient_norm, 0.0, rank)


class LinearLeastSquares(Optimizer):
    """Least squares in the last linear layer, the features before it held as they started (and the unknowns).

    For a linear problem whose ansatz is affine in the network's outputs, one step is the solution; for a nonlinear
    one the steps are Gauss-Newton's with a line search. With many random features (`pinn.networks.RandomFeatures`)
    this is an extreme learning machine (Dwivedi & Srinivasan 2020, arXiv:1907.03507; Dong & Li 2021,
    arXiv:2012.02895): no training of the features at all.

    cutoff: singular values below this times the largest are left out, in [0, 1); rounding in any case.
    halvings: of a step that does not decrease the loss, >= 0.
    """

    default_steps = 20

    def __init__(self, *, cutoff: float = 1e-14, halvings: int = 10) -> None:
        require(0 <= cutoff < 1, f"optimizer.cutoff must be in [0, 1), got {cutoff}")
        require(halvings >= 0, f"optimizer.halvings must be >= 0, got {halvings}")
        self.cutoff = cutoff
        self.halvings = halvings

    def init(self, theta: Tensor) -> State:
        return {"settled_at": math.nan}

    def step(self, theta: Tensor, state: State, problem: LeastSquares) -> tuple[Tensor, State, Report]:
        indices, block = last_layer(problem, theta)
        loss = block.loss(theta[indices])
        if math.isclose(loss, state["settled_at"], rel_tol=1e-12):  # the same points, and no better fit to them
            return theta, state, {"loss": loss, "gradient_norm": 0.0, "accepted": False}
        step = newton_step(block, theta[indices], self.cutoff, self.halvings)
        settled = step.length == 0.0 or step.after > SETTLED * step.before
        report: Report = {
            "loss": step.before,
            "gradient_norm": step.gradient_norm,
            "accepted": step.length > 0.0,
            "step_length": step.length,
            "rank": step.rank,
        }
        moved = theta.index_copy(0, indices, step.theta)
        return moved, {"settled_at": step.after if settled else math.nan}, report
