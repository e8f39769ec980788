"""What an optimizer is."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from torch import Tensor

from pinn.basis.configurable import Configurable
from pinn.residuals.protocol import LeastSquares, Wrapper

State = dict[str, Any]  # a plain tree of tensors and numbers
Report = dict[str, Any]  # what a step tells: loss, damping, gradient_norm, accepted, settled (nothing left to do), ...


class Reparameterized(Wrapper[LeastSquares]):
    """The residuals of `inner` as a function of other parameters."""

    def last_layer(self, theta: Tensor) -> None:
        """None: it is mixed with the others, or eliminated."""


class Optimizer(Configurable, ABC):
    """A method that improves theta step by step. All its memory is in the state."""

    default_steps: ClassVar[int] = 1000  # what training.steps: null means
    moves_last_layer_only: ClassVar[bool] = False  # all other parameters stay as they started
    # steps at the same points, what sampler.redraw_every: null means; None: as many as tell something new
    redraw_every: ClassVar[int | None] = 20

    @abstractmethod
    def init(self, theta: Tensor) -> State:
        """The state before the first step at theta (p,)."""

    @abstractmethod
    def step(self, theta: Tensor, state: State, least_squares: LeastSquares) -> tuple[Tensor, State, Report]:
        """One step: the new theta, the new state, and a report whose `loss` is that of the theta passed in."""

    def redrawn(self, state: State) -> tuple[State, bool]:
        """Where points that stayed are drawn anew: the state there, and whether they are to be more."""
        return state, False
