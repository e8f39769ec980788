"""Largest and smallest values."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from pinn.domains.base import Domain
from pinn.functionals.base import Evaluate, Reading, values_of
from pinn.functionals.integrals import Total, nodes_at
from pinn.sampling.points import Points

SHRINK, ROUNDS = 0.7, 60  # steps about the best place so far: to 1e-9 of the first


class Maximum(Total):
    """The largest value of a quantity, and where it is: `Maximum("T")`, at each time; on sides: among their nodes.

    From the best of a quadrature's nodes by a search that stays in the domain. Arguments as of `Total`.
    """

    sign: ClassVar[float] = 1.0

    def reading(self, domain: Domain, evaluate: Evaluate, share: float = 1.0) -> Reading:
        along, places = self.moments(self.of or domain)
        points = nodes_at(self.region(domain, share, max(len(places), 1)), domain, self.at)
        inside = points.columns[self.column] > 0
        values = torch.where(inside, self.sign * values_of(self.quantity, evaluate, points), -torch.inf)
        best, at = points.by_row(values).max(0)
        x = points.by_row(points.x)[at, torch.arange(len(best))]
        if self.on is None and self.where is None:
            best, x = self._searched(self.of or domain, evaluate, x, best, len(values) // len(best))
        where = {name: x[:, domain.coordinates.index(name)].numpy() for name in domain.space_coordinates}
        return Reading(self.sign * best.numpy(), along, places, where)

    def _searched(
        self, domain: Domain, evaluate: Evaluate, x: Tensor, best: Tensor, nodes: int
    ) -> tuple[Tensor, Tensor]:
        """Larger values beside places x (n, d), each found among some `nodes`, and where they are."""
        lower, upper = torch.tensor(list(domain.bounds.values()), dtype=x.dtype).mT
        space = len(domain.space_coordinates)
        step = (upper - lower)[:space] / max(nodes, 1) ** (1 / max(space, 1))
        directions = torch.cat([torch.diag(step), -torch.diag(step)])  # (2 space, space)
        for _ in range(ROUNDS):
            tried = x.repeat(len(directions), 1, 1)  # (2 space, n, d)
            tried[:, :, :space] += directions[:, None]
            tried = tried.clamp(lower, upper)
            flat = tried.flatten(0, 1)
            values = self.sign * values_of(self.quantity, evaluate, Points(flat))
            inside = torch.as_tensor(domain.contains(flat.numpy()))
            values = torch.where(inside, values, -torch.inf).unflatten(0, tried.shape[:2])
            beside, at = values.max(0)
            better = beside > best
            x = torch.where(better[:, None], tried[at, torch.arange(len(x))], x)
            best, directions = torch.where(better, beside, best), SHRINK * directions
        return best, x


class Minimum(Maximum):
    """The smallest value of a quantity, and where it is: `Minimum("T")`; arguments as of `Total`."""

    sign = -1.0
