"""The terms of a problem: an equation on a region, each a residual that is to vanish.

A term names where it holds (`region`) and what must vanish there (`equations`): functions of named quantities.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from pinn.arguments import argument_names
from pinn.domains import Domain, Region
from pinn.errors import UserError

Value = float | Callable[..., Tensor]


@dataclass(frozen=True)
class Equation:
    """A residual as a function of named quantities; it maps tensors of shape (n,) to one of shape (n,)."""

    function: Callable[..., Any]
    arguments: tuple[str, ...]
    name: str  # for messages, such as Burgers.momentum


def equation(function: Callable) -> Equation:
    """A function whose argument names say what it needs, as an Equation."""
    return Equation(function, argument_names(function), getattr(function, "__qualname__", repr(function)))


class Term(ABC):
    """An equation on a region. Subclasses say which region and which equations."""

    @abstractmethod
    def region(self, domain: Domain) -> Region:
        """Where the term holds in `domain`; raises UserError where a side does not exist."""

    @abstractmethod
    def equations(self) -> dict[str, Equation]:
        """Component -> residual; the component of a term with one equation is the empty string."""


class Interior(Term):
    """The residual vanishes in the whole domain: `Interior(self.momentum)`."""

    def __init__(self, residual: Callable) -> None:
        self.residual = residual

    def region(self, domain: Domain) -> Region:
        return Region()

    def equations(self) -> dict[str, Equation]:
        return {"": equation(self.residual)}


class Boundary(Term):
    """The residual vanishes on parts of the boundary; it may use the outward normal (`normal_x`).

    residual: function of named quantities. on: a side's name or several. where: keeps the points for which this
    function of the coordinates (by name) is true.
    """

    def __init__(self, residual: Callable, on: str | Sequence[str], where: Callable | None = None) -> None:
        self.residual = residual
        self.on = on
        self.where = where

    def region(self, domain: Domain) -> Region:
        return boundary_region(domain, self.on, self.where)

    def equations(self) -> dict[str, Equation]:
        return {"": equation(self.residual)}


def boundary_region(domain: Domain, on: str | Sequence[str], where: Callable | None) -> Region:
    """The region of the named sides; raises UserError for a side that the domain does not have."""
    sides = (on,) if isinstance(on, str) else tuple(on)
    unknown = [side for side in sides if side not in domain.sides]
    if unknown or not sides:
        raise UserError(f"no side {', '.join(map(repr, unknown))}; the sides are {', '.join(domain.sides)}")
    return Region(sides, where)


def prescribed(name: str, value: Value) -> Equation:
    """The residual `name - value` with a number or a function of named coordinates."""
    if not callable(value):
        constant = float(value)
        return Equation(lambda quantity: quantity - constant, (name,), f"{name} = {constant:g}")
    arguments = argument_names(value)
    return Equation(lambda quantity, *given: quantity - value(*given), (name, *arguments), f"{name} = value")


class Dirichlet(Term):
    """Prescribed values on parts of the boundary: `Dirichlet(u=0.0, on=("x.min", "x.max"))`.

    Each value is a number or a function of coordinates by name; one equation a field.
    """

    def __init__(self, on: str | Sequence[str], where: Callable | None = None, **values: Value) -> None:
        if not values:
            raise UserError("Dirichlet prescribes nothing; try Dirichlet(u=0.0, on=...)")
        self.values = values
        self.on = on
        self.where = where

    def region(self, domain: Domain) -> Region:
        return boundary_region(domain, self.on, self.where)

    def equations(self) -> dict[str, Equation]:
        return _by_component(self.values)


class Initial(Term):
    """Prescribed values at the start of time: `Initial(u=lambda x: sin(x), u_t=0.0)`; any named derivative."""

    def __init__(self, **values: Value) -> None:
        if not values:
            raise UserError("Initial prescribes nothing; try Initial(u=lambda x: ...)")
        self.values = values

    def region(self, domain: Domain) -> Region:
        if domain.time is None:
            raise UserError("an initial condition needs a time coordinate; try Box(...) * Time(t=(0, 1))")
        return Region((f"{domain.time}.min",))

    def equations(self) -> dict[str, Equation]:
        return _by_component(self.values)


class Periodic(Term):
    """The solution repeats in a coordinate: `Periodic("x")`.

    With hard constraints the network sees the coordinate through cos and sin of 2 pi k x / L, k = 1 ... harmonics,
    so that every derivative is periodic. With soft constraints the named quantities at both sides are equated.
    coordinate: its name. quantities: what is equated, such as ("u", "u_x"). harmonics: >= 1.
    """

    def __init__(self, coordinate: str, quantities: Sequence[str], harmonics: int = 1) -> None:
        if harmonics < 1:
            raise UserError(f"harmonics must be >= 1, got {harmonics}")
        self.coordinate = coordinate
        self.quantities = (quantities,) if isinstance(quantities, str) else tuple(quantities)
        self.harmonics = harmonics

    def region(self, domain: Domain) -> Region:
        sides = (f"{self.coordinate}.min", f"{self.coordinate}.max")
        return replace(boundary_region(domain, sides, None), period=self.coordinate)

    def equations(self) -> dict[str, Equation]:
        equations = {
            name: Equation(_mismatch, (name,), f"{name} at {self.coordinate}.min and {self.coordinate}.max")
            for name in self.quantities
        }
        return {"": equations[self.quantities[0]]} if len(equations) == 1 else equations


def _mismatch(values: Tensor) -> Tensor:
    """The difference of the two halves of values (2 n,): those at one side less those at the other."""
    first, second = values.chunk(2)
    return first - second


def _by_component(values: dict[str, Value]) -> dict[str, Equation]:
    equations = {name: prescribed(name, value) for name, value in values.items()}
    return {"": next(iter(equations.values()))} if len(equations) == 1 else equations
