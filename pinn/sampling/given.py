"""Regions whose points are not the sampler's: observations, and quadrature nodes."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from pinn.domains import Domain, Draw, Region
from pinn.errors import UserError
from pinn.sampling.points import Points
from pinn.sampling.predicates import holds
from pinn.sampling.quadrature import rule, space_of

WEIGHT, SHARE = "quadrature weight", "share of the measure"
"""Columns of quadrature nodes: weights whose sum is the measure, and the same over the measure."""


class GivenRegion(Region):
    """A region that brings its own points, and shares them with no other."""

    __eq__ = object.__eq__
    __hash__ = object.__hash__

    @property
    def is_interior(self) -> bool:
        return False

    @abstractmethod
    def points(self, domain: Domain, draw: Draw) -> Points:
        """The points, float64 on the CPU; `draw` gives random times where the region asks for some."""


@dataclass(frozen=True, eq=False)
class DataRegion(GivenRegion):
    """The places x (n, d) of observations, with values (n,) by column."""

    x: Tensor = field(default_factory=lambda: torch.empty(0, 0))
    values: Mapping[str, Tensor] = field(default_factory=dict)

    @property
    def label(self) -> str:
        return "data"

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self.values)

    def names_times(self, time: str | None) -> bool:
        return True

    def points(self, domain: Domain, draw: Draw) -> Points:
        return Points(self.x, columns=dict(self.values))


@dataclass(frozen=True, eq=False)
class PlaceRegion(GivenRegion):
    """One place, by its coordinates; at `moments` random times where it does not name the time."""

    place: Mapping[str, float] = field(default_factory=dict)
    moments: int = 1

    @property
    def label(self) -> str:
        return ", ".join(f"{name} = {value:g}" for name, value in self.place.items())

    def names_times(self, time: str | None) -> bool:
        return time in self.place

    def points(self, domain: Domain, draw: Draw) -> Points:
        if domain.time is None or domain.time in self.place:
            return Points(torch.tensor([[self.place[name] for name in domain.coordinates]], dtype=torch.float64))
        times = _moments(domain, self.moments, draw)
        columns = [times if c == domain.time else np.full(len(times), self.place[c]) for c in domain.coordinates]
        return Points(torch.as_tensor(np.stack(columns, 1)))


@dataclass(frozen=True, eq=False)
class QuadratureRegion(GivenRegion):
    """Nodes of a quadrature over the interior or sides, all in one row; with time, a row for each of random moments.

    nodes: about how many for one integral (on each side). moments: how many random times.
    """

    nodes: int = 400
    moments: int = 32

    @property
    def label(self) -> str:
        return f"integral over {super().label}"

    @property
    def columns(self) -> tuple[str, ...]:
        return (WEIGHT, SHARE)

    def points(self, domain: Domain, draw: Draw) -> Points:
        owner = self.of or domain
        x, normal, weight = rule(space_of(owner), self.sides, self.nodes)
        times = np.zeros((1, 0)) if owner.time is None else _moments(owner, self.moments, draw)[:, None]
        k, n = len(x), len(times)
        x = np.concatenate([np.repeat(x, n, 0), np.tile(times, (k, 1))], 1)  # node j at moment i: row j n + i
        weight = np.repeat(weight, n)
        if self.where is not None:
            weight = weight * holds(domain, self.where, x)
        total = np.tile(weight.reshape(k, n).sum(0), k)
        if not (total > 0).all():
            raise UserError(f"an {self.label} selects no points; check its predicate")
        if normal is not None:
            normal = np.concatenate([np.repeat(normal, n, 0), np.zeros((k * n, times.shape[1]))], 1)
        return Points(
            torch.as_tensor(x),
            None if normal is None else torch.as_tensor(normal),
            per_row=k,
            columns={WEIGHT: torch.as_tensor(weight), SHARE: torch.as_tensor(weight / total)},
        )


def _moments(domain: Domain, n: int, draw: Draw) -> np.ndarray:
    """n random times (n,)."""
    assert domain.time is not None
    lower, upper = domain.bounds[domain.time]
    return lower + (upper - lower) * draw(n, 1)[:, 0]
