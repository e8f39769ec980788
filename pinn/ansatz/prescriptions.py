"""What a problem's conditions prescribe, side by side: values and normal derivatives of fields."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from pinn.basis.arguments import argument_names
from pinn.derivatives.jets import Operand, Values
from pinn.derivatives.numpy_calls import called
from pinn.domains.base import Domain
from pinn.domains.region import Region
from pinn.problem import Problem
from pinn.terms.base import Value

Columns = Mapping[str, Values]  # points by coordinate, each (n,)


@dataclass(frozen=True)
class Place:
    """An end of a coordinate (`min` or `max`), or a named side that is none (coordinate None)."""

    side: str
    coordinate: str | None = None
    end: str = ""


@dataclass(frozen=True)
class Prescription:
    """One field's value (order 0) or derivative along the coordinate (order 1) on a side.

    term: the condition's name. value: a number or a function of coordinates. sign: its factor, -1 for an outward
    derivative at a lower end.
    """

    term: str
    field: str
    place: Place
    order: int
    value: Value
    sign: float = 1.0

    @property
    def names(self) -> tuple[str, ...]:
        """The coordinates that the value depends on."""
        return argument_names(self.value) if callable(self.value) else ()

    def __call__(self, columns: Columns) -> Operand:
        """The value at points."""
        if not callable(self.value):
            return self.sign * float(self.value)
        values = called(self.value, *(columns[name] for name in self.names))
        return values if self.sign == 1.0 else self.sign * values


@dataclass
class Prescriptions:
    """All of a problem, and why others of its conditions are not among them: term -> reason."""

    kept: list[Prescription] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)

    def drop(self, prescription: Prescription, reason: str) -> None:
        """Leave a prescription to the loss."""
        self.kept.remove(prescription)
        self.refused.setdefault(prescription.term, reason)


def prescriptions(problem: Problem) -> Prescriptions:
    """What the problem's terms prescribe on whole sides and a field can have exactly."""
    collected = Prescriptions()
    for name, term in problem.all_terms().items():
        for quantity, value in term.prescriptions().items():
            region = term.region(problem.domain)
            for side in region.sides:
                made = _prescription(problem, name, region, place(problem, side), quantity, value)
                if isinstance(made, str):
                    collected.refused.setdefault(name, made)
                elif any((made.field, side, made.order) == (p.field, p.place.side, p.order) for p in collected.kept):
                    collected.refused.setdefault(name, f"{side} has another condition of the same kind")
                else:
                    collected.kept.append(made)
    return collected


def place(problem: Problem, side: str) -> Place:
    """Where a side is: at a coordinate's end where the domain is a box along it, as it always is along time."""
    coordinate, _, end = side.rpartition(".")
    domain = problem.domain
    is_end = end in ("min", "max") and coordinate in domain.coordinates and (domain.is_box or coordinate == domain.time)
    return Place(side, coordinate, end) if is_end else Place(side)


def end_of_bounds(domain: Domain, side: str) -> Place | None:
    """The end of a coordinate's bounds that a side such as `x.min` lies at; None for one that does not."""
    coordinate, _, end = side.rpartition(".")
    if coordinate not in domain.space_coordinates or end not in ("min", "max") or domain.moves:
        return None
    bounds = domain.bounds[coordinate]
    at = domain.boundary_rule(side, 64).points[:, domain.coordinates.index(coordinate)]
    on = np.abs(at - bounds[end == "max"]) <= 1e-12 * (bounds[1] - bounds[0])
    return Place(side, coordinate, end) if on.all() else None


def _prescription(
    problem: Problem, name: str, region: Region, at: Place, quantity: str, value: Value
) -> Prescription | str:
    """The prescription, or in words why it is none."""
    if region.where is not None or region.of is not None:
        return "it holds on a part of a side"
    unknown = [n for n in argument_names(value) if n not in problem.coordinates] if callable(value) else []
    if unknown:
        return f"its value depends on {', '.join(unknown)}"
    meaning, domain = problem.vocabulary.resolve(quantity, name), problem.domain
    if meaning.base not in problem.vocabulary.fields:
        return f"{meaning.base or quantity} is no field"
    if meaning.symbol is None:  # the outward normal derivative
        if at.coordinate not in domain.space_coordinates:
            return "normal derivatives are exact on boxes only"
        return Prescription(name, meaning.base, at, 1, value, -1.0 if at.end == "min" else 1.0)
    if callable(value) and at.coordinate == domain.time and domain.moves:
        return f"the domain moves: its data are known only where it is at {at.side}"
    own = [] if at.coordinate is None else [problem.coordinates.index(at.coordinate)]
    order = sum(meaning.symbol.orders[i] for i in own)
    if meaning.symbol.order != order or order > 1:
        return f"{quantity} is no value or first normal derivative"
    return Prescription(name, meaning.base, at, order, value)
