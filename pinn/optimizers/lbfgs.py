"""Limited-memory BFGS."""

import copy
import math

import torch
from torch import Tensor

from pinn.basis.errors import require
from pinn.optimizers.base import Optimizer, Report, State
from pinn.optimizers.first_order import tree
from pinn.optimizers.line_search import evaluated, unevaluated
from pinn.residuals.protocol import LeastSquares

EVALUATIONS = 26  # of the loss in one step, the first included
# torch's L-BFGS learns from a step only where y^T s > 1e-10. The loss that it is given is multiplied by a power of
# two, which changes no digit, so that this bound never matters: it starts near 2 to this power. Fourth powers of the
# gradient must not overflow.
LOGARITHM = {torch.float64: 100, torch.float32: 10}

HIGH = 1e6  # times the loss at the start stands for one that is not a number: torch's search needs finite ones


class LBFGS(Optimizer):
    """L-BFGS (Liu & Nocedal 1989, doi:10.1007/BF01589116) with a strong Wolfe line search, by torch.

    One iteration a step. Where points or weights have changed, the next update is left out, because it would compare
    gradients of two functions. Where a search ends at no lower point, or where numbers are no longer finite, the step
    goes to the lowest point seen and the memory is cleared; where it was empty already, the step is not accepted.

    history: steps remembered, >= 1.
    """

    default_steps = 5000
    redraw_every = 200

    def __init__(self, *, history: int = 50) -> None:
        require(history >= 1, f"optimizer.history must be >= 1, got {history}")
        self.history = history

    def init(self, theta: Tensor) -> State:
        return unevaluated(theta) | {"memory": None, "scale": 1.0}

    def step(self, theta: Tensor, state: State, least_squares: LeastSquares) -> tuple[Tensor, State, Report]:
        before, state = state, evaluated(theta, state, least_squares)
        if state is not before:
            kept = before["memory"] if torch.equal(theta, before["theta"]) else None
            state = state | {"memory": _without_next_update(kept, before["scale"] * state["gradient"])}
        loss, g = state["loss"], state["gradient"]
        report: Report = {"loss": loss, "gradient_norm": float(g.norm()), "accepted": False}
        if state["stuck"] or not math.isfinite(loss) or report["gradient_norm"] == 0.0:
            return theta, state, report
        if state["memory"] is None:
            state = state | {"scale": 2.0 ** (LOGARITHM[theta.dtype] - math.frexp(loss)[1])}
        seen = _Evaluations(least_squares, theta, loss, g, state["scale"])
        memory: State | None = self._iterate(seen, state["memory"])
        reached = seen.at(seen.theta.detach())
        if not reached[1] < loss:
            reached, memory = seen.lowest(), None
        accepted = reached[1] < loss
        values = {"theta": reached[0], "loss": reached[1], "gradient": reached[2], "memory": memory}
        stuck = not accepted and state["memory"] is None
        return reached[0], state | values | {"stuck": stuck}, report | {"accepted": accepted}

    def _iterate(self, seen: "_Evaluations", memory: State | None) -> State:
        """One iteration of torch's, which moves seen.theta; the memory after it."""
        method = torch.optim.LBFGS(
            [seen.theta],
            max_iter=1,
            max_eval=EVALUATIONS,
            tolerance_grad=0.0,
            tolerance_change=0.0,
            history_size=self.history,
            line_search_fn="strong_wolfe",
        )
        if memory is not None:
            method.load_state_dict(copy.deepcopy(memory))
        method.step(seen)
        return tree(method.state_dict())


class _Evaluations:
    """What torch calls for the scaled loss and gradient at its parameter `theta`; keeps all that it evaluated."""

    def __init__(self, least_squares: LeastSquares, theta: Tensor, loss: float, gradient: Tensor, scale: float) -> None:
        self.least_squares = least_squares
        self.theta = theta.detach().clone()
        self.points = [(theta, loss, gradient)]
        self.scale = scale

    def at(self, theta: Tensor) -> tuple[Tensor, float, Tensor]:
        """theta, the loss there (infinite where it is not a number) and the gradient."""
        for point in self.points:
            if torch.equal(point[0], theta):
                return point
        theta = theta.clone()
        value, gradient = self.least_squares.loss_and_gradient(theta)
        loss = float(value)
        finite = math.isfinite(loss) and bool(gradient.isfinite().all())
        self.points.append((theta, loss, gradient) if finite else (theta, math.inf, torch.zeros_like(gradient)))
        return self.points[-1]

    def lowest(self) -> tuple[Tensor, float, Tensor]:
        return min(self.points, key=lambda point: point[1])

    def __call__(self) -> float:
        _, loss, gradient = self.at(self.theta.detach())
        self.theta.grad = self.scale * gradient
        return self.scale * (loss if math.isfinite(loss) else HIGH * self.points[0][1])


def _without_next_update(memory: State | None, gradient: Tensor) -> State | None:
    """The memory with the given gradient for the last one: y = 0, from which torch learns nothing."""
    if memory is None:
        return None
    memory = copy.deepcopy(memory)
    memory["state"][0]["prev_flat_grad"] = gradient
    return memory
