"""Least squares as optimizers and trainers see them, however they are computed."""

from collections.abc import Iterator, Mapping
from typing import Generic, Protocol, SupportsFloat, TypeVar

from torch import Size, Tensor

from pinn.distributed.team import Team
from pinn.sampling.points import PointSet


class LeastSquares(Protocol):
    """minimize ||r(theta)||^2 over theta (p,), r of shape (N,).

    Where a team of processes shares the rows, `residual`, `jacobian`, `pieces` and `jvp` give this process's, `rows` in
    number, while losses, gradients, `normal_equations` and `vjp` are sums over all of them. A loss may be a tensor on a
    GPU, for which `float` waits.
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

    def loss(self, theta: Tensor) -> SupportsFloat: ...

    def loss_and_gradient(self, theta: Tensor) -> tuple[SupportsFloat, Tensor]: ...

    def jacobian(self, theta: Tensor) -> tuple[Tensor, Tensor]: ...

    def pieces(self, theta: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Indices, r and J of some rows after the other; a piece is valid until the next."""

    def normal_equations(self, theta: Tensor) -> tuple[Tensor, Tensor, SupportsFloat]: ...

    def jvp(self, theta: Tensor, v: Tensor) -> Tensor: ...

    def vjp(self, theta: Tensor, w: Tensor) -> Tensor: ...

    def last_layer(self, theta: Tensor) -> "tuple[Tensor, LeastSquares] | None":
        """Indices (q,) of the last linear layer's entries of theta, and r in them alone; None if not known."""


class Collocation(LeastSquares, Protocol):
    """Least squares of residuals at collocation points, which can be had at others."""

    @property
    def points(self) -> PointSet:
        """All points, by region label."""

    def at(self, points: PointSet, own: PointSet | None = None) -> "Collocation":
        """The same at other points; own: those whose rows are computed here, all where None."""

    def is_coupled(self, label: str) -> bool:
        """Whether a row of the region depends on other rows' points."""

    def last_layer(self, theta: Tensor) -> "tuple[Tensor, Collocation] | None": ...

    def loss(self, theta: Tensor) -> Tensor: ...

    def loss_and_gradient(self, theta: Tensor) -> tuple[Tensor, Tensor]: ...

    def normal_equations(self, theta: Tensor) -> tuple[Tensor, Tensor, Tensor]: ...

    def mean_squares(self, theta: Tensor) -> dict[str, Tensor]: ...

    def balances(self, theta: Tensor, terms: bool = True) -> tuple[dict[str, Tensor], dict[str, Tensor]]: ...


Inner = TypeVar("Inner", bound=LeastSquares)


class Wrapper(Generic[Inner]):
    """The same residuals as those of `inner`, evaluated otherwise or as a function of other parameters."""

    def __init__(self, inner: Inner) -> None:
        self.inner = inner

    @property
    def team(self) -> Team:
        return self.inner.team

    @property
    def rows(self) -> int:
        return self.inner.rows

    @property
    def identity(self) -> int:
        return self.inner.identity

    def __len__(self) -> int:
        return len(self.inner)


At = TypeVar("At", bound=Collocation)


class CollocationWrapper(Wrapper[At]):
    """Least squares at the same points; what a subclass does not evaluate otherwise is as of `inner`."""

    @property
    def shapes(self) -> Mapping[str, Size]:
        return self.inner.shapes

    @property
    def points(self) -> PointSet:
        return self.inner.points

    def is_coupled(self, label: str) -> bool:
        return self.inner.is_coupled(label)

    def residual(self, theta: Tensor) -> Tensor:
        return self.inner.residual(theta)

    def jacobian(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        return self.inner.jacobian(theta)

    def pieces(self, theta: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        return self.inner.pieces(theta)

    def jvp(self, theta: Tensor, v: Tensor) -> Tensor:
        return self.inner.jvp(theta, v)

    def vjp(self, theta: Tensor, w: Tensor) -> Tensor:
        return self.inner.vjp(theta, w)

    def mean_squares(self, theta: Tensor) -> dict[str, Tensor]:
        return self.balances(theta, terms=False)[0]

    def balances(self, theta: Tensor, terms: bool = True) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        return self.inner.balances(theta, terms)
