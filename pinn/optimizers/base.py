"""What an optimizer is, and what it minimizes."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Protocol

from torch import Size, Tensor

from pinn.basis.configurable import Configurable
from pinn.basis.errors import UserError
from pinn.distributed.team import Team

State = dict[str, Any]  # a plain tree of tensors and numbers
Report = dict[str, Any]  # what a step tells: loss, damping, gradient_norm, accepted, settled (nothing left to do), ...


class LeastSquares(Protocol):
    """minimize ||r(theta)||^2 over theta (p,), r of shape (N,).

    Where a team of processes shares the rows, `residual`, `jacobian`, `pieces` and `jvp` give this process's, `rows` in
    number, while losses, gradients, `normal_equations` and `vjp` are sums over all of them.
    """

    @property
    def team(self) -> Team:
        """The processes that share the rows."""

    @property
    def rows(self) -> int:
        """The number of this process's rows."""

    @property
    def identity(self) -> int:
        """Equal where r is the same function: another one at other points or with other weights."""

    @property
    def shapes(self) -> Mapping[str, Size]:
        """The shapes of the parameters that theta holds one after the other, by name."""

    def __len__(self) -> int: ...

    def residual(self, theta: Tensor) -> Tensor: ...

    def loss(self, theta: Tensor) -> float: ...

    def loss_and_gradient(self, theta: Tensor) -> tuple[float, Tensor]: ...

    def jacobian(self, theta: Tensor) -> tuple[Tensor, Tensor]: ...

    def pieces(self, theta: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Indices, r and J of some rows after the other; a piece is valid until the next."""

    def normal_equations(self, theta: Tensor) -> tuple[Tensor, Tensor, float]: ...

    def jvp(self, theta: Tensor, v: Tensor) -> Tensor: ...

    def vjp(self, theta: Tensor, w: Tensor) -> Tensor: ...

    def last_layer(self, theta: Tensor) -> "tuple[Tensor, LeastSquares] | None":
        """Indices (q,) of the last linear layer's entries of theta and the problem in them alone; None if not known."""


class Reparameterized:
    """The same residuals as those of `problem`, as a function of other parameters: what does not change by that."""

    def __init__(self, problem: LeastSquares) -> None:
        self.problem = problem

    @property
    def team(self) -> Team:
        return self.problem.team

    @property
    def rows(self) -> int:
        return self.problem.rows

    @property
    def identity(self) -> int:
        return self.problem.identity

    def __len__(self) -> int:
        return len(self.problem)

    def last_layer(self, theta: Tensor) -> None:
        """None: it is mixed with the others, or eliminated."""


class Optimizer(Configurable, ABC):
    """A method that improves theta step by step. All its memory is in the state."""

    default_steps: ClassVar[int] = 1000  # what training.steps: null means
    moves_last_layer_only: ClassVar[bool] = False  # all other parameters stay as they started
    redraw_every: ClassVar[int] = 20  # steps at the same points, what sampler.redraw_every: null means

    def replicated(self) -> "Optimizer":
        """The same method for several parameter vectors at once, each for itself, theta being (R p,).

        Raises UserError where there is none.
        """
        raise UserError(
            f"{type(self).__name__} cannot train replicas; choose optimizer=trust_region, levenberg_marquardt, adam or "
            "adamw, or set training.replicas=1"
        )

    @abstractmethod
    def init(self, theta: Tensor) -> State:
        """The state before the first step at theta (p,)."""

    @abstractmethod
    def step(self, theta: Tensor, state: State, problem: LeastSquares) -> tuple[Tensor, State, Report]:
        """One step: the new theta, the new state, and a report whose `loss` is that of the theta passed in."""
