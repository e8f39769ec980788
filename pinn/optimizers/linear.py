"""Least squares in the last linear layer alone, all other parameters held as they are."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from pinn.errors import UserError, require
from pinn.linear_algebra import truncated_solution
from pinn.optimizers.base import LeastSquares, Optimizer, Report, State

SUFFICIENT = 1e-4  # share of the predicted decrease that a Newton step must reach (Armijo's condition)
HALVINGS = 10  # of a step that does not reach it


@dataclass
class NewtonStep:
    """A Gauss-Newton step: where it leads, and the loss before and after it.

    length: share of the full step that was taken, 0 where none decreased the loss. rank: of J. settled: whether
    further steps would gain less than a hundredth of the loss.
    """

    theta: Tensor
    before: float
    after: float
    gradient_norm: float
    length: float = 0.0
    rank: int = 0
    settled: bool = True


def newton_step(problem: LeastSquares, theta: Tensor, cutoff: float) -> NewtonStep:
    """The undamped Gauss-Newton step, halved until ||r||^2 decreases enough.

    Where r is linear in theta the full step is the least-squares solution. cutoff: as of `truncated_solution`.
    """
    r, j = problem.jacobian(theta)
    before, gradient_norm = float(r @ r), 2.0 * float((j.mT @ r).norm())
    if not (math.isfinite(before) and math.isfinite(gradient_norm)):
        return NewtonStep(theta, before, before, gradient_norm)
    delta, rank = truncated_solution(j, r, cutoff)
    change = j @ delta
    predicted, left = float(change @ change), float((r + change).square().sum())
    if predicted > torch.finfo(r.dtype).eps * before:  # less cannot be told from rounding
        for length in (0.5**k for k in range(HALVINGS + 1)):
            candidate = theta + length * delta
            after = problem.loss(candidate)
            if before - after > SUFFICIENT * 2.0 * length * predicted:
                settled = length == 1.0 and (after <= 1.01 * left or after >= 0.99 * before)
                return NewtonStep(candidate, before, after, gradient_norm, length, rank, settled)
    return NewtonStep(theta, before, before, gradient_norm, rank=rank)


def last_layer(problem: LeastSquares, theta: Tensor) -> tuple[Tensor, LeastSquares]:
    """Indices (q,) of the last layer's entries of theta and the problem in them alone; UserError where not known."""
    found = problem.last_layer(theta)
    if found is None:
        raise UserError(
            "the network does not say which parameters its outputs are linear in; use one of pinn.networks, or give "
            "yours an attribute linear_parameters with their names, such as ('last.weight', 'last.bias')"
        )
    return found


def fit_last_layer(problem: LeastSquares, theta: Tensor, cutoff: float, steps: int) -> tuple[Tensor, float]:
    """theta (p,) with the last layer fitted by at most `steps` >= 1 Gauss-Newton steps, and ||r||^2 there.

    Raises UserError where the network does not say which layer that is.
    """
    indices, block = last_layer(problem, theta)
    for _ in range(steps):
        step = newton_step(block, theta[indices], cutoff)
        theta = theta.index_copy(0, indices, step.theta)
        if step.settled:
            break
    return theta, step.after


class LinearLeastSquares(Optimizer):
    """Least squares in the last linear layer (and the problem's unknowns); the features before it stay as they started.

    For a linear problem whose ansatz is affine in the network's outputs one step is the solution; for a nonlinear one
    the steps are Gauss-Newton's with a line search. On many random features (`pinn.networks.RandomFeatures`) this is
    the extreme learning machine for differential equations (Dwivedi & Srinivasan 2020, arXiv 1907.03507; Dong & Li
    2021, arXiv 2012.02895), which gives smooth solutions to ten digits and more; points that are redrawn are fitted
    anew, and a step at points that are fitted already does nothing.

    cutoff: singular values of J below this times the largest count as zero, in [0, 1); those below rounding in any
    case.
    """

    default_steps = 20

    def __init__(self, *, cutoff: float = 1e-14) -> None:
        require(0 <= cutoff < 1, f"optimizer.cutoff must be in [0, 1), got {cutoff}")
        self.cutoff = cutoff

    def init(self, theta: Tensor) -> State:
        return {"settled": None}  # the identity of the problem that is solved already

    def step(self, theta: Tensor, state: State, problem: LeastSquares) -> tuple[Tensor, State, Report]:
        if state["settled"] == problem.identity:
            return theta, state, {"loss": problem.loss(theta), "gradient_norm": 0.0, "accepted": False}
        indices, block = last_layer(problem, theta)
        step = newton_step(block, theta[indices], self.cutoff)
        report: Report = {
            "loss": step.before,
            "gradient_norm": step.gradient_norm,
            "accepted": step.length > 0.0,
            "step_length": step.length,
            "rank": step.rank,
        }
        state = {"settled": problem.identity if step.settled else None}
        return theta.index_copy(0, indices, step.theta), state, report
