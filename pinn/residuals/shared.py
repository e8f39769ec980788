"""Least squares whose rows a team of processes shares: each computes its own, and sums are over all of them."""

from collections.abc import Callable

import torch
from torch import Tensor

from pinn.basis.errors import require
from pinn.distributed.team import Team
from pinn.residuals.protocol import Collocation, CollocationWrapper
from pinn.residuals.residuals import Named
from pinn.sampling.points import Points, PointSet


class SharedLeastSquares(CollocationWrapper[Collocation]):
    """The rows of `inner` that this member of a team takes; losses, gradients and J^T w are sums over all of them."""

    def __init__(self, inner: Collocation, team: Team) -> None:
        super().__init__(inner)
        self._team = team

    @property
    def team(self) -> Team:
        return self._team

    def at(self, points: PointSet, own: PointSet | None = None) -> Collocation:
        """The same at other points; the team decides which are own."""
        mine = share(points, self.team, self.inner.is_coupled)
        return SharedLeastSquares(self.inner.at(points, mine), self.team)

    def last_layer(self, theta: Tensor) -> "tuple[Tensor, SharedLeastSquares] | None":
        layer = self.inner.last_layer(theta)
        return None if layer is None else (layer[0], SharedLeastSquares(layer[1], self.team))

    def vjp(self, theta: Tensor, w: Tensor) -> Tensor:
        """J^T w (p,) for w of the own rows."""
        return self.team.summed(self.inner.vjp(theta, w))[0]

    def loss(self, theta: Tensor) -> Tensor:
        """||r||^2."""
        return self.team.summed(self.inner.loss(theta))[0]

    def loss_and_gradient(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        """||r||^2 and its gradient 2 J^T r (p,)."""
        loss, gradient = self.team.summed(*self.inner.loss_and_gradient(theta))
        return loss, gradient

    def normal_equations(self, theta: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """J^T J (p, p), J^T r (p,) and ||r||^2."""
        product, right, loss = self.team.summed(*self.inner.normal_equations(theta))
        return product, right, loss

    def balances(self, theta: Tensor, terms: bool = True) -> tuple[Named, Named]:
        means, largest = self.inner.balances(theta, terms)
        (sums,) = self.team.summed(torch.stack([*means.values(), *largest.values()]))
        values = iter(sums)
        return {name: next(values) for name in means}, {name: next(values) for name in largest}


def shared(least_squares: Collocation, team: Team) -> Collocation:
    """The same least squares, of which this member of the team computes its share of the rows."""
    if team.size == 1:
        return least_squares
    return SharedLeastSquares(least_squares, team).at(least_squares.points)


def share(points: PointSet, team: Team, coupled: Callable[[str], bool]) -> PointSet:
    """The rows of this member: every `size`-th of each region, so that no one has the points of one corner.

    A region whose rows depend on each other's points (a mean, a flux) goes to one member whole, the regions in turn.
    Raises UserError where a member would have no row.
    """
    whole = {label: coupled(label) for label in points}
    most = max((len(rows) for label, rows in points.items() if not whole[label]), default=0)
    require(
        most >= team.size,
        f"{team.size} devices cannot share {most} points; draw more (sampler.interior) or set devices=1",
    )
    own: dict[str, Points] = {}
    for number, (label, all_rows) in enumerate(points.items()):
        first = (team.rank - number) % team.size  # the odd row goes to another member in each region
        if not whole[label] and first < len(all_rows):
            own[label] = all_rows[slice(first, None, team.size)]
        elif whole[label] and first == 0:
            own[label] = all_rows
    return own
