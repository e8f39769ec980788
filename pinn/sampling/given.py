"""Regions whose points are not the sampler's: observations, and quadrature nodes."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from pinn.basis.errors import require
from pinn.domains.base import Domain
from pinn.domains.box import Box
from pinn.domains.charts import Draw
from pinn.domains.region import Region
from pinn.domains.rules import Rule, joined
from pinn.sampling.points import Points
from pinn.sampling.predicates import holds

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
    """The places x (n, d) of observations, with values (n,) by column. given: how many there were, if more than n."""

    x: Tensor = field(default_factory=lambda: torch.empty(0, 0))
    values: Mapping[str, Tensor] = field(default_factory=dict)
    given: int = 0

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
    """One place, by its coordinates; at `moments` random times (and parameters) that it does not name."""

    place: Mapping[str, float] = field(default_factory=dict)
    moments: int = 1

    @property
    def label(self) -> str:
        return ", ".join(f"{name} = {value:g}" for name, value in self.place.items())

    def names_times(self, time: str | None) -> bool:
        return time in self.place

    def points(self, domain: Domain, draw: Draw) -> Points:
        free = [name for name in domain.coordinates if name not in self.place]
        moments = dict(zip(free, _moments(domain, free, self.moments, draw).T, strict=True))
        n = self.moments if free else 1
        columns = [moments.get(name, np.full(n, self.place.get(name, 0.0))) for name in domain.coordinates]
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
        free = owner.coordinates[len(owner.space_coordinates) :]
        moments = _moments(owner, free, self.moments, draw)
        rules = self._rules(owner, moments[:, -1].tolist() if owner.time else [None] * len(moments))
        # node j at moment i is row j n + i
        x, weight = np.stack([r.points for r in rules], 1), np.stack([r.weights for r in rules], 1)  # (k, n, ...)
        k, n, _ = x.shape
        x = np.concatenate([x, np.broadcast_to(moments, (k, *moments.shape))], 2).reshape(k * n, -1)
        if self.where is not None:
            weight = weight * holds(domain, self.where, x).reshape(k, n)
        require(bool((weight.sum(0) > 0).all()), f"an {self.label} selects no points; check its predicate")
        columns = {WEIGHT: torch.as_tensor(weight.ravel()), SHARE: torch.as_tensor((weight / weight.sum(0)).ravel())}
        return Points(torch.as_tensor(x), _normals(rules, len(free)), per_row=k, columns=columns)

    def _rules(self, domain: Domain, times: Sequence[float | None]) -> list[Rule]:
        """The quadrature at each of the times; one for all where the domain does not move."""
        known: dict[Domain, Rule] = {}
        rules = []
        for time in times:
            space = _space_at(domain, time)
            if space not in known:
                known[space] = _rule(space, self.sides, self.nodes, alike=domain.moves)
            rules.append(known[space])
        return rules


def _rule(space: Domain, sides: tuple[str, ...], count: int, *, alike: bool = False) -> Rule:
    """Some `count` nodes in a domain of space, or on each of its sides; see `Domain.quadrature`.

    alike: as many wherever the domain's parts are, by equal weights where they may move.
    """
    if alike and not space.is_box:
        own = [space.boundary_rule(side, count) for side in sides]
        return joined(own) if own else space.interior_rule(count)
    return joined([space.side_quadrature(side, count) for side in sides]) if sides else space.quadrature(count)


def _space_at(domain: Domain, time: float | None) -> Domain:
    """The domain's space at an instant; raises UserError where it depends on parameters."""
    if domain.is_box:
        return Box(**{name: domain.bounds[name] for name in domain.space_coordinates})
    parameters = ", ".join(domain.parameters)
    require(not parameters, f"integrals over domains with parameters ({parameters}) are known for boxes only")
    return domain if time is None else domain.at(time)


def _normals(rules: Sequence[Rule], free: int) -> Tensor | None:
    """The nodes' normals (k n, d), without a component along time and parameters; None in the interior."""
    normals = [r.normals for r in rules if r.normals is not None]
    if not normals:
        return None
    together = np.stack(normals, 1)
    return torch.as_tensor(np.pad(together, ((0, 0), (0, 0), (0, free))).reshape(-1, together.shape[2] + free))


def _moments(domain: Domain, names: Sequence[str], n: int, draw: Draw) -> np.ndarray:
    """n random values of the named coordinates, time or parameters: (n, len(names)); (1, 0) for none."""
    if not names:
        return np.zeros((1, 0))
    lower, upper = np.array([domain.bounds[name] for name in names]).T
    return lower + (upper - lower) * draw(n, len(names))


@dataclass(frozen=True)  # equal ones share their points
class BalanceRegion(GivenRegion):
    """Nodes of what a box of space holds at random moments, held at first, and lost through its sides in between.

    A row for each of `moments`, with about `nodes` nodes in the box and as many on all sides, even but for a random
    place of each: where a density jumps the sum of many rows then errs less than one. `columns` holds their weights.
    """

    nodes: int = 100
    moments: int = 16
    axes: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        return "balance"

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(f"share of {name}" for name in ("held", *self.axes))

    def points(self, domain: Domain, draw: Draw) -> Points:
        require(domain.is_box, "the balance of a conserved density is known for boxes only")
        bounds, d, n = np.array(list(domain.bounds.values())), len(self.axes), self.moments
        lower, extents = bounds[:, 0], bounds[:, 1] - bounds[:, 0]
        fractions = ((np.arange(n) + draw(n, 1)[:, 0]) / n)[None, :]  # of the time
        parts, shares = [], []
        for fixed, end, sign in [(d, 1, 1.0), (d, 0, -1.0)] + [(i, e, 2.0 * e - 1.0) for i in range(d) for e in (0, 1)]:
            k = self.nodes if fixed == d else -(-self.nodes // (2 * d))
            unit = _even(k, n, len(bounds), draw)
            unit[..., fixed] = end
            unit[..., d] *= fractions
            share = np.zeros((k, n, 1 + d))
            share[..., 0 if fixed == d else 1 + fixed] = sign / k
            if fixed < d:
                share[..., 1 + fixed] *= fractions * extents[d] / extents[fixed]
            parts.append(lower + extents * unit)
            shares.append(share)
        x, weights = np.concatenate(parts), torch.as_tensor(np.concatenate(shares).reshape(-1, 1 + d))
        columns = dict(zip(self.columns, weights.T.contiguous(), strict=True))
        return Points(torch.as_tensor(x.reshape(-1, len(bounds))), per_row=len(x), columns=columns)


def _even(k: int, n: int, d: int, draw: Draw) -> np.ndarray:
    """k points of the unit cube for each of n rows (k, n, d), each coordinate in k equal parts (a Latin hypercube)."""
    order = draw(k * n, d).reshape(k, n, d).argsort(0)
    return (order + draw(k * n, d).reshape(k, n, d)) / k
