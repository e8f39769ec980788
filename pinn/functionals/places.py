"""Values at a place, and along a line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pinn.basis.errors import require
from pinn.derivatives.names import Vocabulary
from pinn.domains.base import Domain
from pinn.functionals.base import Evaluate, Functional, Quantity, Reading, last, values_of
from pinn.sampling.points import Points

ALONG = 201  # points of a line; and moments of a probe

Place = Mapping[str, float]


class Probe(Functional):
    """A quantity at one place: `Probe("T", at={"x": 0.5, "y": 0.1})`, at each time unless `at` names one.

    quantity: a name or a function of named quantities. Other arguments: as of `Functional`.
    """

    def __init__(
        self,
        quantity: Quantity,
        at: Place,
        *,
        unit: str = "",
        number: Callable[[NDArray[np.float64]], Any] = last,
        reference: float | None = None,
    ) -> None:
        super().__init__(at, unit, number, reference)
        self.quantity = quantity

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        return (self.quantity,)

    def check(self, domain: Domain, vocabulary: Vocabulary, where: str) -> None:
        super().check(domain, vocabulary, where)
        missing = [name for name in domain.space_coordinates if name not in self.at]
        require(not missing, f"{where}: a probe needs at= with {', '.join(missing)}")
        self.moments(domain)

    def reading(self, domain: Domain, evaluate: Evaluate, share: float = 1.0) -> Reading:
        along, places = self.moments(domain, ALONG)
        x = line(domain, self.at, dict(self.at), along, places)
        return Reading(values_of(self.quantity, evaluate, Points(x)).numpy(), along, places)


class Profile(Functional):
    """A quantity along a line: `Profile("u", start={"x": 0, "y": 0.5}, end={"x": 1, "y": 0.5})`.

    start, end: the ends of the line by coordinate, at the end of time where they name none; what lies between them
    outside the domain is left out. number: of the values along the line; None, and in no table, where it is not given.
    Other arguments: as of `Functional`.
    """

    def __init__(
        self,
        quantity: Quantity,
        start: Place,
        end: Place,
        *,
        unit: str = "",
        number: Callable[[NDArray[np.float64]], Any] | None = None,
        reference: float | None = None,
    ) -> None:
        super().__init__(start, unit, number or none, reference)
        self.quantity = quantity
        self.end = {name: float(value) for name, value in end.items()}

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        return (self.quantity,)

    def check(self, domain: Domain, vocabulary: Vocabulary, where: str) -> None:
        super().check(domain, vocabulary, where)
        needed = [name for name in domain.coordinates if name != domain.time]
        for ends in (self.at, self.end):
            wrong = sorted(set(needed) ^ {name for name in ends if name != domain.time})
            require(not wrong, f"{where}: start and end of a line need {', '.join(needed)}, got {', '.join(ends)}")
        require(self.at != self.end, f"{where}: the line's start is its end")

    def reading(self, domain: Domain, evaluate: Evaluate, share: float = 1.0) -> Reading:
        moment = {} if domain.time is None else {domain.time: domain.bounds[domain.time][1]}
        start, end = moment | self.at, moment | self.end
        s = np.linspace(0.0, 1.0, ALONG)
        changed = [name for name in domain.coordinates if start[name] != end[name]]
        length = float(np.sqrt(sum((end[name] - start[name]) ** 2 for name in changed)))
        along = changed[0] if len(changed) == 1 else "distance"
        places = start[along] + (end[along] - start[along]) * s if along in start else length * s
        x = line(domain, start, end, "", s)
        inside = domain.contains(x.numpy()) | (domain.distance(x.numpy()) <= 1e-9 * length)
        require(bool(inside.any()), "the line does not meet the domain")
        values = values_of(self.quantity, evaluate, Points(x[torch.as_tensor(inside)])).numpy()
        whole = np.full(len(s), np.nan)
        whole[inside] = values
        return Reading(whole, along, places)


def none(values: NDArray[np.float64]) -> None:
    """No number that stands for all."""


def line(domain: Domain, start: Place, end: Place, along: str, places: NDArray[np.float64]) -> torch.Tensor:
    """Points (n, d) from start to end by the shares `places`; of a coordinate `along` these are its values."""
    s = places if len(places) else np.zeros(1)
    columns = [s if name == along else start[name] + (end[name] - start[name]) * s for name in domain.coordinates]
    return torch.as_tensor(np.stack(columns, 1))
