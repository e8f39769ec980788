"""Conditions on integrals, means and single places, which fix what the equations leave free."""

from collections.abc import Callable, Mapping, Sequence

import torch

from pinn.basis.errors import require
from pinn.derivatives.numpy_calls import called
from pinn.domains.base import Domain
from pinn.domains.region import Region
from pinn.sampling.given import SHARE, WEIGHT, PlaceRegion, QuadratureRegion
from pinn.terms.base import (
    Equation,
    Term,
    Value,
    as_function,
    boundary_region,
    by_component,
    checked_part,
    checked_predicate,
    prescribed,
    required,
)


class Integral(Term):
    """The integral of a quantity over space or sides is prescribed: `Integral("u", 1.0)`, at all times.

    quantity: a name or a function of named quantities (normals included on sides). value: a number or a function of
    time. on: sides, None for the interior. of: a part of the domain that is meant. where: as of `Boundary`.
    nodes: of the quadrature, about, on each side. moments: random times at which it is asked for.
    Each integral is one row of the residual that depends on all its nodes.
    """

    def __init__(
        self,
        quantity: str | Callable,
        value: Value = 0.0,
        on: str | Sequence[str] | None = None,
        *,
        where: Callable | None = None,
        of: Domain | None = None,
        nodes: int = 400,
        moments: int = 32,
    ) -> None:
        require(nodes >= 1 and moments >= 1, f"nodes and moments must be >= 1, got {nodes} and {moments}")
        self.quantity = quantity
        self.value = value
        self.on = on
        self.where = where
        self.of = of
        self.nodes = nodes
        self.moments = moments

    def region(self, domain: Domain) -> Region:
        checked_part(domain, self.of)
        sides = () if self.on is None else boundary_region(domain, self.on, None, self.of).sides
        where = checked_predicate(domain, self.where)
        return QuadratureRegion(sides, where, of=self.of, nodes=self.nodes, moments=self.moments)

    def equations(self) -> dict[str, Equation]:
        name = self.quantity if isinstance(self.quantity, str) else getattr(self.quantity, "__qualname__", "quantity")
        return {"": summed(self.quantity, self.value, WEIGHT, f"integral of {name}")}


class Norm(Integral):
    """The size of fields is set: `Norm("psi")`, the integral over space of the sum of their squares is `value`.

    fields: their names. value, on, nodes, moments: as of `Integral`.
    """

    def __init__(
        self,
        *fields: str,
        value: Value = 1.0,
        on: str | Sequence[str] | None = None,
        nodes: int = 400,
        moments: int = 32,
    ) -> None:
        require(bool(fields), 'Norm is one of no field; try Norm("psi")')
        super().__init__("squares", value, on, nodes=nodes, moments=moments)
        self.fields = fields

    def equations(self) -> dict[str, Equation]:
        g, g_names = as_function(self.value)
        m = len(self.fields)

        def residual(*given):
            weight, share, *others = given
            return weight * torch.stack([q**2 for q in others[:m]]).sum(0) - share * g(*others[m:])

        label = f"integral of {' + '.join(f'{name}^2' for name in self.fields)}"
        return {"": Equation(residual, (WEIGHT, SHARE, *self.fields, *g_names), label, summed=True)}


def summed(quantity: str | Callable, value: Value, factor: str, label: str) -> Equation:
    """The residual  sum over the nodes of (factor q - share g), with the column `factor`."""
    q, q_names = (lambda x: x, (quantity,)) if isinstance(quantity, str) else as_function(quantity)
    g, g_names = as_function(value)

    def residual(*given):
        weight, share, *others = given
        return weight * called(q, *others[: len(q_names)]) - share * called(g, *others[len(q_names) :])

    return Equation(residual, (factor, SHARE, *q_names, *g_names), label, summed=True)


class Flux(Integral):
    """The flux of a vector field through sides is prescribed: `Flux(x="u", y="v", value=1.0, on="x.max")`.

    The integral of  sum_i q_i n_i  with the components' names q_i by coordinate. Other arguments: as of `Integral`.
    """

    def __init__(
        self,
        on: str | Sequence[str],
        value: Value = 0.0,
        *,
        where: Callable | None = None,
        of: Domain | None = None,
        nodes: int = 400,
        moments: int = 32,
        **components: str,
    ) -> None:
        required(components, 'Flux(x="u", y="v", value=1.0, on="x.max")')
        super().__init__("flux", value, on, where=where, of=of, nodes=nodes, moments=moments)
        self.components = components

    def equations(self) -> dict[str, Equation]:
        label = f"flux of ({', '.join(self.components.values())})"
        g, g_names = as_function(self.value)
        m = len(self.components)

        def residual(*given):
            weight, share, *others = given
            flux = torch.stack([q * n for q, n in zip(others[:m], others[m : 2 * m], strict=True)]).sum(0)
            return weight * flux - share * g(*others[2 * m :])

        normals = tuple(f"normal_{name}" for name in self.components)
        return {"": Equation(residual, (WEIGHT, SHARE, *self.components.values(), *normals, *g_names), label, True)}


class Mean(Term):
    """The means of quantities over space are prescribed: `Mean(p=0.0)`, at all times.

    Each value is a number or a function of time. nodes, moments: as of `Integral`.
    """

    def __init__(self, *, nodes: int = 400, moments: int = 32, **values: Value) -> None:
        required(values, "Mean(p=0.0)")
        require(nodes >= 1 and moments >= 1, f"nodes and moments must be >= 1, got {nodes} and {moments}")
        self.values = values
        self.nodes = nodes
        self.moments = moments

    def region(self, domain: Domain) -> Region:
        return QuadratureRegion(nodes=self.nodes, moments=self.moments)

    def equations(self) -> dict[str, Equation]:
        return by_component({n: summed(n, value, SHARE, f"mean of {n}") for n, value in self.values.items()})


class Pin(Term):
    """Values at one place, such as of a pressure that is defined up to a constant: `Pin(at={"x": 0, "y": 0}, p=0.0)`.

    at: coordinate -> number; time and parameters may be left out, which means all of them. values: as of `Dirichlet`.
    """

    def __init__(self, at: Mapping[str, float], *, moments: int = 32, **values: Value) -> None:
        required(values, 'Pin(at={"x": 0, "y": 0}, p=0.0)')
        require(moments >= 1, f"moments must be >= 1, got {moments}")
        self.at = {name: float(number) for name, number in at.items()}
        self.moments = moments
        self.values = values

    def region(self, domain: Domain) -> Region:
        needed = domain.space_coordinates
        wrong = [name for name in needed if name not in self.at]
        wrong += [name for name in self.at if name not in domain.coordinates]
        got = ", ".join(self.at) or "none"
        require(not wrong, f"Pin needs at= with the coordinates {', '.join(needed)}, got {got}")
        for name, number in self.at.items():
            lower, upper = domain.bounds[name]
            require(
                lower <= number <= upper,
                f"Pin lies outside the domain: {name} = {number:g} not in [{lower:g}, {upper:g}]",
            )
        return PlaceRegion(place=self.at, moments=self.moments)

    def equations(self) -> dict[str, Equation]:
        return by_component({name: prescribed(name, value) for name, value in self.values.items()})
