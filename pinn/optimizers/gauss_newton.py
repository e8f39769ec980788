"""The Gauss-Newton family: damped linear least squares on the residual's Jacobian."""

import torch
from torch import Tensor

from pinn.errors import require
from pinn.optimizers.base import LeastSquares, Optimizer, Report, State


class LevenbergMarquardt(Optimizer):
    """Levenberg-Marquardt: delta = -(J^T J + damping I)^-1 J^T r, by Cholesky.

    The damping follows the ratio of actual to predicted decrease of ||r||^2 by Nielsen's rule (Madsen, Nielsen &
    Tingleff 2004, eq. 2.21): a step is accepted where the ratio is positive; a rejected one is repeated with more
    damping and the same J, up to `attempts` times.

    damping: start value relative to the largest diagonal entry of J^T J, > 0. minimum, maximum: its absolute range.
    """

    default_steps = 600

    def __init__(
        self, *, damping: float = 1e-3, minimum: float = 1e-15, maximum: float = 1e8, attempts: int = 8
    ) -> None:
        for name, value in (("damping", damping), ("minimum", minimum), ("maximum", maximum)):
            require(0 < value < float("inf"), f"optimizer.{name} must be positive and finite, got {value}")
        require(minimum < maximum, f"optimizer.minimum must be below maximum, got {minimum} and {maximum}")
        require(attempts >= 1, f"optimizer.attempts must be >= 1, got {attempts}")
        self.damping = damping
        self.minimum = minimum
        self.maximum = maximum
        self.attempts = attempts

    def init(self, theta: Tensor) -> State:
        return {"damping": None, "growth": 2.0}

    def step(self, theta: Tensor, state: State, problem: LeastSquares) -> tuple[Tensor, State, Report]:
        product, right, loss = problem.normal_equations(theta)
        report: Report = {"loss": loss, "gradient_norm": 2.0 * float(right.norm()), "accepted": False}
        damping, growth = state["damping"], state["growth"]
        if damping is None:
            damping = self.damping * float(product.diagonal().max())
        for _ in range(self.attempts):
            delta = solve_damped(product, right, damping)
            if delta is not None:
                predicted = float(-(right @ delta) + damping * (delta @ delta))
                candidate = theta + delta
                actual = loss - problem.loss(candidate)
                if predicted > 0 and actual > 0:
                    ratio = actual / predicted
                    report |= {"accepted": True, "ratio": ratio, "damping": damping}
                    shrunk = damping * max(1.0 / 3.0, 1.0 - (2.0 * ratio - 1.0) ** 3)
                    return candidate, {"damping": self._clip(shrunk), "growth": 2.0}, report
            damping, growth = self._clip(damping * growth), min(2.0 * growth, 64.0)
        return theta, {"damping": damping, "growth": growth}, report | {"damping": damping}

    def _clip(self, damping: float) -> float:
        return min(max(damping, self.minimum), self.maximum)


def solve_damped(product: Tensor, right: Tensor, damping: float) -> Tensor | None:
    """-(A + damping I)^-1 b by Cholesky for A (p, p), b (p,); None where A + damping I is not positive definite."""
    damped = product.clone()
    damped.diagonal().add_(damping)
    factor, failed = torch.linalg.cholesky_ex(damped)
    if int(failed):
        return None
    return -torch.cholesky_solve(right.unsqueeze(1), factor).squeeze(1)
