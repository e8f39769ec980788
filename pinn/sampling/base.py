"""Where the residuals are evaluated: collocation points drawn region by region."""

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
import torch
from torch import Tensor

from pinn.basis.configurable import Configurable
from pinn.basis.errors import require
from pinn.domains.base import Domain
from pinn.domains.box import Box
from pinn.domains.region import Region
from pinn.sampling.adaptation import RAD, Adaptation, Fields, Magnitude, State, Volume
from pinn.sampling.given import GivenRegion
from pinn.sampling.points import Points, PointSet
from pinn.sampling.predicates import holds

FOLLOWING = RAD()  # the default
ROUNDS = 20  # of drawing in a part that fills little of its box


@dataclass(frozen=True)
class Drawn:
    """Points (n, d), on a side their normals, and weights (n,) where they are not all alike; the sum is the measure."""

    x: np.ndarray
    normal: np.ndarray | None = None
    weight: np.ndarray | None = None

    def where(self, kept: np.ndarray | slice) -> "Drawn":
        """Those that are kept: a boolean each, or a slice of them."""
        normal = None if self.normal is None else self.normal[kept]
        return Drawn(self.x[kept], normal, None if self.weight is None else self.weight[kept])


def joined(parts: Sequence[Drawn]) -> Drawn:
    """The points of several parts in one; what a part lacks the whole does."""
    normals = [part.normal for part in parts if part.normal is not None]
    weights = [part.weight for part in parts if part.weight is not None]
    return Drawn(
        np.concatenate([part.x for part in parts]),
        np.concatenate(normals) if len(normals) == len(parts) else None,
        np.concatenate(weights) if len(weights) == len(parts) else None,
    )


class Sampler(Configurable, ABC):
    """Draws the collocation points of a problem's regions.

    interior: number of points in the interior. boundary: number of points on each side of the boundary, the start
    of time included. Every side is sampled on its own. redraw_every: training steps between two draws; 0 keeps the
    first points, None takes what suits the optimizer. adaptation: moves the interior points to where the residual is
    large, from the second draw on; None leaves them where they fall.
    """

    def __init__(
        self,
        *,
        interior: int = 4000,
        boundary: int = 250,
        redraw_every: int | None = None,
        adaptation: Adaptation | None = FOLLOWING,
    ) -> None:
        require(interior >= 1, f"sampler.interior must be >= 1, got {interior}")
        require(boundary >= 1, f"sampler.boundary must be >= 1, got {boundary}")
        require(
            redraw_every is None or redraw_every >= 0,
            f"sampler.redraw_every must be >= 0 or null, got {redraw_every}; 0 never redraws",
        )
        known = adaptation is None or isinstance(adaptation, Adaptation)
        require(known, f"sampler.adaptation must be an Adaptation such as R3() or null, got {adaptation!r}")
        self.interior = interior
        self.boundary = boundary
        self.redraw_every = redraw_every
        self.adaptation = adaptation

    def fewer(self, interior: int) -> Self:
        """The same sampler, of about so many interior points, or as many as it has."""
        smaller = copy.copy(self)
        smaller.interior = min(interior, self.interior)
        return smaller

    def following(self, adaptation: Adaptation) -> Self:
        """The same sampler, with interior points that are moved so."""
        other = copy.copy(self)
        other.adaptation = adaptation
        return other

    def larger(self, times: int) -> Self:
        """The same sampler, of so many times as many points."""
        larger = copy.copy(self)
        larger.interior, larger.boundary = times * self.interior, times * self.boundary
        return larger

    @abstractmethod
    def volume(self, domain: Domain, n: int, generator: torch.Generator, where: Callable | None) -> Drawn:
        """About n points of the interior, for which `where` is true; none where it never is."""

    @abstractmethod
    def side(self, domain: Domain, side: str, n: int, generator: torch.Generator, where: Callable | None) -> Drawn:
        """About n points of one side with their normals, for which `where` is true; none where it never is."""

    def draw(self, domain: Domain, region: Region, generator: torch.Generator) -> Points:
        """Points of one region, float64 on the CPU; the same generator's state gives the same points.

        Raises UserError where the region's predicate selects no points, on none of its sides.
        """
        if isinstance(region, GivenRegion):
            return region.points(domain, lambda n, k: np.random.default_rng(next_seed(generator)).random((n, k)))
        domain = region.of or domain
        n = 1 if len(domain.coordinates) == 1 else self.boundary
        if region.period is not None:
            return self._pairs(domain, region, n, generator)
        if region.sides:
            parts = [self.side(domain, side, n, generator, region.where) for side in region.sides]
        else:
            parts = [self.volume(domain, self.interior, generator, region.where)]
        return _points([part for part in parts if len(part.x)], region)

    def redraw(
        self,
        domain: Domain,
        region: Region,
        generator: torch.Generator,
        magnitude: Magnitude,
        state: State,
        fields: Fields | None = None,
    ) -> tuple[Points, State]:
        """Points of one region that follow the residual where the sampler adapts, and the adaptation's next state.

        magnitude: of the residual at points (n, d) of the region. state: what this method returned last for the
        region, {} at first. fields: at such points, None where only the magnitude is known.
        """
        if self.adaptation is None or not region.is_interior:
            return self.draw(domain, region, generator), state
        whole = region.of or domain

        def fresh(n: int) -> Tensor:
            return torch.as_tensor(self.volume(whole, n, generator, region.where).x)

        def contains(x: Tensor) -> Tensor:
            inside = whole.contains(x.numpy())
            return torch.as_tensor(inside if region.where is None else inside & holds(whole, region.where, x.numpy()))

        bounds = torch.tensor(list(whole.bounds.values()), dtype=torch.float64)
        seen = fields or (lambda x: magnitude(x)[:, None])
        volume = Volume(fresh, contains, bounds, seen, len(whole.space_coordinates))
        x, weight, state = self.adaptation.redraw(self.interior, volume, magnitude, state, generator)
        return Points(x, weight=weight), state

    def _pairs(self, domain: Domain, region: Region, n: int, generator: torch.Generator) -> Points:
        """Points on the lower side of a period, then the same shifted to the upper side."""
        points = _points([self.side(domain, region.sides[0], n, generator, None)], region)
        assert region.period is not None and points.normal is not None
        lower, upper = domain.bounds[region.period]
        shift = torch.zeros(len(domain.coordinates), dtype=torch.float64)
        shift[domain.coordinates.index(region.period)] = upper - lower
        x, normal = torch.cat([points.x, points.x + shift]), torch.cat([points.normal, -points.normal])
        return Points(x, normal, per_row=2, weight=points.weight)


class PartOf(Protocol):
    """The parts of a domain: which one points (n, d) are in, by number, and boxes (count, d, 2) around them.

    are_boxes: whether these hold nothing else. reason, told: why there are some, and which, in words.
    """

    count: int
    are_boxes: bool
    reason: str

    @property
    def told(self) -> str: ...

    def __call__(self, x: Tensor) -> Tensor: ...

    def boxes_within(self, domain: Domain) -> Tensor: ...


class Located(Protocol):
    """What points are drawn for, such as a trial function: where, in which type of numbers, on which device."""

    @property
    def domain(self) -> Domain: ...

    @property
    def parts(self) -> PartOf | None: ...

    @property
    def dtype(self) -> torch.dtype: ...

    @property
    def device(self) -> torch.device: ...


def draw_all(sampler: Sampler, trial: Located, regions: Mapping[str, Region], generator: torch.Generator) -> PointSet:
    """Points of every region, by its label, for the trial function: of its type and on its device.

    In the whole interior as many of each part as of any other, where the function has parts.
    """
    drawn = {}
    for label, region in regions.items():
        own = _in_parts(sampler, trial, generator) if region.is_whole and trial.parts is not None else None
        drawn[label] = own or sampler.draw(trial.domain, region, generator)
    return {label: points.to(trial.dtype, trial.device) for label, points in drawn.items()}


def _in_parts(sampler: Sampler, trial: Located, generator: torch.Generator) -> Points | None:
    """Interior points drawn in the bounding box of each part; None where the sampler weighs its points."""
    parts, domain = trial.parts, trial.domain
    assert parts is not None
    wanted = -(-sampler.interior // parts.count)
    drawn: list[Drawn] = []
    for number, box in enumerate(parts.boxes_within(domain).tolist()):
        whole = Box(**dict(zip(domain.coordinates, map(tuple, box), strict=True)))
        found = 0
        for _ in range(ROUNDS):
            part = sampler.volume(whole, wanted, generator, None)
            if part.weight is not None:
                return None
            kept = domain.contains(part.x) & (parts(torch.as_tensor(part.x)) == number).numpy()
            drawn.append(part.where(kept).where(slice(wanted - found)))
            found += len(drawn[-1].x)
            if found >= wanted or not found:
                break
    return Points(torch.as_tensor(joined(drawn).x))


def next_seed(generator: torch.Generator) -> int:
    """A seed for another generator, drawn from this one."""
    return int(torch.randint(2**31 - 1, (), generator=generator))


def _points(parts: list[Drawn], region: Region) -> Points:
    """The points of several parts as one set, weights of mean 1; raises UserError where there is none."""
    require(bool(parts), f"a term on {region.label} selects no points; check its predicate")
    drawn = joined(parts)
    normal = None if drawn.normal is None else torch.as_tensor(drawn.normal)
    weight = None if drawn.weight is None else torch.as_tensor(drawn.weight / drawn.weight.mean())
    return Points(torch.as_tensor(drawn.x), normal, weight=weight)
