"""What a functional is: a number that is asked of a solution, or numbers along a coordinate."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pinn.basis.arguments import argument_names
from pinn.basis.errors import UserError, require
from pinn.derivatives.names import Vocabulary
from pinn.derivatives.numpy_calls import called
from pinn.domains.base import Domain
from pinn.sampling.points import Points

Quantity = str | Callable[..., Any]  # a name, or a function of named quantities
Evaluate = Callable[[Sequence[str], Points], Mapping[str, Tensor]]  # named quantities (k n,) at points

ROUNDING = 1e-6  # of a coordinate's interval, by which a place may lie outside
MOMENTS = 51  # times, or values of a parameter, at which a number is asked for


@dataclass(frozen=True)
class Reading:
    """What a functional comes to: values (n,) at places (n,) along a coordinate, n = 1 where `along` is empty.

    parts: what belongs to each value, (n,) by name: what a balance is made of, where a maximum is.
    """

    values: NDArray[np.float64]
    along: str = ""
    places: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    parts: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)


def last(values: NDArray[np.float64]) -> float:
    """The last of several values."""
    return float(values[-1])


class Functional(ABC):
    """A number that is asked of a solution; of one that changes in time, or with a parameter, a number at each moment.

    at: fixes time or parameters, coordinate -> number. unit: of the number, for tables and figures. number: which one
    stands for several in tables, a function of them all (n,); the last one by default. reference: what it is known to
    be, such as a published value.
    """

    def __init__(
        self,
        at: Mapping[str, float] | None,
        unit: str,
        number: Callable[[NDArray[np.float64]], Any] = last,
        reference: float | None = None,
    ) -> None:
        require(callable(number), f"number must be a function of several values, such as max, got {number!r}")
        self.at = {name: float(value) for name, value in (at or {}).items()}
        self.unit = unit
        self.number = number
        self.reference = reference

    said: ClassVar[str] = ""  # what its numbers are, where that is not clear
    is_compared: ClassVar[bool] = True  # with those of others: the true solution, a corrected one

    @property
    @abstractmethod
    def quantities(self) -> tuple[Quantity, ...]:
        """The quantities that it is made of."""

    @abstractmethod
    def reading(self, domain: Domain, evaluate: Evaluate, share: float = 1.0) -> Reading:
        """What it comes to for a solution in a domain. share: of the nodes, to see what more of them would change."""

    def check(self, domain: Domain, vocabulary: Vocabulary, where: str) -> None:
        """Raises UserError where a name means nothing, or a place is none of the domain."""
        for quantity in self.quantities:
            for name in names_of(quantity):
                kind = vocabulary.resolve(name, where).kind
                known = self.has_normals or kind not in ("normal", "normal derivative")
                require(known, f"{name!r} in {where} needs sides: only there are normals")
        unknown = [name for name in self.at if name not in domain.coordinates]
        told = f"{where}: at= names {', '.join(unknown)}; the coordinates are {', '.join(domain.coordinates)}"
        require(not unknown, told)
        for name, value in self.at.items():
            lower, upper = domain.bounds[name]
            slack = ROUNDING * (upper - lower)
            inside = lower - slack <= value <= upper + slack
            require(inside, f"{where}: {name} = {value:g} is not in [{lower:g}, {upper:g}]")

    @property
    def has_normals(self) -> bool:
        """Whether it is asked on sides."""
        return False

    def moments(self, domain: Domain, count: int = MOMENTS) -> tuple[str, NDArray[np.float64]]:
        """The coordinate beside space along which there are several numbers, and where; '' and none for a single one.

        Raises UserError where time and parameters leave more than one.
        """
        free = [name for name in domain.coordinates[len(domain.space_coordinates) :] if name not in self.at]
        if len(free) > 1:
            raise UserError(f"it is a function of {', '.join(free)}; fix all but one, such as at={{{free[0]!r}: ...}}")
        return (free[0], np.linspace(*domain.bounds[free[0]], count)) if free else ("", np.zeros(0))


def names_of(quantity: Quantity) -> tuple[str, ...]:
    """The names of what a quantity needs."""
    return (quantity,) if isinstance(quantity, str) else argument_names(quantity)


def values_of(quantity: Quantity, evaluate: Evaluate, points: Points) -> Tensor:
    """A quantity (k n,) at points."""
    names = names_of(quantity)
    known = evaluate(names, points)
    if isinstance(quantity, str):
        return known[quantity]
    return torch.as_tensor(called(quantity, *(known[name] for name in names))).expand(len(points.x))
