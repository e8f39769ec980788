"""SPRING: Gauss-Newton steps with the momentum of a subsampled projected-increment method."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from pinn.basis.errors import require
from pinn.optimizers.base import Optimizer, Report, State
from pinn.optimizers.linearization import SolverChoice
from pinn.residuals.protocol import LeastSquares

POOR, GOOD = 0.25, 0.75  # ratios of actual to predicted decrease below and above which the damping changes
MORE, LESS = 1.5, 2.0 / 3.0  # its factors


@dataclass(kw_only=True, eq=False)
class SPRING(Optimizer):
    """SPRING (Goldshlager et al. 2024, arXiv 2401.10190; for PINNs Guzman-Cordero et al. 2025, arXiv 2505.12149).

    phi minimizes ||r + J phi||^2 + damping ||phi - momentum phi_before||^2, a regularized Kaczmarz projection of the
    decayed previous direction onto the solutions of the linearized equations:
    phi = momentum phi_before - J^T (J J^T + damping I)^-1 (r + momentum J phi_before),
    theta <- theta + min(learning_rate, sqrt(largest) / ||phi||) phi.
    Where the step's decrease is less than a quarter of the predicted one the damping grows by 1.5, where it is more
    than three quarters it shrinks by as much. Steps may increase the loss; one to where it is no number is left out
    and the momentum dropped.

    On a few hundred points redrawn at every step it is cheap (a dual system) and gains from the memory; the papers'
    momentum 0.99 and largest 1e-3 are for thousands of steps, the defaults for some hundred.

    damping: start value, absolute, > 0; minimum, maximum: its range. momentum: in [0, 1). learning_rate: > 0.
    largest: of a step's squared length, > 0. solver: auto, cholesky, eigen, orthogonal, dual or conjugate_gradients.
    """

    default_steps = 1000
    redraw_every = 1

    damping: float = 1e-3
    minimum: float = 1e-12
    maximum: float = 1e8
    momentum: float = 0.9
    learning_rate: float = 1.0
    largest: float = 0.1
    solver: str = "auto"

    def __post_init__(self) -> None:
        for name in ("damping", "minimum", "learning_rate", "largest"):
            value = getattr(self, name)
            require(0 < value < math.inf, f"optimizer.{name} must be positive and finite, got {value}")
        require(
            self.minimum < self.maximum < math.inf,
            f"optimizer.maximum must be finite and above minimum, got {self.maximum} and {self.minimum}",
        )
        require(0 <= self.momentum < 1, f"optimizer.momentum must be in [0, 1), got {self.momentum}")
        self._solver = SolverChoice(self.solver)

    def init(self, theta: Tensor) -> State:
        return {"damping": self.damping, "direction": torch.zeros_like(theta)}

    def step(self, theta: Tensor, state: State, least_squares: LeastSquares) -> tuple[Tensor, State, Report]:
        model, damping = self._solver.linearize(least_squares, theta), state["damping"]
        report: Report = {"loss": model.loss, "gradient_norm": 2.0 * float(model.right.norm()), "damping": damping}
        before = self.momentum * state["direction"]
        projected = model.system.solve(damping, model.r + model.forward(before))
        if projected is None:
            return theta, self._after(damping, -math.inf, torch.zeros_like(theta)), report | {"accepted": False}
        direction = before + projected
        step = min(self.learning_rate, math.sqrt(self.largest) / max(float(direction.norm()), 1e-300)) * direction
        predicted = model.loss - model.square(model.r + model.forward(step))
        actual = model.loss - float(least_squares.loss(theta + step))
        if not math.isfinite(actual):
            return theta, self._after(damping, -math.inf, torch.zeros_like(theta)), report | {"accepted": False}
        ratio = actual / predicted if predicted > 0 else -math.inf
        return theta + step, self._after(damping, ratio, direction), report | {"accepted": True, "ratio": ratio}

    def _after(self, damping: float, ratio: float, direction: Tensor) -> State:
        """The state after a step that reached this ratio."""
        factor = MORE if ratio < POOR else LESS if ratio > GOOD else 1.0
        return {"damping": min(max(damping * factor, self.minimum), self.maximum), "direction": direction}
