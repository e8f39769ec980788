"""Smooth functions that vanish on the sides of a domain and nowhere else in it: approximate distances.

Products of polynomials, one a smooth piece of boundary, without the R-functions' roots, whose second derivatives are
unbounded at vertices (Sukumar & Srivastava 2022, doi:10.1016/j.cma.2021.114333); the data of sides that do not touch
are blended by them (Rvachev et al. 2001).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce, singledispatch
from operator import mul

import numpy as np
import torch
from torch import Tensor

from pinn.ansatz.prescriptions import Columns, Prescription
from pinn.derivatives.jets import Operand, Values
from pinn.domains.ball import Ball, Shell
from pinn.domains.base import Domain
from pinn.domains.box import Box
from pinn.domains.combinations import Difference, Intersection, Named, Union
from pinn.domains.curves import Ellipse
from pinn.domains.polygon import Polygon
from pinn.domains.product import Product
from pinn.domains.simplices import Simplex
from pinn.terms.base import Value

INTERIOR, BOUNDARY = 2048, 1024  # points at which the functions are tried
ON = 1e-8  # of its largest value: a function vanishes
APART = 5e-3  # of its largest value: another side is not touched; some of the points are nearer to where sides meet
FACETS = 12  # of a polygon, at most: of n, all alike, the product has the slope n^2 / 2^(n-1) in the middle of one

Function = Callable[[Columns], Values]


@singledispatch
def side_functions(domain: Domain) -> dict[str, Function]:
    """Side -> a polynomial that vanishes on it; no sides for a domain that has none known."""
    return {}


@side_functions.register
def _box(domain: Box) -> dict[str, Function]:
    ends: dict[str, Function] = {}
    for name, (lower, upper) in domain.bounds.items():
        ends[f"{name}.min"] = lambda c, name=name, lower=lower: c[name] - lower  # type: ignore[misc]
        ends[f"{name}.max"] = lambda c, name=name, upper=upper: upper - c[name]  # type: ignore[misc]
    return ends


def _sphere(coordinates: Sequence[str], center: Sequence[float], radius: float) -> Function:
    """r^2 - radius^2."""

    def function(columns: Columns) -> Values:
        squares = [(columns[name] - float(at)) ** 2 for name, at in zip(coordinates, center, strict=True)]
        return sum(squares[1:], start=squares[0]) - radius**2

    return function


@side_functions.register
def _ball(domain: Ball) -> dict[str, Function]:
    return {domain.sides[0]: _sphere(domain.coordinates, domain.center.tolist(), domain.radius)}


@side_functions.register
def _shell(domain: Shell) -> dict[str, Function]:
    radii = {side: domain.outer if side.endswith("outer") else domain.inner for side in domain.sides}
    return {side: _sphere(domain.coordinates, domain.center.tolist(), radius) for side, radius in radii.items()}


@side_functions.register
def _ellipse(domain: Ellipse) -> dict[str, Function]:
    x, y = domain.coordinates
    (x0, y0), (a, b) = domain.center.tolist(), domain.half_axes.tolist()
    return {domain.sides[0]: lambda c: ((c[x] - x0) / a) ** 2 + ((c[y] - y0) / b) ** 2 - 1.0}


@side_functions.register(Polygon)
@side_functions.register(Simplex)
def _polytope(domain: Polygon | Simplex) -> dict[str, Function]:
    facets = {side: domain.facets(side) for side in domain.sides}
    if sum(len(normals) for _, normals in facets.values()) > FACETS:
        return {}
    return {
        side: _product([_plane(domain.coordinates, corners[0], n) for corners, n in zip(*of_side, strict=True)])
        for side, of_side in facets.items()
    }


def _plane(coordinates: Sequence[str], through: np.ndarray, normal: np.ndarray) -> Function:
    """(p - x) . n, for a point p of the facet and its outward normal n."""

    def function(columns: Columns) -> Values:
        offset = float(through @ normal)
        parts = [columns[name] * float(n) for name, n in zip(coordinates, normal, strict=True)]
        return offset - sum(parts[1:], start=parts[0])

    return function


@side_functions.register(Difference)
@side_functions.register(Intersection)
@side_functions.register(Union)
def _combination(domain: Difference | Intersection | Union) -> dict[str, Function]:
    first, second = side_functions(domain.first), side_functions(domain.second)
    both = {side: _product([first[side], second[side]]) for side in first.keys() & second.keys()}
    return first | second | both


@side_functions.register
def _named(domain: Named) -> dict[str, Function]:
    inner = side_functions(domain.domain)
    complete = inner and all(side in inner for side in domain.domain.sides)
    return {domain.name: _product(list(inner.values()))} if complete else {}


@side_functions.register
def _of_product(domain: Product) -> dict[str, Function]:
    return side_functions(domain.first) | side_functions(domain.second)


def _product(functions: Sequence[Function]) -> Function:
    return lambda columns: reduce(mul, (function(columns) for function in functions))


@dataclass(frozen=True)
class Faces:
    """Sides with one prescribed value each, by groups: prescription and a function > 0 inside that vanishes there.

    largest: of the product of these functions.
    """

    groups: tuple[tuple[Prescription, Function], ...]
    largest: float

    def lift(self, columns: Columns) -> Operand:
        """The sum of w_k g_k,  w_k = prod_(j /= k) omega_j / sum_i prod_(j /= i) omega_j: g_k on side k."""
        if len(self.groups) == 1:
            return self.groups[0][0](columns)
        omegas = [omega(columns) for _, omega in self.groups]
        others = [math.prod(omegas[:k] + omegas[k + 1 :]) for k in range(len(omegas))]
        data = [prescription(columns) for prescription, _ in self.groups]
        above = [other * datum for other, datum in zip(others, data, strict=True) if not _is_zero(datum)]
        if not above:
            return 0.0
        return sum(above[1:], start=above[0]) / sum(others[1:], start=others[0])

    def vanishing(self, columns: Columns) -> Operand:
        """The product of the groups' functions, its largest value 1."""
        return math.prod(omega(columns) for _, omega in self.groups) * (1.0 / self.largest)


def _is_zero(datum: Operand) -> bool:
    return isinstance(datum, float) and datum == 0.0


def faces(domain: Domain, prescribed: Sequence[Prescription]) -> Faces | str:
    """The faces of one field's values on sides that are no ends of coordinates, or in words why there are none."""
    known = side_functions(domain)
    unknown = [p.place.side for p in prescribed if p.place.side not in known]
    if unknown:
        return f"no smooth function is known that vanishes on {', '.join(unknown)} alone"
    grouped: dict[tuple[str, Value], list[Prescription]] = {}
    for prescription in prescribed:
        grouped.setdefault((prescription.term, prescription.value), []).append(prescription)
    inside = _columns(domain, domain.interior_rule(INTERIOR).points)
    groups, on_side = [], {}
    for (_, _), members in grouped.items():
        raw = _product([known[p.place.side] for p in members])
        values = raw(inside)
        scale = float(values.abs().max())
        if float(values.min()) < 0 < float(values.max()):
            return f"the function that vanishes on {members[0].place.side} vanishes inside the domain, too"
        sign = 1.0 if float(values.max()) > 0 else -1.0
        groups.append((members[0], lambda c, raw=raw, factor=sign / scale: raw(c) * factor))
        on_side[len(groups) - 1] = [
            _columns(domain, domain.boundary_rule(p.place.side, BOUNDARY).points) for p in members
        ]
    for k, (_, omega) in enumerate(groups):
        for j, places in on_side.items():
            for columns in places:
                values = omega(columns).abs()
                if j == k and float(values.max()) > ON:
                    return f"the function that should vanish on {groups[k][0].place.side} does not"
                if j != k and float(values.min()) < APART:
                    return "sides with different data meet in vertices, where no smooth function blends them"
    return Faces(tuple(groups), float(math.prod(omega(inside) for _, omega in groups).max()))


def _columns(domain: Domain, x: np.ndarray) -> dict[str, Tensor]:
    return dict(zip(domain.coordinates, torch.as_tensor(x).T, strict=True))
