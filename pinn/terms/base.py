"""What a term is: an equation on a region, a residual that is to vanish.

A term names where it holds (`region`) and what must vanish there (`equations`): functions of named quantities.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from torch import Tensor

from pinn.basis.arguments import argument_names
from pinn.basis.errors import UserError, require
from pinn.derivatives.numpy_calls import called
from pinn.domains.base import Domain
from pinn.domains.region import Region

Value = float | Callable[..., Tensor]


@dataclass(frozen=True)
class Equation:
    """A residual as a function of named quantities; it maps tensors of shape (n,) to one of shape (n,).

    summed: a row's residual is the sum over the row's points (a quadrature).
    """

    function: Callable[..., Tensor]
    arguments: tuple[str, ...]
    name: str  # for messages, such as Burgers.momentum
    summed: bool = False


def equation(function: Callable) -> Equation:
    """A function whose argument names say what it needs, as an Equation."""
    return Equation(function, argument_names(function), getattr(function, "__qualname__", repr(function)))


@dataclass(frozen=True)
class Period:
    """The solution repeats in a coordinate; quantities: those that repeat, by name. harmonics: of it, >= 1."""

    coordinate: str
    quantities: tuple[str, ...]
    harmonics: int = 1


class Term(ABC):
    """An equation on a region. Subclasses say which region and which equations, and what of it can hold exactly.

    weight: of its mean squares in the loss where the user gives none. observations: how many it is, 0 for no data.
    has_fronts: whether it is best begun with a smoother equation (`smoothed`). is_prior: whether it says what is known
    before any data, which need not hold. by_evidence: whether the data decide how far it does.
    """

    weight: float = 1.0
    observations: int = 0
    has_fronts: bool = False
    is_prior: bool = False
    by_evidence: bool = False

    @abstractmethod
    def region(self, domain: Domain) -> Region:
        """Where the term holds in `domain`; raises UserError where a side does not exist."""

    @abstractmethod
    def equations(self) -> dict[str, Equation]:
        """Component -> residual; the component of a term with one equation is the empty string."""

    def settled(self, domain: Domain) -> "Term":
        """The term of a domain, whose coordinates one from a file has to know; raises UserError where it lacks some."""
        return self

    def smoothed(self, factor: float) -> "Term":
        """The same with an artificial viscosity so many times as large, where it has one."""
        return self

    def companions(self, domain: Domain) -> "Mapping[str, Term]":
        """Terms that go with this one, by what their names have after its own."""
        return {}

    def prescriptions(self) -> Mapping[str, Value]:
        """What the term sets on every side of its region, by name: values (`u`), slopes (`u_t`, `u_normal`)."""
        return {}

    def period(self) -> Period | None:
        """The period that it gives the solution, if any: a network with hard constraints has it from the start."""
        return None


def boundary_region(
    domain: Domain, on: str | Sequence[str] | None, where: Callable | None = None, of: Domain | None = None
) -> Region:
    """The region of the named sides, of all in space for None, of the domain or of a part `of` it.

    Raises UserError for a side that the domain does not have, for walls together with both ends of time, and for a
    part that does not fit into it.
    """
    owner = checked_part(domain, of)
    sides = owner.walls if on is None else (on,) if isinstance(on, str) else tuple(on)
    unknown = [side for side in sides if side not in owner.sides]
    if unknown or not sides:
        raise UserError(f"no side {', '.join(map(repr, unknown))}; the sides are {', '.join(owner.sides)}")
    ends = set(owner.sides) - set(owner.walls)
    if ends and ends < set(sides):
        told = f"on={', '.join(sides)} asks for the same on walls and at the beginning and the end of {owner.time}"
        raise UserError(f"{told}; try on=self.domain.walls, the sides of space: {', '.join(owner.walls)}")
    return Region(sides, checked_predicate(domain, where), of=of)


def checked_part(domain: Domain, part: Domain | None) -> Domain:
    """The part, or the domain where there is none; raises UserError where the part does not lie in the domain."""
    if part is None:
        return domain
    require(isinstance(part, Domain), f"a part of the domain must be a domain, got {part!r}")
    require(
        part.coordinates == domain.coordinates,
        f"a part must have the domain's coordinates {', '.join(domain.coordinates)}, got "
        f"{', '.join(part.coordinates)}; a part of space is to be multiplied by Time(...) as the domain is",
    )
    for name, (lower, upper) in part.bounds.items():
        least, most = domain.bounds[name]
        slack = 1e-9 * (most - least)
        require(
            least - slack <= lower and upper <= most + slack,
            f"a part must lie in the domain, {name} in [{least:g}, {most:g}]; got [{lower:g}, {upper:g}]",
        )
    return part


def checked_predicate(domain: Domain, where: Callable | None) -> Callable | None:
    """The predicate; raises UserError where it asks for anything but coordinates."""
    if where is None:
        return None
    require(callable(where), f"where= must be a function of coordinates, such as lambda x: x > 0, got {where!r}")
    unknown = [name for name in argument_names(where) if name not in domain.coordinates]
    require(
        not unknown,
        f"where= asks for {', '.join(unknown)}; the coordinates are {', '.join(domain.coordinates)}",
    )
    return where


def prescribed(name: str, value: Value) -> Equation:
    """The residual `name - value` with a number or a function of named quantities."""
    return combination([(1.0, 1.0, name)], value, f"{name} = {'value' if callable(value) else f'{float(value):g}'}")


def combination(parts: Sequence[tuple[float, Value, str]], value: Value, label: str) -> Equation:
    """The residual  sum_k s_k c_k q_k - g  with parts (s_k, c_k, name of q_k) and the value g.

    Coefficients c_k and the value are numbers or functions of named quantities. label: for messages.
    """
    signs, quantities = [sign for sign, _, _ in parts], tuple(name for _, _, name in parts)
    functions = [as_function(given) for given in (*(coefficient for _, coefficient, _ in parts), value)]

    def residual(*given: Tensor) -> Tensor:
        rest = iter(given[len(quantities) :])
        *coefficients, g = (called(function, *islice(rest, len(names))) for function, names in functions)
        summands = [s * c * q for s, c, q in zip(signs, coefficients, given, strict=False)]
        return sum(summands[1:], start=summands[0]) - g

    return Equation(residual, (*quantities, *(name for _, names in functions for name in names)), label)


def as_function(value: Value) -> tuple[Callable, tuple[str, ...]]:
    """A number or a function of named quantities as a function with its argument names."""
    if callable(value):
        return value, argument_names(value)
    constant = float(value)
    return lambda: constant, ()


def by_component(equations: Mapping[str, Equation]) -> dict[str, Equation]:
    """The equations by component; a single one has the empty string for its name."""
    return {"": next(iter(equations.values()))} if len(equations) == 1 else dict(equations)


def required(values: Mapping[str, object], example: str) -> None:
    """Raise UserError where a term prescribes nothing."""
    require(bool(values), f"{example.partition('(')[0]} prescribes nothing; try {example}")
