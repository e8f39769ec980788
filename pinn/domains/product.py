"""Products of domains: with time, with parameters, or of shapes, such as a cylinder."""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pinn.basis.errors import require
from pinn.domains.base import Domain, Triangulation
from pinn.domains.cavities import Cavity
from pinn.domains.charts import Chart, product
from pinn.domains.rules import Rule, product_rule


class Product(Domain):
    """All pairs of points of two domains: `Disc() * Time(t=(0, 1))`, `Box(x=(0, 1)) * Parameters(nu=(0.001, 0.1))`.

    Coordinates are those of space, then parameters, time last; the sides are those of both. The distance is that in
    space, at the point's own time and parameters; exact where both are. Raises UserError where they share a
    coordinate, or both have time.
    """

    def __init__(self, first: Domain, second: Domain) -> None:
        for factor in (first, second):
            require(isinstance(factor, Domain), f"a domain can be multiplied by a domain only, got {factor!r}")
        shared = [name for name in first.coordinates if name in second.coordinates]
        require(not shared, f"the factors of a product share the coordinate {', '.join(shared)}; rename one")
        require(not (first.time and second.time), f"both factors have time: {first.time} and {second.time}")
        self.first, self.second = first, second
        self.time, self.parameters = first.time or second.time, first.parameters + second.parameters
        self.moves, self.is_box = first.moves or second.moves, first.is_box and second.is_box
        names = first.coordinates + second.coordinates
        ordered = sorted(names, key=lambda name: (name == self.time, name in self.parameters))  # a stable sort
        self._columns = np.array([names.index(name) for name in ordered])
        self.coordinates = tuple(ordered)

    @cached_property
    def bounds(self) -> dict[str, tuple[float, float]]:
        both = self.first.bounds | self.second.bounds
        return {name: both[name] for name in self.coordinates}

    @cached_property
    def sides(self) -> tuple[str, ...]:
        return self.first.sides + self.second.sides

    @property
    def candidate_sides(self) -> tuple[str, ...]:
        return self.first.candidate_sides + self.second.candidate_sides

    @property
    def cavities(self) -> tuple[Cavity, ...]:
        return self.first.cavities + self.second.cavities

    @property
    def space(self) -> Domain:
        if self.time is None:
            return self
        timed, other = (self.first, self.second) if self.first.time else (self.second, self.first)
        return other if not timed.space_coordinates else timed.space * other

    def contains(self, x: NDArray[np.float64]) -> NDArray[np.bool_]:
        first, second = self._split(x)
        return self.first.contains(first) & self.second.contains(second)

    def distance(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        parts = zip((self.first, self.second), self._split(x), strict=True)
        gaps = np.array([factor.distance(part) for factor, part in parts if factor.space_coordinates])
        if len(gaps) == 0:
            return np.full(len(x), np.inf)
        return np.linalg.norm(np.maximum(gaps, 0.0), axis=0) + np.minimum(gaps.max(axis=0), 0.0)

    def _interior_chart(self) -> Chart:
        return product(self.first.interior_chart, self.second.interior_chart, self._columns)

    def _side_chart(self, side: str) -> Chart:
        if side in self.first.candidate_sides:
            return product(self.first.side_chart(side), self.second.interior_chart, self._columns)
        return product(self.first.interior_chart, self.second.side_chart(side), self._columns)

    def quadrature(self, n: int) -> Rule:
        if self.interior_chart.smooth:
            return super().quadrature(n)
        own, other = self._shared(n, 0, 0)
        return product_rule(self.first.quadrature(own), self.second.quadrature(other), self._columns)

    def side_quadrature(self, side: str, n: int) -> Rule:
        if self.side_chart(self.checked_side(side)).smooth:
            return super().side_quadrature(side, n)
        if side in self.first.sides:
            own, other = self._shared(n, 1, 0)
            return product_rule(self.first.side_quadrature(side, own), self.second.quadrature(other), self._columns)
        other, own = self._shared(n, 0, 1)
        return product_rule(self.first.quadrature(other), self.second.side_quadrature(side, own), self._columns)

    def _shared(self, n: int, *lost: int) -> tuple[int, int]:
        """How many of n nodes each factor has, of which so many dimensions are lost."""
        k = [len(factor.coordinates) - less for factor, less in zip((self.first, self.second), lost, strict=True)]
        first, second = (max(1, round(n ** (own / max(sum(k), 1)))) for own in k)
        return first, second

    def mesh(self, resolution: int) -> Triangulation:
        whole = [factor for factor in (self.first, self.second) if factor.space_coordinates]
        return whole[0].mesh(resolution) if len(whole) == 1 else super().mesh(resolution)

    def at(self, t: float) -> Domain:
        if self.time is None:
            return super().at(t)
        moving, other = (self.first, self.second) if self.first.time else (self.second, self.first)
        return other if moving.space_coordinates == () else moving.at(t) * other

    def during(self, start: float, end: float) -> Domain:
        if self.time is None:
            return super().during(start, end)
        if self.first.time:
            return Product(self.first.during(start, end), self.second)
        return Product(self.first, self.second.during(start, end))

    def _split(self, x: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        back = np.argsort(self._columns)
        d = len(self.first.coordinates)
        return x[:, back[:d]], x[:, back[d:]]
