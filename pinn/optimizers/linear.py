"""Least squares in the last linear layer alone, all other parameters held as they are."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from pinn.basis.errors import UserError, require
from pinn.distributed.triangles import gathered_rows
from pinn.linear_algebra.truncated import Triangle
from pinn.optimizers.base import Optimizer, Report, State
from pinn.residuals.protocol import LeastSquares

SUFFICIENT = 1e-4  # share of the predicted decrease that a Newton step must reach (Armijo's condition)
HALVINGS = 10  # of a step that does not reach it
CUTOFF = 1e-14  # singular values below this times the largest count as zero in a fit on its own
CHORDS, WELL = 8, 0.1  # steps with one J, and the factor on the loss that each must bring
ALIKE = 0.5  # relative departure of r from what a J of before says, from which that J has nothing to do with it
LINEAR = 1e-8  # relative departure of r from its linearization below which r counts as linear


@dataclass
class NewtonStep:
    """A Gauss-Newton step: where it leads, and the loss before and after it.

    length: share of the full step that was taken, 0 where none decreased the loss. rank: of J. settled: whether
    another step would gain nothing, because r is linear, or is down to rounding, or a full step gained less than a
    tenth of the loss. triangle: of J, for steps whose J is nearly the same.
    """

    theta: Tensor
    before: float
    after: float
    gradient_norm: float
    length: float = 0.0
    rank: int = 0
    settled: bool = True
    triangle: Triangle | None = None


def newton_step(
    least_squares: LeastSquares,
    theta: Tensor,
    cutoff: float,
    origin: Tensor | None = None,
    chords: int = 0,
    single: bool = False,
    before: Triangle | None = None,
) -> NewtonStep:
    """The undamped Gauss-Newton step, halved until ||r||^2 decreases enough.

    It leads to a minimum of the linearized problem, which for deficient rank has many: to the one nearest to `origin`
    (p,), in the norm of J's columns, or where None to the one nearest to theta. Steps to an origin that stays forget
    the large parameters that an early, poor linearization asked for; steps from theta carry their rounding along.
    Where r is linear in theta the full step is the least-squares solution. cutoff: as of `truncated_solution`.
    chords: steps with the same J that may follow a full one, where J has full rank. single, before: as of `Triangle`.
    """
    own = least_squares.jacobian(theta)
    r, j = gathered_rows(least_squares.team, *own)
    loss, gradient_norm = float(r @ r), 2.0 * float((j.mT @ r).norm())
    if not (math.isfinite(loss) and math.isfinite(gradient_norm)):
        return NewtonStep(theta, loss, loss, gradient_norm)
    back = torch.zeros_like(theta) if origin is None else origin - theta
    triangle = Triangle(j, r if origin is None else r + j @ back, cutoff, single, before)
    delta, rank = back + triangle.solution, triangle.rank
    change = j @ delta
    slope, left = 2.0 * float(r @ change), float((r + change).square().sum())
    if loss - left > torch.finfo(r.dtype).eps * loss:  # less cannot be told from rounding
        for length in (0.5**k for k in range(HALVINGS + 1)):
            candidate = theta + length * delta
            after = float(least_squares.loss(candidate))
            if loss - after > -SUFFICIENT * length * slope:
                done = (
                    after > 0.9 * loss
                    or after < _rounding(j, candidate)
                    or _is_linear(least_squares, candidate, *own, delta)
                )
                if length == 1.0 and not done and triangle.is_regular and least_squares.team.size == 1:
                    candidate, after, done = _repeated(least_squares, triangle, candidate, after, chords)
                settled = length == 1.0 and done
                return NewtonStep(candidate, loss, after, gradient_norm, length, rank, settled, triangle)
    return NewtonStep(theta, loss, loss, gradient_norm, rank=rank, triangle=triangle)


def chord_step(
    least_squares: LeastSquares, theta: Tensor, triangle: Triangle, chords: int
) -> tuple[NewtonStep | None, bool]:
    """A step with the J of a problem before this one, which may be the same, and chords after it.

    None where it does not bring the loss well down. Also whether that J is like this one's at all.
    """
    with torch.no_grad():
        r = least_squares.residual(theta)
        delta = triangle.again(r)
        candidate = theta + delta
        reached = least_squares.residual(candidate)
        departure = float((reached - r - triangle.forward(delta)).norm() / r.norm())
        loss, after = float(r @ r), float(reached @ reached)
    if not departure < ALIKE or not after < WELL * loss:
        return None, departure < ALIKE
    gradient_norm = 2.0 * float((triangle.adjoint(r)).norm())
    candidate, after, settled = _repeated(least_squares, triangle, candidate, after, chords)
    is_linear = departure < LINEAR
    rank = triangle.rank
    return NewtonStep(candidate, loss, after, gradient_norm, 1.0, rank, settled and is_linear, triangle), True


def _repeated(
    least_squares: LeastSquares, triangle: Triangle, theta: Tensor, loss: float, chords: int
) -> tuple[Tensor, float, bool]:
    """Where more steps with the same J lead, as long as each brings the loss well down (the chord method).

    Also the loss there, and whether by that J another step would gain less than a tenth of it.
    """
    with torch.no_grad():
        r = least_squares.residual(theta)
        for _ in range(chords):
            delta = triangle.again(r)
            if float((triangle.forward(delta)).square().sum()) < 0.1 * loss:
                return theta, loss, True
            candidate = theta + delta
            r = least_squares.residual(candidate)
            after = float(r @ r)
            if not after < WELL * loss:
                break
            theta, loss = candidate, after
    return theta, loss, False


def _rounding(j: Tensor, theta: Tensor) -> float:
    """What rounding leaves of ||r||^2: eps^2 sum_k ||J_k||^2 theta_k^2, its errors independent of each other."""
    return float((torch.linalg.vector_norm(j, dim=0) * theta).square().sum()) * torch.finfo(j.dtype).eps ** 2


def _is_linear(least_squares: LeastSquares, candidate: Tensor, r: Tensor, j: Tensor, delta: Tensor) -> bool:
    """Whether r at the end of a full step is what its linearization said."""
    with torch.no_grad():
        departure = least_squares.residual(candidate) - (r + j @ delta)
    departed, square = least_squares.team.summed(departure.square().sum(), r.square().sum())
    return float(departed) <= LINEAR**2 * float(square)


def last_layer(least_squares: LeastSquares, theta: Tensor) -> tuple[Tensor, LeastSquares]:
    """Indices (q,) of the last layer's entries of theta and r in them alone; UserError where not known."""
    layer = least_squares.last_layer(theta)
    if layer is None:
        raise UserError(
            "the network does not say which parameters its outputs are linear in; use one of pinn.networks, or give "
            "yours an attribute linear_parameters with their names, such as ('last.weight', 'last.bias')"
        )
    return layer


def fit_last_layer(
    least_squares: LeastSquares, theta: Tensor, cutoff: float, steps: int, single: bool = False
) -> tuple[Tensor, float]:
    """theta (p,) with the last layer fitted by at most `steps` >= 1 Gauss-Newton steps, and ||r||^2 there.

    single: as of `Triangle`. Raises UserError where the network does not say which layer that is.
    """
    indices, block = last_layer(least_squares, theta)
    for _ in range(steps):
        step = newton_step(block, theta[indices], cutoff, single=single)
        theta = theta.index_copy(0, indices, step.theta)
        if step.settled:
            break
    return theta, step.after


class LinearLeastSquares(Optimizer):
    """Least squares in the last linear layer (and the problem's unknowns); the features before it stay as they started.

    For a linear problem whose ansatz is affine in the network's outputs one step is the solution; for a nonlinear one
    the steps are Gauss-Newton's with a line search. On many random features (`pinn.networks.RandomFeatures`) this is
    the extreme learning machine for differential equations (Dwivedi & Srinivasan 2020, arXiv 1907.03507; Dong & Li
    2021, arXiv 2012.02895), which gives smooth solutions to ten digits and more. Of all layers that fit alike each step
    takes the one nearest to the first, which for random features is zero. Ends its stage when a step gains nothing.

    cutoff: singular values of J (its columns scaled alike) below this times the largest count as zero, in [0, 1);
    those below rounding in any case.
    """

    default_steps = 40  # of which a few are the solution, and a few more where noisy data change the weights
    moves_last_layer_only = True

    def __init__(self, *, cutoff: float = CUTOFF) -> None:
        require(0 <= cutoff < 1, f"optimizer.cutoff must be in [0, 1), got {cutoff}")
        self.cutoff = cutoff
        self._latest: Triangle | None = None

    def init(self, theta: Tensor) -> State:
        return {"origin": theta.clone(), "single": True, "begun": False}

    def step(self, theta: Tensor, state: State, least_squares: LeastSquares) -> tuple[Tensor, State, Report]:
        indices, block = last_layer(least_squares, theta)
        step = self._step(theta[indices], state["origin"][indices], state, block)
        report: Report = {
            "loss": step.before,
            "gradient_norm": step.gradient_norm,
            "accepted": step.length > 0.0,
            "step_length": step.length,
            "rank": step.rank,
            "settled": step.settled,
        }
        self._latest = step.triangle
        single = step.triangle is not None and step.triangle.is_near
        return theta.index_copy(0, indices, step.theta), state | {"single": single, "begun": True}, report

    def _step(self, theta: Tensor, origin: Tensor, state: State, least_squares: LeastSquares) -> NewtonStep:
        """By the latest J where it does: the next window's is the same where equations are linear and none holds t."""
        latest = self._latest
        if latest is not None and (least_squares.team.size > 1 or not latest.fits(least_squares.rows, len(theta))):
            latest = None
        if latest is not None and not state.get("begun", True):
            step, is_alike = chord_step(least_squares, theta, latest, CHORDS)
            if step is not None:
                return step
            latest = latest if is_alike else None
        return newton_step(least_squares, theta, self.cutoff, origin, CHORDS, state.get("single", True), latest)
