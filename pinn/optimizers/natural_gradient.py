"""Energy natural gradient: a least-squares direction and a line search on the true loss."""

import math
from dataclasses import dataclass

from torch import Tensor

from pinn.basis.errors import require
from pinn.optimizers.base import Optimizer, Report, State
from pinn.optimizers.linearization import Linearization, SolverChoice
from pinn.residuals.protocol import LeastSquares

SHORT = 1 / 16  # length of a step below which the damping grows
LARGEST_DAMPING = 1e8


@dataclass(kw_only=True, eq=False)
class NaturalGradient(Optimizer):
    """Energy natural gradient descent (Mueller & Zeinhofer 2023, arXiv 2302.13163, algorithm 1).

    The direction is delta = -(G + damping I)^-1 J^T r with G = J^T J the Gramian of the loss, the step 2^-k delta with
    k in 0 .. halvings by the loss itself: the first k whose loss is below the present one and not above the next k's.
    (The paper takes the lowest loss of all k, which costs `halvings` evaluations and seldom differs.) Where J has many
    directions that mean nothing (few points, a shock) the steps shrink to nothing with the paper's fixed damping: here
    it grows tenfold after a step below 1/16 and falls back tenfold after each whole one.

    damping: smallest one, absolute, > 0; ten times as much where rounding makes the system singular. halvings: >= 0.
    solver: auto, cholesky, eigen, orthogonal, dual or conjugate_gradients.
    """

    default_steps = 3000
    redraw_every = 10

    damping: float = 1e-10
    halvings: int = 30
    solver: str = "auto"

    def __post_init__(self) -> None:
        require(0 < self.damping < math.inf, f"optimizer.damping must be positive and finite, got {self.damping}")
        require(0 <= self.halvings <= 1000, f"optimizer.halvings must be between 0 and 1000, got {self.halvings}")
        self._solver = SolverChoice(self.solver)

    def init(self, theta: Tensor) -> State:
        return {"damping": self.damping}

    def step(self, theta: Tensor, state: State, least_squares: LeastSquares) -> tuple[Tensor, State, Report]:
        model = self._solver.linearize(least_squares, theta)
        delta, damping = self._direction(model, state["damping"])
        moved, length = theta, 0.0
        if delta is not None:
            moved, length = self._search(theta, delta, model.loss, least_squares)
        report: Report = {
            "loss": model.loss,
            "gradient_norm": 2.0 * float(model.right.norm()),
            "accepted": length > 0.0,
            "damping": damping,
            "step_length": length,
        }
        return moved, {"damping": self._next(damping, length)}, report

    def _next(self, damping: float, length: float) -> float:
        """The damping after a step of this length."""
        if length < SHORT:
            return min(10.0 * damping, LARGEST_DAMPING)
        return max(damping / 10.0, self.damping) if length == 1.0 else damping

    def _direction(self, model: Linearization, damping: float) -> tuple[Tensor | None, float]:
        """The natural gradient and its damping; None where the system stays singular."""
        while damping < LARGEST_DAMPING:
            delta = model.system.solve(damping, model.r)
            if delta is not None and model.predicted(delta, damping) > 0.0:
                return delta, damping
            damping *= 10.0
        return None, damping

    def _search(self, theta: Tensor, delta: Tensor, loss: float, least_squares: LeastSquares) -> tuple[Tensor, float]:
        """theta + 2^-k delta and 2^-k; theta and 0 where no k decreases the loss."""
        best, length = theta, 0.0
        for k in range(self.halvings + 1):
            candidate = theta + 2.0**-k * delta
            after = float(least_squares.loss(candidate))
            if after < loss:
                best, length, loss = candidate, 2.0**-k, after
            elif length > 0.0:
                break
        return best, length
