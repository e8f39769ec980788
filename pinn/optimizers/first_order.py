"""First-order methods."""

import torch
from torch import Tensor

from pinn.errors import require
from pinn.optimizers.base import LeastSquares, Optimizer, Report, State


class Adam(Optimizer):
    """Adam (Kingma & Ba 2015, arXiv 1412.6980) with exponential decay of the learning rate.

    learning_rate: > 0. decay: factor every `decay_steps` steps, in (0, 1]. betas: in [0, 1). epsilon: > 0.
    """

    default_steps = 20_000

    def __init__(
        self,
        *,
        learning_rate: float = 1e-3,
        decay: float = 0.9,
        decay_steps: int = 2000,
        betas: tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1e-12,
    ) -> None:
        require(0 < learning_rate < float("inf"), f"optimizer.learning_rate must be positive, got {learning_rate}")
        require(0 < decay <= 1, f"optimizer.decay must be in (0, 1], got {decay}")
        require(decay_steps >= 1, f"optimizer.decay_steps must be >= 1, got {decay_steps}")
        require(all(0 <= beta < 1 for beta in betas), f"optimizer.betas must be in [0, 1), got {tuple(betas)}")
        require(0 < epsilon < float("inf"), f"optimizer.epsilon must be positive, got {epsilon}")
        self.learning_rate = learning_rate
        self.decay = decay
        self.decay_steps = decay_steps
        self.betas = tuple(betas)
        self.epsilon = epsilon

    def init(self, theta: Tensor) -> State:
        return {"mean": torch.zeros_like(theta), "square": torch.zeros_like(theta), "count": 0}

    def step(self, theta: Tensor, state: State, problem: LeastSquares) -> tuple[Tensor, State, Report]:
        loss, g = problem.loss_and_gradient(theta)
        b1, b2 = self.betas
        count = state["count"] + 1
        mean = b1 * state["mean"] + (1 - b1) * g
        square = b2 * state["square"] + (1 - b2) * g * g
        rate = self.learning_rate * self.decay ** ((count - 1) / self.decay_steps)
        direction = (mean / (1 - b1**count)) / ((square / (1 - b2**count)).sqrt() + self.epsilon)
        report: Report = {
            "loss": loss,
            "gradient_norm": float(g.norm()),
            "learning_rate": rate,
            "accepted": True,
        }
        return theta - rate * direction, {"mean": mean, "square": square, "count": count}, report
