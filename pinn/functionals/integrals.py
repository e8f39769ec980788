"""Integrals, means and flows over a domain or its sides."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from pinn.basis.errors import require
from pinn.derivatives.names import Vocabulary
from pinn.domains.base import Domain
from pinn.functionals.base import Evaluate, Functional, Quantity, Reading, last, values_of
from pinn.sampling.given import SHARE, WEIGHT, QuadratureRegion
from pinn.sampling.points import Points
from pinn.terms.base import boundary_region, checked_part, checked_predicate, required

NODES = {0: 1, 1: 256, 2: 6400, 3: 8000}  # of a quadrature, by the dimension of what is integrated over
FEWER = {0: 1, 1: 256, 2: 1600, 3: 4096}  # at each of many moments


class Total(Functional):
    """The integral of a quantity over space or sides: `Total("q", on="wall", unit="W")`, at each time.

    quantity: a name or a function of named quantities, normals included on sides. on: a side or several, None for the
    interior. of: a part of the domain that is meant. where: keeps the places for which this function of the coordinates
    is true. Other arguments: as of `Functional`.
    """

    column: ClassVar[str] = WEIGHT

    def __init__(
        self,
        quantity: Quantity,
        on: str | Sequence[str] | None = None,
        *,
        of: Domain | None = None,
        where: Callable | None = None,
        at: Mapping[str, float] | None = None,
        unit: str = "",
        number: Callable[[NDArray[np.float64]], Any] = last,
        reference: float | None = None,
    ) -> None:
        super().__init__(at, unit, number, reference)
        self.quantity = quantity
        self.on = on
        self.of = of
        self.where = where

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        return (self.quantity,)

    @property
    def has_normals(self) -> bool:
        return self.on is not None

    def check(self, domain: Domain, vocabulary: Vocabulary, where: str) -> None:
        super().check(domain, vocabulary, where)
        self.region(domain)

    def region(self, domain: Domain, share: float = 1.0, moments: int = 1) -> QuadratureRegion:
        """Where it is taken, with its nodes."""
        checked_part(domain, self.of)
        sides = () if self.on is None else boundary_region(domain, self.on, None, self.of).sides
        d = len(domain.space_coordinates) - bool(sides)
        nodes = max(1, round(share * (NODES if moments == 1 else FEWER)[min(d, max(NODES))]))
        return QuadratureRegion(sides, checked_predicate(domain, self.where), of=self.of, nodes=nodes, moments=moments)

    def reading(self, domain: Domain, evaluate: Evaluate, share: float = 1.0) -> Reading:
        along, places = self.moments(self.of or domain)
        points = nodes_at(self.region(domain, share, max(len(places), 1)), domain, self.at)
        values = self.integrand(evaluate, points) * points.columns[self.column]
        return Reading(points.by_row(values).sum(0).numpy(), along, places)

    def integrand(self, evaluate: Evaluate, points: Points) -> Tensor:
        """What is summed over the nodes (k n,)."""
        return values_of(self.quantity, evaluate, points)


class Average(Total):
    """The mean of a quantity over space or sides: `Average("T")`; arguments as of `Total`."""

    column = SHARE


class Flow(Total):
    """What flows out through sides: `Flow(x="u", y="v", on="x.max")`, the integral of  sum_i q_i n_i.

    Components q_i by coordinate: names, or functions of named quantities. Other arguments: as of `Total`.
    """

    def __init__(
        self,
        on: str | Sequence[str],
        *,
        of: Domain | None = None,
        at: Mapping[str, float] | None = None,
        unit: str = "",
        number: Callable[[NDArray[np.float64]], Any] = last,
        reference: float | None = None,
        **components: Quantity,
    ) -> None:
        required(components, 'Flow(x="u", y="v", on="x.max")')
        super().__init__(next(iter(components)), on, of=of, at=at, unit=unit, number=number, reference=reference)
        self.components = components

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        return tuple(self.components.values())

    def check(self, domain: Domain, vocabulary: Vocabulary, where: str) -> None:
        check_components(self.components, domain, where)
        super().check(domain, vocabulary, where)

    def integrand(self, evaluate: Evaluate, points: Points) -> Tensor:
        return outward(self.components, evaluate, points)


def check_components(components: Mapping[str, Quantity], domain: Domain, where: str) -> None:
    """Raises UserError where components of a vector are named for anything but coordinates of space."""
    unknown = [name for name in components if name not in domain.space_coordinates]
    space = ", ".join(domain.space_coordinates)
    require(not unknown, f"{where} has components along {', '.join(unknown)}; the coordinates of space are {space}")


def outward(components: Mapping[str, Quantity], evaluate: Evaluate, points: Points) -> Tensor:
    """The component of a vector field along the outward normal at points of sides (k n,)."""
    normals = evaluate([f"normal_{name}" for name in components], points)
    parts = [values_of(q, evaluate, points) * normals[f"normal_{name}"] for name, q in components.items()]
    return sum(parts[1:], start=parts[0])


def nodes_at(region: QuadratureRegion, domain: Domain, at: Mapping[str, float]) -> Points:
    """The nodes of a quadrature at evenly spread moments, or at the one that is fixed."""
    owner = region.of or domain
    free = owner.coordinates[len(owner.space_coordinates) :]

    def draw(n: int, d: int) -> NDArray[np.float64]:
        """In place of random numbers in the unit cube, a column each of time and parameters."""
        bounds = [owner.bounds[name] for name in free]
        fixed = [np.full(n, (at[c] - a) / (b - a)) if c in at else None for c, (a, b) in zip(free, bounds, strict=True)]
        return np.stack([np.linspace(0.0, 1.0, n) if column is None else column for column in fixed], 1)

    return region.points(domain, draw)
