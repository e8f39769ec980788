"""Equations in the interior, and conditions on the boundary and at the start of time."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from pinn.basis.errors import UserError, require
from pinn.domains.base import Domain
from pinn.domains.region import Region
from pinn.terms.base import (
    Equation,
    Term,
    Value,
    boundary_region,
    by_component,
    checked_part,
    checked_predicate,
    combination,
    equation,
    prescribed,
    required,
)


class Interior(Term):
    """The residual vanishes in the whole domain: `Interior(self.momentum)`.

    residual: function of named quantities. inside: a part of the domain where it holds. where: keeps the points for
    which this function of the coordinates (by name) is true.
    """

    def __init__(self, residual: Callable, *, inside: Domain | None = None, where: Callable | None = None) -> None:
        self.residual = residual
        self.inside = inside
        self.where = where

    def region(self, domain: Domain) -> Region:
        checked_part(domain, self.inside)
        return Region(where=checked_predicate(domain, self.where), of=self.inside)

    def equations(self) -> dict[str, Equation]:
        return {"": equation(self.residual)}


class Side(Term):
    """What conditions on parts of the boundary share.

    on: a side's name or several, None for all. where: keeps the points for which this function of the coordinates (by
    name) is true. of: the part of the domain whose boundary is meant, such as an inclusion; its normals point out of
    it.
    """

    def __init__(self, on: str | Sequence[str] | None, where: Callable | None = None, of: Domain | None = None) -> None:
        require(
            on is not None or of is not None,
            f"{type(self).__name__} needs on=, a side's name or several, or on=domain.walls for all of space",
        )
        self.on = on
        self.where = where
        self.of = of

    def region(self, domain: Domain) -> Region:
        return boundary_region(domain, self.on, self.where, self.of)


class Boundary(Side):
    """The residual vanishes on parts of the boundary: `Boundary(self.outlet, on="x.max")`.

    residual: function of named quantities, the outward normal (`normal_x`) and normal derivatives (`u_normal`)
    included. on, where, of: as of `Side`.
    """

    def __init__(
        self,
        residual: Callable,
        on: str | Sequence[str] | None = None,
        where: Callable | None = None,
        of: Domain | None = None,
    ) -> None:
        super().__init__(on, where, of)
        self.residual = residual

    def equations(self) -> dict[str, Equation]:
        return {"": equation(self.residual)}


class SideValues(Side):
    """What conditions share that prescribe quantities on parts of the boundary: the named ones with a suffix."""

    suffix: ClassVar[str] = ""

    def __init__(
        self,
        on: str | Sequence[str] | None = None,
        where: Callable | None = None,
        of: Domain | None = None,
        **values: Value,
    ) -> None:
        required(values, f"{type(self).__name__}(u=0.0, on=...)")
        super().__init__(on, where, of)
        self.values = values

    def equations(self) -> dict[str, Equation]:
        return by_component({name: prescribed(name + self.suffix, value) for name, value in self.values.items()})

    def prescriptions(self) -> dict[str, Value]:
        return {name + self.suffix: value for name, value in self.values.items()}


class Dirichlet(SideValues):
    """Prescribed values on parts of the boundary: `Dirichlet(u=0.0, on=("x.min", "x.max"))`; any named quantity.

    Each value is a number or a function of named quantities, such as coordinates; one equation a name.
    """


class Neumann(SideValues):
    """Prescribed outward normal derivatives  du/dn = g: `Neumann(u=0.0, on="x.max")`.

    Each value g is a number or a function of named quantities; the derivative is  sum_i n_i du/dx_i  over space.
    """

    suffix = "_normal"


class Robin(Side):
    """Prescribed combinations  a u + b du/dn = g: `Robin(u=300.0, coefficients=(1.0, 0.1), on="x.max")`.

    coefficients: (a, b), each a number or a function of named quantities; so is each value g.
    """

    def __init__(
        self,
        on: str | Sequence[str] | None = None,
        where: Callable | None = None,
        of: Domain | None = None,
        *,
        coefficients: tuple[Value, Value],
        **values: Value,
    ) -> None:
        required(values, "Robin(u=0.0, coefficients=(1.0, 1.0), on=...)")
        super().__init__(on, where, of)
        pair = isinstance(coefficients, (tuple, list)) and len(coefficients) == 2
        require(pair, f"Robin needs coefficients=(a, b) of a u + b du/dn = g, got {coefficients!r}")
        self.coefficients = tuple(coefficients)
        self.values = values

    def equations(self) -> dict[str, Equation]:
        a, b = self.coefficients
        return by_component(
            {
                name: combination(
                    [(1.0, a, name), (1.0, b, f"{name}_normal")], value, f"a {name} + b {name}_normal = g"
                )
                for name, value in self.values.items()
            }
        )


class Initial(Term):
    """Prescribed values at the start of time: `Initial(u=lambda x: sin(x), u_t=0.0)`; any named derivative.

    where: keeps the points for which this function of the coordinates (by name) is true.
    """

    def __init__(self, where: Callable | None = None, **values: Value) -> None:
        required(values, "Initial(u=lambda x: ...)")
        self.where = where
        self.values = values

    def region(self, domain: Domain) -> Region:
        if domain.time is None:
            raise UserError("an initial condition needs a time coordinate; try Box(...) * Time(t=(0, 1))")
        return boundary_region(domain, f"{domain.time}.min", self.where)

    def equations(self) -> dict[str, Equation]:
        return by_component({name: prescribed(name, value) for name, value in self.values.items()})

    def prescriptions(self) -> dict[str, Value]:
        return self.values
