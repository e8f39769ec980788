"""Quantities made of fields at other places: integrals that end at the point, and fields at a place of its own."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from scipy.special import roots_jacobi
from torch import Tensor

from pinn.basis.arguments import argument_names
from pinn.basis.corners import corners
from pinn.basis.errors import UserError, require
from pinn.derivatives.numpy_calls import called

NODES = 16  # of an integral: exact for polynomials of degree 31
MOST_STEPS = 64  # back from a point to where the domain was left
SAMPLES = 256  # points at which such steps are counted
SLACK = 1e-12  # of a coordinate's interval, which a place in the domain may miss by rounding
LEFT = 1e-9  # of it, by which a place is out of the domain

Bounds = Mapping[str, tuple[float, float]]  # of the domain, by coordinate


@dataclass(frozen=True)
class Elsewhere(ABC):
    """A quantity at points (n, d) that is made of others at `count` places for each point.

    name: its own. function: the problem's method. arguments: its arguments. bounds: of the domain.
    """

    name: str
    function: Callable
    arguments: tuple[str, ...]
    bounds: Bounds

    @property
    def coordinates(self) -> tuple[str, ...]:
        return tuple(self.bounds)

    @property
    @abstractmethod
    def count(self) -> int:
        """Places for each point."""

    @property
    @abstractmethod
    def asked(self) -> tuple[str, ...]:
        """Names of the quantities that are asked for at the places."""

    @property
    @abstractmethod
    def along(self) -> tuple[str, ...]:
        """The coordinates in which a place differs from its point."""

    @abstractmethod
    def places(self, x: Tensor) -> Tensor:
        """Where quantities are asked for, (count n, d), those of point j in the rows j, j + n, ... ."""

    @abstractmethod
    def value(self, x: Tensor, places: Tensor, at: Mapping[str, Tensor]) -> Tensor:
        """The quantity at points x (n, d) -> (n,), from those at the places, each (count n,)."""

    def leaves(self, x: Tensor) -> Mapping[str, float]:
        """Coordinate -> the farthest that is asked for beyond the domain at points (n, d), where nothing is told."""
        return {}

    def looks_ahead(self, coordinate: str) -> bool:
        """Whether quantities are asked for at places that come later along a coordinate than their point."""
        x, column = _spread(self.bounds), self.coordinates.index(coordinate)
        low, high = self.bounds[coordinate]
        later = self.places(x)[:, column].reshape(self.count, -1) - x[:, column]
        return bool((later > LEFT * (high - low)).any())

    def borders(self, x: Tensor) -> Tensor | None:
        """A whole number (n,) that jumps where the quantity is not smooth in x (n, d), if there is such a place."""
        return None


@dataclass(frozen=True)
class RunningIntegral(Elsewhere):
    """The integral of the method over `variable`, which stands for a coordinate, from `start` to the point or to `end`.

    The integrand is the method times (end - s)^power. By Gauss and Jacobi's rule for that weight with `nodes` nodes on
    [0, 1], Legendre's for the power 0, mapped to the interval of each point.
    """

    variable: str
    coordinate: str
    start: float
    end: float | None
    nodes: int
    power: float = 0.0

    @property
    def count(self) -> int:
        return self.nodes

    @property
    def asked(self) -> tuple[str, ...]:
        return tuple(name for name in self.arguments if name != self.variable and name not in self.bounds)

    @property
    def along(self) -> tuple[str, ...]:
        return (self.coordinate,)

    @cached_property
    def _rule(self) -> tuple[Tensor, Tensor]:
        nodes, weights = roots_jacobi(self.nodes, self.power, 0.0)
        return torch.as_tensor(0.5 * (nodes + 1.0)), torch.as_tensor(0.5 ** (1.0 + self.power) * weights)

    def _length(self, x: Tensor) -> Tensor:
        end = x[:, self.coordinates.index(self.coordinate)] if self.end is None else self.end
        return end - self.start + torch.zeros_like(x[:, 0])

    def places(self, x: Tensor) -> Tensor:
        s = self.start + self._rule[0].to(x)[:, None] * self._length(x)  # (k, n)
        columns = list(x.repeat(self.nodes, 1).unbind(1))
        columns[self.coordinates.index(self.coordinate)] = s.reshape(-1)
        return torch.stack(columns, 1)

    def value(self, x: Tensor, places: Tensor, at: Mapping[str, Tensor]) -> Tensor:
        here = {name: x[:, i].repeat(self.nodes) for i, name in enumerate(self.coordinates)}
        known = {**here, **at, self.variable: places[:, self.coordinates.index(self.coordinate)]}
        integrand = called(self.function, *(known[name] for name in self.arguments)) + torch.zeros_like(places[:, 0])
        weights = self._rule[1].to(x)
        return self._length(x) ** (1.0 + self.power) * (weights[:, None] * integrand.reshape(self.nodes, -1)).sum(0)


@dataclass(frozen=True)
class Shifted(Elsewhere):
    """A quantity at the place that the method returns, by coordinate; others are the point's.

    outside: function of coordinates by name that is the quantity where the place is out of the domain.
    """

    quantity: str
    outside: Callable | None

    @property
    def count(self) -> int:
        return 1

    @property
    def asked(self) -> tuple[str, ...]:
        return (self.quantity,)

    @property
    def along(self) -> tuple[str, ...]:
        return tuple(self._moved({c: torch.tensor([low], dtype=torch.float64) for c, (low, _) in self.bounds.items()}))

    def _moved(self, columns: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        moved = called(self.function, *(columns[name] for name in self.arguments))
        if not isinstance(moved, Mapping) or not moved or not set(moved) <= set(self.bounds):
            example = f'{{"{self.coordinates[0]}": ...}}'
            raise UserError(f"{self.name} must return places by coordinate, such as {example}, got {moved!r}")
        return moved

    def _place(self, x: Tensor) -> Tensor:
        """Where the quantity is meant, inside or not, (n, d)."""
        columns = dict(zip(self.coordinates, x.unbind(1), strict=True))
        columns |= {name: moved + torch.zeros_like(x[:, 0]) for name, moved in self._moved(columns).items()}
        return torch.stack(list(columns.values()), 1)

    def _limits(self, x: Tensor) -> tuple[Tensor, Tensor]:
        lower, upper = torch.tensor(list(self.bounds.values()), dtype=x.dtype, device=x.device).T
        return lower, upper

    def _is_outside(self, place: Tensor) -> Tensor:
        lower, upper = self._limits(place)
        slack = SLACK * (upper - lower)
        return ((place < lower - slack) | (place > upper + slack)).any(1)

    def places(self, x: Tensor) -> Tensor:
        lower, upper = self._limits(x)
        return torch.minimum(torch.maximum(self._place(x), lower), upper)

    def value(self, x: Tensor, places: Tensor, at: Mapping[str, Tensor]) -> Tensor:
        inside = at[self.quantity]
        if self.outside is None:
            return inside
        place = self._place(x)
        columns = dict(zip(self.coordinates, place.unbind(1), strict=True))
        told = called(self.outside, *(columns[name] for name in argument_names(self.outside)))
        return torch.where(self._is_outside(place), torch.as_tensor(told, dtype=x.dtype, device=x.device), inside)

    def leaves(self, x: Tensor) -> Mapping[str, float]:
        if self.outside is not None:
            return {}
        place, (lower, upper) = self._place(x), self._limits(x)
        beyond, row = torch.maximum(lower - place, place - upper).max(0)
        is_out = beyond > LEFT * (upper - lower)
        return {c: float(place[row[i], i]) for i, c in enumerate(self.coordinates) if is_out[i]}

    def borders(self, x: Tensor) -> Tensor | None:
        """How often one can go on from place to place in the domain: what was a kink in the data comes again there."""
        return None if self.outside is None else self._steps(x, self._most_steps)

    def _steps(self, x: Tensor, most: int) -> Tensor:
        here, going = x, torch.ones_like(x[:, 0], dtype=torch.bool)
        steps = torch.zeros_like(x[:, 0], dtype=torch.long)
        for _ in range(most):
            place = self._place(here)
            going = going & ~self._is_outside(place)
            steps, here = steps + going, torch.where(going[:, None], place, here)
        return steps

    @cached_property
    def _most_steps(self) -> int:
        """The most that there are at points all over the domain."""
        return int(self._steps(_spread(self.bounds), MOST_STEPS).max())


def _spread(bounds: Bounds) -> Tensor:
    """Points (n, d) all over a box, its corners with them."""
    low, high = torch.tensor(list(bounds.values()), dtype=torch.float64).T
    x = torch.quasirandom.SobolEngine(len(low)).draw(SAMPLES, dtype=torch.float64)
    return torch.cat([low + (high - low) * x, torch.as_tensor(corners(bounds.values()))])


Maker = Callable[[str, Callable, Bounds, object], Elsewhere]


def integral(
    *, start: float, end: float | None = None, nodes: int = NODES, power: float = 0.0, **variable: str
) -> Callable:
    """Mark a problem's method as an integrand: `@pinn.integral(s="t", start=0.0)` is the integral over s from 0 to t.

    In the method, whose name is the integral's, coordinates are the point's, the variable runs along its coordinate,
    and fields and derivatives are those at the variable's place: `def memory(self, t, s, u): return exp(s - t) * u`.
    end: a number, None for the point itself. nodes: of the quadrature, each of which costs as much as a point.
    power: > -1, of a factor (end - s)^power that the method leaves out, such as -0.5 for Abel's kernel.
    """
    one = len(variable) == 1
    require(one, f'integral needs one variable and its coordinate, such as s="t", got {variable or "none"}')
    require(nodes >= 1, f"nodes of an integral must be >= 1, got {nodes}")
    require(power > -1, f"power of an integral must be > -1, below which it has no value, got {power}")
    ((name, coordinate),) = variable.items()

    def make(own: str, method: Callable, bounds: Bounds, problem: object) -> Elsewhere:
        known = ", ".join(bounds)
        require(coordinate in bounds, f"the integral {own} runs along {coordinate!r}; the coordinates are {known}")
        require(name not in bounds, f"the variable of the integral {own} is a coordinate, {name}; call it otherwise")
        low, high = bounds[coordinate]
        for limit in (start,) if end is None else (start, end):
            told = f"the integral {own} reaches {coordinate} = {limit:g}, outside of the domain [{low:g}, {high:g}]"
            require(low <= limit <= high, told)
        arguments = argument_names(method)
        return RunningIntegral(own, method, arguments, bounds, name, coordinate, float(start), end, nodes, float(power))

    return _marking(make)


def at(quantity: str, *, outside: str | None = None) -> Callable:
    """Mark a problem's method as the place of a quantity: `@pinn.at("u", outside="history")`, a delayed u.

    The method gives the place from coordinates, `def past(self, x): return {"x": x - self.delay}`, and its name stands
    for the quantity there. outside: name of the method that tells it where the place is out of the domain.
    """

    def make(own: str, method: Callable, bounds: Bounds, problem: object) -> Elsewhere:
        told = getattr(problem, outside, None) if outside is not None else None
        require(
            outside is None or callable(told), f"{own} is told by {outside!r} outside of the domain: no such method"
        )
        arguments = argument_names(method)
        for function in (method, *([told] if told is not None else [])):
            wrong = [name for name in argument_names(function) if name not in bounds]
            if wrong:
                given = getattr(function, "__qualname__", own)
                raise UserError(f"{given} asks for {', '.join(wrong)}; a place is a function of {', '.join(bounds)}")
        return Shifted(own, method, arguments, bounds, quantity, told)

    return _marking(make)


def _marking(make: Maker) -> Callable[[Callable], Callable]:
    def mark(method: Callable) -> Callable:
        method.makes_elsewhere = make  # type: ignore[attr-defined]
        return method

    return mark
