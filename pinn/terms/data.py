"""Observations with their noise."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pinn.basis.arguments import argument_names
from pinn.basis.columns import beside_page, complete_columns
from pinn.basis.errors import UserError, require
from pinn.domains.base import Domain
from pinn.domains.region import Region
from pinn.sampling.given import DataRegion
from pinn.terms.base import Equation, Term, by_component, required

OUTSIDE = 1e-9  # of a coordinate's interval: rounding of data at the boundary
MOST = 50_000  # observations of which a step takes parts of a second, and that leave little of their noise


class Data(Term):
    """Observed values of named quantities: `Data(at={"x": x, "t": t}, u=values, noise=0.1)`.

    at: coordinate -> n numbers. values: name of a field, derivative or derived quantity -> n numbers.
    noise: standard deviation of the values (in their unit), a number, n numbers, or either by name; the residual is
    (q - value) / noise, so that each square has the weight 1 / noise^2.
    most: how many of the observations are used, where there are more: some chosen at random, always the same, so that
    what is said of their noise holds for what was fitted; None uses all.
    """

    def __init__(
        self,
        at: Mapping[str, Any],
        *,
        noise: Any = 1.0,
        most: int | None = MOST,
        **values: Any,
    ) -> None:
        require(not isinstance(at, (str, Path)), f'Data takes numbers; a file is read by pinn.Data.read("{at}")')
        required(values, 'Data(at={"x": x}, u=values)')
        self.at = at
        self.values = values
        self.noise = noise
        self.most = positive_count(most)
        self.observations = Some.of(at, self.most).count(at)

    @classmethod
    def read(
        cls,
        path: str | Path,
        noise: Any = 1.0,
        *,
        at: Mapping[str, float] | None = None,
        most: int | None = MOST,
    ) -> "DataFile":
        """From a text with a header, a column each coordinate and observed quantity: `Data.read("probe.csv", 0.1)`.

        Columns come in any order; a unit after a name, `T [K]`, is no part of it, and rows with a missing number are
        left out, which the log says. path: a relative one starts at the folder of the page. noise: as of `Data`, or
        the name of a column. at: coordinates without a column, such as {"y": 0.5}. Raises UserError that names line
        and column where a number is none.
        """
        return DataFile(beside_page(path), noise, at=at, most=most)

    def region(self, domain: Domain) -> Region:
        some = Some.of(self.at, self.most)
        x = places(some.at(self.at), domain)
        columns = {
            f"observed {name}": column(some.values(values, name), len(x), name) for name, values in self.values.items()
        }
        for name in self.values:
            told = f"noise of {name}"
            columns[told] = positive(some.values(self._noise(name), told), len(x), told)
        return DataRegion(x=x, values=columns, given=some.given)

    def _noise(self, name: str) -> Any:
        if not isinstance(self.noise, Mapping):
            return self.noise
        if name not in self.noise:
            raise UserError(f"noise names {', '.join(self.noise)}; it needs a number for {name}, too")
        return self.noise[name]

    def equations(self) -> dict[str, Equation]:
        return by_component(
            {
                name: Equation(_deviation, (f"observed {name}", f"noise of {name}", name), f"data of {name}")
                for name in self.values
            }
        )


class DataFile(Term):
    """Observations in a file, which become `Data` once the domain's coordinates are known; see `Data.read`."""

    def __init__(
        self,
        path: Path,
        noise: Any = 1.0,
        *,
        at: Mapping[str, float] | None = None,
        most: int | None = MOST,
    ) -> None:
        self.path = path
        self.noise = noise
        self.at = dict(at or {})
        self.most = positive_count(most)

    def settled(self, domain: Domain) -> Data:
        columns = complete_columns(self.path)
        names = list(columns.values)
        listed = f"its columns are {', '.join(names)}"
        missing = [c for c in domain.coordinates if c not in names and c not in self.at]
        require(not missing, f"{self.path} has no column {', '.join(missing)}; {listed}; or say at={{...}}")
        twice = [c for c in self.at if c in names]
        require(not twice, f"{', '.join(twice)} is a column of {self.path} and in at=; leave it out of one of them")
        noisy = [self.noise] if isinstance(self.noise, str) else []
        require(set(noisy) <= set(names), f"{self.path} has no column {self.noise!r} of the noise; {listed}")
        observed = [name for name in names if name not in (*domain.coordinates, *noisy)]
        require(bool(observed), f"{self.path} has no column of values; {listed}")
        require(len(columns.lines) > 0, f"each row of {self.path} lacks a number")
        places = {c: self.at[c] if c in self.at else columns.values[c] for c in domain.coordinates}
        noise = columns.values[self.noise] if isinstance(self.noise, str) else self.noise
        return Data(places, noise=noise, most=self.most, **{name: columns.values[name] for name in observed})

    def region(self, domain: Domain) -> Region:
        return self.settled(domain).region(domain)

    def equations(self) -> dict[str, Equation]:
        raise UserError(f"what {self.path} observes is known with the domain; ask term.settled(domain)")


class Observation(Term):
    """Observed values of a function of named quantities: `Observation(lambda u, v: (u**2 + v**2) ** 0.5, ...)`.

    operator: what is observed. at, noise, most: as of `Data`. values: n numbers.
    """

    def __init__(
        self, operator: Callable, at: Mapping[str, Any], values: Any, noise: Any = 1.0, *, most: int | None = MOST
    ) -> None:
        self.operator = operator
        self.at = at
        self.values = values
        self.noise = noise
        self.most = positive_count(most)
        self.observations = Some.of(at, self.most).count(at)

    def region(self, domain: Domain) -> Region:
        some = Some.of(self.at, self.most)
        x = places(some.at(self.at), domain)
        observed = column(some.values(self.values, "values"), len(x), "values")
        noise = positive(some.values(self.noise, "noise"), len(x), "noise")
        return DataRegion(x=x, values={"observed": observed, "noise": noise}, given=some.given)

    def equations(self) -> dict[str, Equation]:
        label = getattr(self.operator, "__qualname__", repr(self.operator))

        def residual(observed: Tensor, noise: Tensor, *given: Tensor) -> Tensor:
            return _deviation(observed, noise, self.operator(*given))

        return {"": Equation(residual, ("observed", "noise", *argument_names(self.operator)), label)}


def _deviation(observed: Tensor, noise: Tensor, quantity: Tensor) -> Tensor:
    return (quantity - observed) / noise


def positive_count(most: int | None) -> int | None:
    """How many observations are used at most; raises UserError where that is none."""
    require(most is None or most >= 1, f"most of data must be >= 1 or None for all, got {most}")
    return most


@dataclass(frozen=True)
class Some:
    """Which of very many observations are used: their numbers, None for all; of how many, 0 where it is all of them.

    They are chosen at random, and always the same; what is not chosen is not looked at.
    """

    chosen: np.ndarray | None = None
    given: int = 0

    @classmethod
    def of(cls, at: Mapping[str, Any], most: int | None) -> "Some":
        n = max((np.size(values) for values in at.values()), default=0)
        if most is None or n <= most:
            return cls()
        return cls(np.sort(np.random.default_rng(0).choice(n, most, replace=False)), n)

    def count(self, at: Mapping[str, Any]) -> int:
        """How many are used."""
        every = max((np.size(values) for values in at.values()), default=0)
        return every if self.chosen is None else len(self.chosen)

    def values(self, values: Any, name: str) -> Any:
        """Those of n numbers that are chosen, or what is given for all."""
        if self.chosen is None or np.size(values) == 1:
            return values
        array = np.asarray(values).reshape(-1)
        require(len(array) == self.given, f"{name} of data must be {self.given} numbers, one a place, got {len(array)}")
        return array[self.chosen]

    def at(self, at: Mapping[str, Any]) -> dict[str, Any]:
        """The places of those that are chosen."""
        return {name: self.values(values, name) for name, values in at.items()}


def places(at: Mapping[str, Any], domain: Domain) -> Tensor:
    """Coordinates by name as points (n, d); raises UserError where they do not fit the domain."""
    wrong = sorted(set(at) ^ set(domain.coordinates))
    got = ", ".join(at) or "none"
    require(not wrong, f"data need at= with the coordinates {', '.join(domain.coordinates)}, got {got}")
    n = max((np.size(np.asarray(at[name])) for name in domain.coordinates), default=0)
    require(n > 0, "data need at least one place, got none")
    x = torch.stack([column(at[name], n, name) for name in domain.coordinates], 1)
    lower, upper = torch.tensor(list(domain.bounds.values()), dtype=torch.float64).T
    slack = OUTSIDE * (upper - lower)
    outside = int(((x < lower - slack) | (x > upper + slack)).any(1).sum())
    bounds = ", ".join(f"{name} in [{a:g}, {b:g}]" for name, (a, b) in domain.bounds.items())
    require(not outside, f"{outside} of {n} places of data lie outside the domain ({bounds}); check their units")
    return x


def column(values: Any, n: int, name: str) -> Tensor:
    """Numbers as a tensor (n,), a single one repeated; raises UserError where they are not n finite numbers."""
    try:
        numbers = torch.as_tensor(np.array(values, dtype=np.float64)).reshape(-1)
    except (TypeError, ValueError):
        raise UserError(f"{name} of data must be numbers, got {type(values).__name__}") from None
    require(len(numbers) in (1, n), f"{name} of data must be {n} numbers, one a place, got {len(numbers)}")
    bad = int((~numbers.isfinite()).sum())
    header = "" if numbers[:1].isfinite().all() else "; the first may be a file's header; see pinn.Data.read"
    told = f"{bad} of {len(numbers)} numbers of {name} are not finite; leave those observations out{header}"
    require(not bad, told)
    return numbers.expand(n).clone()


def positive(values: Any, n: int, name: str) -> Tensor:
    """As `column`, greater than zero."""
    numbers = column(values, n, name)
    require(bool((numbers > 0).all()), f"{name} must be > 0, got {float(numbers.min()):g}")
    return numbers
