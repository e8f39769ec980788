"""Conditions that join two places or two fields: periodicity and interfaces."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from torch import Tensor

from pinn.basis.errors import require
from pinn.domains.base import Domain
from pinn.domains.region import Region
from pinn.terms.base import Equation, Period, Term, Value, boundary_region, by_component, combination
from pinn.terms.conditions import Side


class Periodic(Term):
    """The solution repeats in a coordinate: `Periodic("x")`.

    With hard constraints the network sees the coordinate through cos and sin of 2 pi k x / L, k = 1 ... harmonics,
    so that every derivative is periodic. With soft constraints the named quantities at both sides are equated.
    coordinate: its name. quantities: what is equated, such as ("u", "u_x"). harmonics: >= 1.
    """

    def __init__(self, coordinate: str, quantities: str | Sequence[str], harmonics: int = 1) -> None:
        require(harmonics >= 1, f"harmonics must be >= 1, got {harmonics}")
        self.coordinate = coordinate
        self.quantities = (quantities,) if isinstance(quantities, str) else tuple(quantities)
        require(bool(self.quantities), 'Periodic equates nothing; try Periodic("x", ("u", "u_x"))')
        self.harmonics = harmonics

    def region(self, domain: Domain) -> Region:
        sides = (f"{self.coordinate}.min", f"{self.coordinate}.max")
        return replace(boundary_region(domain, sides), period=self.coordinate)

    def equations(self) -> dict[str, Equation]:
        ends = f"at {self.coordinate}.min and {self.coordinate}.max"
        return by_component({name: Equation(_mismatch, (name,), f"{name} {ends}") for name in self.quantities})

    def period(self) -> Period:
        return Period(self.coordinate, self.quantities, self.harmonics)


def _mismatch(values: Tensor) -> Tensor:
    """The difference of the two halves of values (2 n,): those at one side less those at the other."""
    first, second = values.chunk(2)
    return first - second


class Interface(Side):
    """Two fields, each of its own part of the domain, meet: their jump and that of their fluxes are prescribed.

    u - v = jump,  k_u du/dn - k_v dv/dn = flux_jump,  with n the outward normal of the part `of`, where u lives.
    fields: (u, v). of: the part whose boundary is the interface. on: its sides, None for all. jump, flux_jump,
    conductivities (k_u, k_v): numbers or functions of named quantities. where: as of `Boundary`.
    Other jump conditions are written as `Boundary(residual, of=part)`.
    """

    def __init__(
        self,
        fields: tuple[str, str],
        of: Domain,
        on: str | Sequence[str] | None = None,
        *,
        jump: Value = 0.0,
        flux_jump: Value = 0.0,
        conductivities: tuple[Value, Value] = (1.0, 1.0),
        where: Callable | None = None,
    ) -> None:
        require(len(fields) == 2 and not isinstance(fields, str), f"an interface joins two fields, got {fields!r}")
        require(len(conductivities) == 2, f"conductivities are (k_u, k_v), got {conductivities!r}")
        super().__init__(on, where, of)
        self.fields = tuple(fields)
        self.jump = jump
        self.flux_jump = flux_jump
        self.conductivities = tuple(conductivities)

    def equations(self) -> dict[str, Equation]:
        u, v = self.fields
        k_u, k_v = self.conductivities
        fluxes = [(1.0, k_u, f"{u}_normal"), (-1.0, k_v, f"{v}_normal")]
        return {
            "value": combination([(1.0, 1.0, u), (-1.0, 1.0, v)], self.jump, f"{u} - {v} = jump"),
            "flux": combination(fluxes, self.flux_jump, f"k_u {u}_normal - k_v {v}_normal = flux_jump"),
        }
