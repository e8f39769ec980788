"""Line searches: a step length along a direction that satisfies the strong Wolfe conditions."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from pinn.optimizers.base import State
from pinn.residuals.protocol import LeastSquares

ATTEMPTS = 25  # evaluations of one search


def unevaluated(theta: Tensor) -> State:
    """What methods that search along a line remember of the loss at the point that they have reached."""
    return {
        "theta": theta,
        "loss": None,
        "gradient": torch.zeros_like(theta),
        "identity": None,  # of the problem with that loss and gradient
        "stuck": False,
    }


def evaluated(theta: Tensor, state: State, least_squares: LeastSquares) -> State:
    """The state with the loss and gradient at theta: itself where it was left there and the problem is the same."""
    if state["identity"] == least_squares.identity and torch.equal(theta, state["theta"]):
        return state
    loss, gradient = least_squares.loss_and_gradient(theta)
    known = {"theta": theta, "loss": float(loss), "gradient": gradient, "identity": least_squares.identity}
    return state | known | {"stuck": False}


@dataclass(frozen=True)
class Point:
    """theta + alpha d with the loss there (infinite where it is not a number), its slope and gradient."""

    alpha: float
    loss: float
    slope: float
    theta: Tensor
    gradient: Tensor


class Ray:
    """The loss along theta + alpha d, alpha >= 0. Every evaluated point is kept: none is computed twice."""

    def __init__(self, least_squares: LeastSquares, theta: Tensor, d: Tensor, loss: float, gradient: Tensor) -> None:
        self.least_squares = least_squares
        self.d = d
        self.start = Point(0.0, loss, float(gradient @ d), theta, gradient)
        self.points = {0.0: self.start}

    def at(self, alpha: float) -> Point:
        if alpha not in self.points:
            theta = self.start.theta + alpha * self.d
            value, gradient = self.least_squares.loss_and_gradient(theta)
            loss = float(value)
            slope = float(gradient @ self.d)
            finite = math.isfinite(loss) and math.isfinite(slope)
            self.points[alpha] = Point(alpha, loss if finite else math.inf, slope, theta, gradient)
        return self.points[alpha]

    def lowest(self) -> Point:
        """The evaluated point with the smallest loss; the start where none is lower."""
        return min(self.points.values(), key=lambda point: point.loss)


@dataclass(frozen=True)
class StrongWolfe:
    """Bracketing and zoom with cubic interpolation (Nocedal & Wright 2006, algorithms 3.5 and 3.6).

    The returned point satisfies, with phi(alpha) the loss along the ray,
    phi(alpha) <= phi(0) + c1 alpha phi'(0)  and  |phi'(alpha)| <= c2 |phi'(0)|,  0 < c1 < c2 < 1.
    """

    c1: float
    c2: float

    def search(self, ray: Ray, first: float) -> Point | None:
        """The point reached from the first step `first` > 0; None after too many attempts or for an empty bracket."""
        previous, current = ray.start, ray.at(first)
        for _ in range(ATTEMPTS):
            if self._too_high(current, ray.start) or (previous is not ray.start and current.loss >= previous.loss):
                return self._zoom(ray, previous, current)
            if self._flat(current, ray.start):
                return current
            if current.slope >= 0:
                return self._zoom(ray, current, previous)
            previous, current = current, ray.at(self._farther(previous, current))
        return None

    def _farther(self, previous: Point, current: Point) -> float:
        """The cubic's minimum beyond two points of a descent, or four times as far where it has none."""
        length, minimizer = current.alpha - previous.alpha, _minimizer(previous, current)
        farthest = current.alpha + 4.0 * length
        return _clip(minimizer, current.alpha + 1.1 * length, farthest) if minimizer > current.alpha else farthest

    def _zoom(self, ray: Ray, low: Point, high: Point) -> Point | None:
        """Between the lowest point that decreases enough and one beyond a minimum."""
        for _ in range(ATTEMPTS):
            left, right = sorted((low.alpha, high.alpha))
            margin = 0.1 * (right - left)
            alpha = _clip(_minimizer(low, high), left + margin, right - margin)
            if not left < alpha < right:
                return None
            attempt = ray.at(alpha)
            if self._too_high(attempt, ray.start) or attempt.loss >= low.loss:
                high = attempt
                continue
            if self._flat(attempt, ray.start):
                return attempt
            if attempt.slope * (high.alpha - low.alpha) >= 0:
                high = low
            low = attempt
        return None

    def _too_high(self, point: Point, start: Point) -> bool:
        return not point.loss <= start.loss + self.c1 * point.alpha * start.slope

    def _flat(self, point: Point, start: Point) -> bool:
        return abs(point.slope) <= self.c2 * abs(start.slope)


def _minimizer(a: Point, b: Point) -> float:
    """Where the cubic through two points and slopes is smallest (eq. 3.59); half-way where it has no minimum."""
    half = 0.5 * (a.alpha + b.alpha)
    if not (math.isfinite(a.loss) and math.isfinite(b.loss)):
        return half
    d1 = a.slope + b.slope - 3.0 * (a.loss - b.loss) / (a.alpha - b.alpha)
    discriminant = d1 * d1 - a.slope * b.slope
    if not discriminant >= 0.0:
        return half
    d2 = math.copysign(math.sqrt(discriminant), b.alpha - a.alpha)
    divisor = b.slope - a.slope + 2.0 * d2
    if divisor == 0.0:
        return half
    return b.alpha - (b.alpha - a.alpha) * (b.slope + d2 - d1) / divisor


def _clip(value: float, smallest: float, largest: float) -> float:
    return min(max(value, smallest), largest)
