"""Union, intersection and difference of domains, whose parts keep their names."""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pinn.basis.errors import UserError, require
from pinn.domains.base import Domain, Triangulation
from pinn.domains.cavities import Cavity
from pinn.domains.charts import Chart, Estimate, Placed, mixture
from pinn.domains.checks import checked_name
from pinn.domains.rules import Rule, gauss_legendre, joined
from pinn.domains.similarity import Similarity

GAUSS = 64  # nodes a smooth piece of a curve
PROBE = 1e-9  # how far on either side of a boundary point it is looked whether it is inside, relative to the size


class Combination(Domain):
    """Two domains of the same coordinates as one.

    The sides are what is left of the sides of both; sides of one name are one side, so that several holes may share
    the name `hole`. Where the boundaries of both coincide, the side is the first's. A face such as `x.min` may stand
    in one of the two only: else call one `box.named("notch")`.

    The distance is the usual minimum or maximum of the parts' distances: its sign is right and its magnitude never
    exceeds the distance to the boundary. Lengths and areas in the plane are found to 1e-8 of the size or so, unless a
    piece is shorter than 1/4096 of its side; measures in three dimensions are estimated by quasi-Monte Carlo.

    Raises UserError where coordinates or times differ, names clash, or nothing is left.
    """

    symbol: str

    def __init__(self, first: Domain, second: Domain) -> None:
        for part in (first, second):
            require(isinstance(part, Domain), f"{self.symbol} combines two domains, got {part!r}")
        same = first.coordinates == second.coordinates
        both = f"{', '.join(first.coordinates)} and {', '.join(second.coordinates)}"
        require(same, f"{self.symbol} combines domains of the same coordinates, got {both}")
        for name in first.coordinates if first.time or second.time else ():
            alike = name not in (first.time, second.time) or first.bounds[name] == second.bounds[name]
            require(alike and first.time == second.time, "both parts must have the same time interval")
        faces = [side for side in first.candidate_sides if side in second.candidate_sides and _is_face(first, side)]
        hint = f"call one by another name: box.named('notch') {self.symbol} ..."
        require(not faces, f"both parts have a side {', '.join(faces)}; {hint}")
        self.first, self.second = first, second
        self.coordinates, self.time, self.parameters = first.coordinates, first.time, first.parameters
        self.moves = first.moves or second.moves
        require(not self.interior_chart.is_empty, f"nothing is left of the {type(self).__name__.lower()}")

    @property
    def space(self) -> Domain:
        if self.time is None or self.moves:
            return super().space
        return type(self)(self.first.space, self.second.space)

    @property
    def candidate_sides(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.first.candidate_sides + self.second.candidate_sides))

    @cached_property
    def sides(self) -> tuple[str, ...]:
        return tuple(side for side in self.candidate_sides if not self.side_chart(side).is_empty)

    def _side_chart(self, side: str) -> Chart:
        return mixture(self._pieces(side))

    @cached_property
    def extent(self) -> Estimate:
        """In the plane the area from the boundary, (1/2) the integral of x . n; else quasi-Monte Carlo."""
        if len(self.coordinates) != 2 or len(self.space_coordinates) != 2:
            return self.interior_chart.extent
        charts = [self.side_chart(side) for side in self.sides]
        center = np.array([0.5 * (lower + upper) for lower, upper in self.bounds.values()])
        length = sum(chart.measure for chart in charts)
        return Estimate(sum(_flux(chart, center) for chart in charts) / 2, 10 * self._probe * length)

    @cached_property
    def _probe(self) -> float:
        return PROBE * max(upper - lower for lower, upper in self.first.bounds.values())

    def _pieces(self, side: str) -> list[Chart]:
        """What is left of a side of each part."""
        pieces = []
        if side in self.first.candidate_sides:
            pieces.append(self.first.side_chart(side).restricted(self._is_boundary))
        if side in self.second.candidate_sides:
            chart = self._seen(self.second.side_chart(side))
            pieces.append(chart.restricted(lambda at: self._is_boundary(at) & ~self._on_first(at)))
        return [piece for piece in pieces if piece.measure > 0]

    def _seen(self, chart: Chart) -> Chart:
        """A side of the second part with the normals that are outward here."""
        return chart

    def _is_boundary(self, at: Placed) -> NDArray[np.bool_]:
        """Whether a point's one side is inside and its other side outside: also right where boundaries coincide."""
        step = self._probe * at.outward
        return self.contains(at.x - step) & ~self.contains(at.x + step)

    def _on_first(self, at: Placed) -> NDArray[np.bool_]:
        """Whether the first part's boundary passes here, too."""
        step = self._probe * at.outward
        return self.first.contains(at.x - step) != self.first.contains(at.x + step)

    def placed(self, similarity: Similarity) -> Domain:
        return type(self)(self.first.placed(similarity), self.second.placed(similarity))

    def at(self, t: float) -> Domain:
        return type(self)(self.first.at(t), self.second.at(t))


class Union(Combination):
    """`first | second`: the points of either."""

    symbol = "|"

    @property
    def pieces(self) -> tuple[Domain, ...]:
        return self.first.pieces + self.second.pieces

    @cached_property
    def bounds(self) -> dict[str, tuple[float, float]]:
        pairs = {name: (*self.first.bounds[name], *self.second.bounds[name]) for name in self.coordinates}
        return {name: (min(ends), max(ends)) for name, ends in pairs.items()}

    def contains(self, x: NDArray[np.float64]) -> NDArray[np.bool_]:
        return self.first.contains(x) | self.second.contains(x)

    def distance(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.minimum(self.first.distance(x), self.second.distance(x))

    def _interior_chart(self) -> Chart:
        rest = self.second.interior_chart.inside(lambda x: ~self.first.contains(x))
        return mixture([self.first.interior_chart, rest])


class Intersection(Combination):
    """`first & second`: the points of both. Its bounds are the intersection of theirs."""

    symbol = "&"

    @cached_property
    def bounds(self) -> dict[str, tuple[float, float]]:
        pairs = {name: (self.first.bounds[name], self.second.bounds[name]) for name in self.coordinates}
        return {name: (max(a[0], b[0]), min(a[1], b[1])) for name, (a, b) in pairs.items()}

    def contains(self, x: NDArray[np.float64]) -> NDArray[np.bool_]:
        return self.first.contains(x) & self.second.contains(x)

    def distance(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.maximum(self.first.distance(x), self.second.distance(x))

    def _interior_chart(self) -> Chart:
        charts = [self.first.interior_chart, self.second.interior_chart]
        if charts[0].measure <= charts[1].measure:
            return charts[0].inside(self.second.contains)
        return charts[1].inside(self.first.contains)


class Difference(Combination):
    """`first - second`: the points of the first that are not in the second. Its bounds are the first's."""

    symbol = "-"

    @cached_property
    def bounds(self) -> dict[str, tuple[float, float]]:
        return self.first.bounds

    def contains(self, x: NDArray[np.float64]) -> NDArray[np.bool_]:
        return self.first.contains(x) & ~self.second.contains(x)

    def distance(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.maximum(self.first.distance(x), -self.second.distance(x))

    @property
    def cavities(self) -> tuple[Cavity, ...]:
        if self.moves:
            return ()
        return (*self.first.cavities, *(hole for part in self.second.pieces if (hole := self._hole(part)) is not None))

    def _hole(self, part: Domain) -> Cavity | None:
        """A part of what is cut out as a hole; None where it reaches the border, or its middle is outside of it."""
        shape, whole = part.space, self.first.space.bounds
        if len(shape.coordinates) < 2 or any(
            a <= whole[k][0] or b >= whole[k][1] for k, (a, b) in shape.bounds.items()
        ):
            return None
        center = {name: (a + b) / 2 for name, (a, b) in shape.bounds.items()}
        radius = -float(shape.distance(np.array([list(center.values())]))[0])
        return Cavity(center, radius) if radius > 0 else None

    def _interior_chart(self) -> Chart:
        return self.first.interior_chart.inside(lambda x: ~self.second.contains(x))

    def _seen(self, chart: Chart) -> Chart:
        return chart.flipped()


class Named(Domain):
    """A domain whose whole boundary in space is one side of that name; the sides of time stay."""

    def __init__(self, domain: Domain, name: str) -> None:
        self.domain = domain
        self.name = checked_name(name)
        self._times = tuple(side for side in domain.candidate_sides if side.rpartition(".")[0] == domain.time)
        if self.name in self._times:
            raise UserError(f"the domain has a side {name!r} already")
        self.sides = (self.name, *self._times)
        self.coordinates, self.time, self.parameters = domain.coordinates, domain.time, domain.parameters
        self.moves, self.is_box = domain.moves, domain.is_box

    @cached_property
    def bounds(self) -> dict[str, tuple[float, float]]:
        return self.domain.bounds

    @property
    def space(self) -> Domain:
        return Named(self.domain.space, self.name)

    @property
    def pieces(self) -> tuple[Domain, ...]:
        return self.domain.pieces

    @property
    def cavities(self) -> tuple[Cavity, ...]:
        return self.domain.cavities

    def contains(self, x: NDArray[np.float64]) -> NDArray[np.bool_]:
        return self.domain.contains(x)

    def distance(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        return self.domain.distance(x)

    def _interior_chart(self) -> Chart:
        return self.domain.interior_chart

    def _side_chart(self, side: str) -> Chart:
        if side != self.name:
            return self.domain.side_chart(side)
        return mixture([self.domain.side_chart(own) for own in self.domain.sides if own not in self._times])

    def placed(self, similarity: Similarity) -> Domain:
        return Named(self.domain.placed(similarity), self.name)

    def at(self, t: float) -> Domain:
        return Named(self.domain.at(t), self.name)

    def quadrature(self, n: int) -> Rule:
        return self.domain.quadrature(n)

    def side_quadrature(self, side: str, n: int) -> Rule:
        if self.checked_side(side) != self.name:
            return self.domain.side_quadrature(side, n)
        own = [side for side in self.domain.sides if side not in self._times]
        measures = np.array([self.domain.side_measure(side) for side in own])
        counts = np.maximum(1, np.round(n * measures / measures.sum())).astype(int).tolist()
        return joined([self.domain.side_quadrature(side, m) for side, m in zip(own, counts, strict=True)])

    def mesh(self, resolution: int) -> Triangulation:
        return self.domain.mesh(resolution)


def _flux(chart: Chart, center: NDArray[np.float64]) -> float:
    """The integral of (x - center) . n over a curve, by Gauss-Legendre quadrature between its breaks."""
    nodes, weights = gauss_legendre(GAUSS)
    total = 0.0
    for a, b in zip(chart.breaks, chart.breaks[1:], strict=False):
        at = chart.place(a + (b - a) * nodes[:, None])
        total += (b - a) * float(weights @ np.sum((at.x - center) * at.outward, axis=1))
    return chart.measure * total


def _is_face(domain: Domain, side: str) -> bool:
    """Whether the side is a face of a box in space, known by a name such as `x.min`."""
    coordinate, _, end = side.rpartition(".")
    return coordinate in domain.space_coordinates and end in ("min", "max")
