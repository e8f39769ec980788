"""The ratio-targeted trust region."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import torch
from scipy.interpolate import PchipInterpolator
from torch import Tensor

from pinn.basis.errors import require
from pinn.linear_algebra.secular import Step
from pinn.optimizers.base import Optimizer, Report, State
from pinn.optimizers.linearization import Linearization, SolverChoice
from pinn.residuals.protocol import LeastSquares

SPAN = 3.0  # of the radii that are tried, to either side of the last
SHORTEST = 1e-8  # radius below which nothing is left to gain
LEAST = 1e-30  # damping
RECENT, EARLIEST = 25, 60  # dampings whose trend is looked at, and the first step at which it is
SLOPE, CORRELATION = 1e-4, 0.1  # of log10 damping against the step: above both it rises
ROUNDING = 1e-15  # damping over the largest eigenvalue of J^T J below which that is not formed
SLOW = 0.9  # of the loss is left
BISECTIONS = 40


@dataclass(kw_only=True, eq=False)
class TrustRegion(Optimizer):
    """The longest Gauss-Newton step whose ratio still reaches a target (DSGNAR: Webb, Jerad & Cartis 2026,
    arXiv 2607.02194).

    ratio = actual / predicted decrease of ||r||^2 of the steps of `probes` radii, geometric in [radius / 3, 3 radius],
    from one factorization. The least ratio so far, from the smallest radius on, interpolated in log radius, tells the
    largest radius that reaches the target; where all do it is 3 radius, where none does radius / 3. A low target keeps
    the radius large and the problem well conditioned for as long as the damping falls; once this rises, steps are to
    be true ones, and the loss falls by many digits in few of them. Points stay as long as they tell something new.

    target, late_target: ratios in (0, 1), before and after the damping rises. radius: the first, > 0. probes: >= 4.
    solver: auto, cholesky, eigen, orthogonal, dual or conjugate_gradients; auto takes the eigenvalues of J^T J, and
    goes on from where they end, dampings having come down to its rounding, without squaring J.
    """

    default_steps = 3000
    redraw_every = None

    target: float = 0.15
    late_target: float = 0.5
    radius: float = 1.0
    probes: int = 16
    solver: str = "auto"

    def __post_init__(self) -> None:
        for name in ("target", "late_target"):
            value = getattr(self, name)
            require(0 < value < 1, f"optimizer.{name} must be in (0, 1), got {value}")
        require(0 < self.radius < math.inf, f"optimizer.radius must be positive and finite, got {self.radius}")
        require(self.probes >= 4, f"optimizer.probes must be >= 4, got {self.probes}")
        self._solver = SolverChoice(self.solver, spectral=True)

    def init(self, theta: Tensor) -> State:
        return {"radius": self.radius, "fine": False, "least": math.inf, **self._fresh}

    def redrawn(self, state: State) -> tuple[State, bool]:
        """Whether dampings rise is seen anew, unless they did: then it is the points that were too few."""
        return (state, True) if state["late"] else (state | self._fresh, False)

    @property
    def _fresh(self) -> State:
        return {"dampings": [], "count": 0, "late": False}

    def step(self, theta: Tensor, state: State, least_squares: LeastSquares) -> tuple[Tensor, State, Report]:
        model = self._solver.linearize(least_squares, theta, state["fine"])
        report: Report = {"loss": model.loss, "gradient_norm": 2.0 * float(model.right.norm())}
        target = self.late_target if state["late"] else self.target
        found = self._longest(state["radius"], target, theta, model, least_squares)
        if found is None:  # not even the shortest could be solved for
            radius = state["radius"] / SPAN
            after = state | {"radius": max(radius, SHORTEST / SPAN), "fine": True}
            return theta, after, report | {"accepted": False, "settled": radius < SHORTEST}
        radius, step, loss = found
        accepted = loss < model.loss
        dampings = [*state["dampings"], math.log10(max(step.damping, LEAST))][-RECENT:]
        count, ended = state["count"] + 1, radius < SHORTEST
        # eigenvalues of J^T J lead on far below its rounding, at a third of the cost, until steps end or gain little
        least, rounding = min(state["least"], step.damping), ROUNDING * model.scale
        slow = step.damping < rounding and loss > SLOW * model.loss
        refined = not state["fine"] and (slow or (ended and least < rounding))
        report |= {"accepted": accepted, "damping": step.damping, "radius": radius, "settled": ended and not refined}
        report |= {"ratio": (model.loss - loss) / step.predicted if step.predicted > 0 else 0.0}
        after = {
            "radius": self.radius if refined and ended else max(radius, SHORTEST / SPAN),  # that could grow again
            "fine": state["fine"] or refined,
            "least": least,
            "dampings": dampings,
            "count": count,
            "late": state["late"] or (count >= EARLIEST and is_rising(dampings)),
        }
        return theta + step.delta if accepted else theta, after, report

    def _longest(
        self, radius: float, target: float, theta: Tensor, model: Linearization, least_squares: LeastSquares
    ) -> tuple[float, Step, float] | None:
        """The next radius, its step and the loss there; None where no step could be had."""
        exponents = torch.linspace(-1.0, 1.0, self.probes, dtype=theta.dtype, device=theta.device)
        radii = radius * SPAN**exponents
        tried: list[tuple[Step, float, float]] = []  # with their losses and ratios
        for step in model.steps(radii, LEAST):
            loss = float(least_squares.loss(theta + step.delta))
            tried.append((step, loss, clipped_ratio(model.loss - loss, step.predicted)))
            # the ratios that follow are not above these; an interpolation looks one further than it reaches
            if sum(ratio < target for *_, ratio in tried) == 2:
                break
        if not tried:
            return None
        falling = list(accumulate((ratio for *_, ratio in tried), min))
        reached = sum(ratio >= target for ratio in falling)
        if reached in (0, len(tried)):
            step, loss, _ = tried[max(reached - 1, 0)]
            # a step that is not damped needs no larger radius
            return self._bounded(float(radii[max(reached - 1, 0)]), step), step, loss
        longest = math.exp(crossing(radii[: len(tried)].log().tolist(), falling, reached, target))
        for step in model.steps(radii.new_tensor([longest]), LEAST):
            loss = float(least_squares.loss(theta + step.delta))
            if loss < model.loss:
                return longest, step, loss
        return float(radii[reached - 1]), *tried[reached - 1][:2]

    @staticmethod
    def _bounded(radius: float, step: Step) -> float:
        return min(radius, SPAN * float(step.delta.norm())) if step.damping <= LEAST else radius


def clipped_ratio(actual: float, predicted: float) -> float:
    """actual / predicted in [-1, 1]; -1 where it is not a number."""
    if not (math.isfinite(actual) and predicted > 0):
        return -1.0
    return min(max(actual / predicted, -1.0), 1.0)


def crossing(x: Sequence[float], falling: Sequence[float], reached: int, target: float) -> float:
    """Where values that do not rise cross the target, between x[reached - 1] and x[reached]: monotone cubics."""
    curve = PchipInterpolator(x, falling)
    low, high = x[reached - 1], x[reached]
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if float(curve(middle)) >= target else (low, middle)
    return low


def is_rising(values: Sequence[float]) -> bool:
    """Whether a line through the values rises, and they keep to it."""
    if max(values) == min(values):
        return False
    steps = np.arange(len(values))
    slope, correlation = np.polyfit(steps, values, 1)[0], np.corrcoef(steps, values)[0, 1]
    return bool(slope > SLOPE and correlation > CORRELATION)
