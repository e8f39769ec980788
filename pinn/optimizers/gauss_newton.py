"""The Gauss-Newton family: a linear solver, a rule for the damping and an optional second-order correction.

Every member takes the step delta = -(J^T J + damping I)^-1 J^T r and compares the decrease of ||r||^2 with what the
linear model predicted: ratio = actual / predicted.
"""

import math
from abc import abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from pinn.basis.errors import require
from pinn.optimizers.base import Optimizer, Report, State
from pinn.optimizers.linearization import Linearization, SolverChoice
from pinn.residuals.protocol import LeastSquares

LONGEST_WAIT = 4  # steps for which a damping stays after longer steps have failed several times


@dataclass
class Attempt:
    """A step that was tried: where it leads, and how its decrease compares with the prediction."""

    theta: Tensor
    damping: float
    ratio: float


@dataclass(frozen=True)
class GeodesicAcceleration:
    """The second-order correction of a step (Transtrum & Sethna 2012, arXiv 1201.5885).

    delta + a / 2 with a = -(J^T J + damping I)^-1 J^T r'' and r'' the second derivative of r along delta, by the
    difference r'' ~ (2 / h) ((r(theta + h delta) - r) / h - J delta). It follows a curved valley where delta alone
    would leave it. The correction is left out where |a| / 2 > largest |delta|.

    h: step of the difference, dimensionless, in (0, 1]. largest: >= 0.
    """

    h: float = 0.1
    largest: float = 0.75

    def __post_init__(self) -> None:
        require(0 < self.h <= 1, f"acceleration.h must be in (0, 1], got {self.h}")
        require(0 <= self.largest < math.inf, f"acceleration.largest must be finite and >= 0, got {self.largest}")

    def corrected(
        self, delta: Tensor, damping: float, theta: Tensor, model: Linearization, least_squares: LeastSquares
    ) -> Tensor:
        with torch.no_grad():
            ahead = least_squares.residual(theta + self.h * delta)
        curvature = (2.0 / self.h) * ((ahead - model.r) / self.h - model.forward(delta))
        correction = model.system.solve(damping, curvature)
        if correction is None:
            return delta
        # decided where the tensors are: a GPU would have to come to rest for an answer; false where not finite
        small = correction.norm() <= 2.0 * self.largest * delta.norm()
        return torch.where(small, delta + 0.5 * correction, delta)


@dataclass(kw_only=True, eq=False)
class GaussNewton(Optimizer):
    """What the members share: linearize, try dampings, report. `_search` is the rule for the damping.

    damping: start value relative to the curvature along the gradient, > 0. minimum, maximum: its absolute range.
    solver: auto, cholesky, eigen, orthogonal, dual or conjugate_gradients. acceleration: whether steps get the
    geodesic correction.
    """

    default_steps = 3000
    redraw_every = 10

    damping: float = 1e-3
    minimum: float = 1e-15
    maximum: float = 1e8
    solver: str = "auto"
    acceleration: bool = False

    def __post_init__(self) -> None:
        for name in ("damping", "minimum", "maximum"):
            value = getattr(self, name)
            require(0 < value < math.inf, f"optimizer.{name} must be positive and finite, got {value}")
        require(
            self.minimum < self.maximum,
            f"optimizer.minimum must be below maximum, got {self.minimum} and {self.maximum}",
        )
        self._solver = SolverChoice(self.solver)
        self._geodesic = GeodesicAcceleration() if self.acceleration else None

    def step(self, theta: Tensor, state: State, least_squares: LeastSquares) -> tuple[Tensor, State, Report]:
        model = self._solver.linearize(least_squares, theta)
        norm = 2.0 * model.right.norm()
        if state["damping"] is None:
            state = state | {"damping": self._clip(self.damping * self._largest_curvature(model))}
        taken, state = self._search(theta, state, model, least_squares)
        report: Report = {"loss": model.loss, "gradient_norm": float(norm)}  # when the step has waited for all anyway
        if taken is None:
            return theta, state, report | {"accepted": False, "damping": state["damping"]}
        return taken.theta, state, report | {"accepted": True, "damping": taken.damping, "ratio": taken.ratio}

    @abstractmethod
    def _search(
        self, theta: Tensor, state: State, model: Linearization, least_squares: LeastSquares
    ) -> tuple[Attempt | None, State]:
        """The step that is taken, None where none is, and the state after it."""

    def _largest_curvature(self, model: Linearization) -> float:
        """||J v||^2 / ||v||^2 along the gradient: the scale of J^T J without forming it."""
        norm = float(model.right.norm())
        return model.square(model.forward(model.right / norm)) if norm > 0 else 1.0

    def _clip(self, damping: float) -> float:
        return min(max(damping, self.minimum), self.maximum)

    def _try(self, damping: float, theta: Tensor, model: Linearization, least_squares: LeastSquares) -> Attempt | None:
        """The step with that damping; None where the system is singular or the loss is not a number."""
        delta = model.system.solve(damping, model.r)
        if delta is None:
            return None
        decrease = model.predicted(delta, damping)
        if self._geodesic is not None:
            delta = self._geodesic.corrected(delta, damping, theta, model, least_squares)
        candidate = theta + delta
        actual = model.loss - float(least_squares.loss(candidate))
        predicted = float(decrease)
        if not (predicted > 0 and math.isfinite(actual)):
            return None
        return Attempt(candidate, damping, actual / predicted)


@dataclass(kw_only=True, eq=False)
class LevenbergMarquardt(GaussNewton):
    """Levenberg-Marquardt with Nielsen's rule (Madsen, Nielsen & Tingleff 2004, eq. 2.21).

    A step is accepted where the ratio is positive; a rejected one is repeated with more damping and the same J.

    attempts: tries of one step, >= 1. damping, minimum, maximum, solver, acceleration: see GaussNewton.
    """

    attempts: int = 8

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.attempts >= 1, f"optimizer.attempts must be >= 1, got {self.attempts}")

    def init(self, theta: Tensor) -> State:
        return {"damping": None, "growth": 2.0}

    def _search(
        self, theta: Tensor, state: State, model: Linearization, least_squares: LeastSquares
    ) -> tuple[Attempt | None, State]:
        damping, growth = state["damping"], state["growth"]
        for _ in range(self.attempts):
            attempt = self._try(damping, theta, model, least_squares)
            if attempt is not None and attempt.ratio > 0:
                shrunk = damping * max(1.0 / 3.0, 1.0 - (2.0 * attempt.ratio - 1.0) ** 3)
                return attempt, {"damping": self._clip(shrunk), "growth": 2.0}
            damping, growth = self._clip(damping * growth), min(2.0 * growth, 64.0)
        return None, {"damping": damping, "growth": growth}


@dataclass(kw_only=True, eq=False)
class LeastDamping(GaussNewton):
    """The longest step whose ratio still reaches a target (after DSGNAR: Webb, Jerad & Cartis 2026, arXiv 2607.02194).

    The damping governs the step's length. From the last one, it is divided by `factor` while the ratio stays at or
    above `target`, at most `probes` times, and the last such step is taken; where the first already fails, it is
    multiplied until one holds. Longer steps that fail are tried again after one step, then after two and four: mostly
    the same ones would fail. A low target takes long steps, which keep J well conditioned; greedy ones fall into a
    narrow valley. With the geodesic correction (the default) the steps follow the valley.

    target: ratio in (0, 1). factor: > 1. probes: >= 1. damping, minimum, maximum, solver, acceleration: see
    GaussNewton.
    """

    target: float = 0.1
    factor: float = 4.0
    probes: int = 3
    acceleration: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        require(0 < self.target < 1, f"optimizer.target must be in (0, 1), got {self.target}")
        require(1 < self.factor < math.inf, f"optimizer.factor must be > 1 and finite, got {self.factor}")
        require(self.probes >= 1, f"optimizer.probes must be >= 1, got {self.probes}")

    def init(self, theta: Tensor) -> State:
        return {"damping": None, "wait": 0, "patience": 1}  # steps until longer ones are tried, and after a failure

    def _search(
        self, theta: Tensor, state: State, model: Linearization, least_squares: LeastSquares
    ) -> tuple[Attempt | None, State]:
        damping = state["damping"]
        best = self._try(damping, theta, model, least_squares)
        if not self._holds(best):
            return self._shorter(best, damping, theta, model, least_squares)
        if state["wait"] > 0:
            return best, state | {"wait": state["wait"] - 1}
        patience = state["patience"]
        for _ in range(self.probes):
            longer = self._clip(damping / self.factor)
            attempt = self._try(longer, theta, model, least_squares) if longer < damping else None
            if not self._holds(attempt):
                return best, {"damping": damping, "wait": patience, "patience": min(2 * patience, LONGEST_WAIT)}
            best, damping, patience = attempt, longer, 1
        return best, {"damping": damping, "wait": 0, "patience": 1}

    def _shorter(
        self, best: Attempt | None, damping: float, theta: Tensor, model: Linearization, least_squares: LeastSquares
    ) -> tuple[Attempt | None, State]:
        """More damping until the target is reached; after that the best step that decreased the loss at all."""
        for _ in range(2 * self.probes + 2):
            damping = self._clip(self.factor * damping)
            attempt = self._try(damping, theta, model, least_squares)
            if self._holds(attempt):
                return attempt, {"damping": damping, "wait": 0, "patience": 1}
            if attempt is not None and (best is None or attempt.ratio > best.ratio):
                best = attempt
        accepted = best if best is not None and best.ratio > 0 else None
        return accepted, {"damping": damping, "wait": 0, "patience": 1}

    def _holds(self, attempt: Attempt | None) -> bool:
        return attempt is not None and attempt.ratio >= self.target
