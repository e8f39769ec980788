"""Smooth functions that vanish on the sides of a domain and nowhere else in it: approximate distances.

Polynomials, one a smooth piece of boundary. Pieces that meet are multiplied, without the R-functions' roots, whose
second derivatives are unbounded at vertices (Sukumar & Srivastava 2022, doi:10.1016/j.cma.2021.114333); what does not
touch, such as holes, is joined by R-equivalence, 1 / omega = sum 1 / omega_i, which keeps the slope on each of them
(eq. 13 there; a product of many is tiny, and steep in few places). The data of sides that do not touch are blended by
these functions (Rvachev et al. 2001).
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
from pinn.derivatives.jets import Operand, Values, stack
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
def pieces_of(domain: Domain) -> dict[str, list[Function]]:
    """Side -> polynomials that vanish on its smooth pieces; no sides for a domain that has none known."""
    return {}


@pieces_of.register
def _box(domain: Box) -> dict[str, list[Function]]:
    ends: dict[str, list[Function]] = {}
    for name, (lower, upper) in domain.bounds.items():
        ends[f"{name}.min"] = [lambda c, name=name, lower=lower: c[name] - lower]  # type: ignore[misc]
        ends[f"{name}.max"] = [lambda c, name=name, upper=upper: upper - c[name]]  # type: ignore[misc]
    return ends


def _sphere(coordinates: Sequence[str], center: Sequence[float], radius: float) -> Function:
    """r^2 - radius^2."""

    def function(columns: Columns) -> Values:
        x = stack([columns[name] for name in coordinates], -1)  # (n, d), for a jet a coordinate alone is all channels
        middle = torch.stack([torch.full((), c, dtype=x.dtype, device=x.device) for c in center])
        return ((x - middle) ** 2).sum(-1) - radius**2

    return function


@pieces_of.register
def _ball(domain: Ball) -> dict[str, list[Function]]:
    return {domain.sides[0]: [_sphere(domain.coordinates, domain.center.tolist(), domain.radius)]}


@pieces_of.register
def _shell(domain: Shell) -> dict[str, list[Function]]:
    radii = {side: domain.outer if side.endswith("outer") else domain.inner for side in domain.sides}
    return {side: [_sphere(domain.coordinates, domain.center.tolist(), radius)] for side, radius in radii.items()}


@pieces_of.register
def _ellipse(domain: Ellipse) -> dict[str, list[Function]]:
    x, y = domain.coordinates
    (x0, y0), (a, b) = domain.center.tolist(), domain.half_axes.tolist()
    return {domain.sides[0]: [lambda c: ((c[x] - x0) / a) ** 2 + ((c[y] - y0) / b) ** 2 - 1.0]}


@pieces_of.register(Polygon)
@pieces_of.register(Simplex)
def _polytope(domain: Polygon | Simplex) -> dict[str, list[Function]]:
    facets = {side: domain.facets(side) for side in domain.sides}
    if sum(len(normals) for _, normals in facets.values()) > FACETS:
        return {}
    return {
        side: [_plane(domain.coordinates, corners[0], n) for corners, n in zip(*of_side, strict=True)]
        for side, of_side in facets.items()
    }


def _plane(coordinates: Sequence[str], through: np.ndarray, normal: np.ndarray) -> Function:
    """(p - x) . n, for a point p of the facet and its outward normal n."""

    def function(columns: Columns) -> Values:
        offset = float(through @ normal)
        parts = [columns[name] * float(n) for name, n in zip(coordinates, normal, strict=True)]
        return offset - sum(parts[1:], start=parts[0])

    return function


@pieces_of.register(Difference)
@pieces_of.register(Intersection)
@pieces_of.register(Union)
def _combination(domain: Difference | Intersection | Union) -> dict[str, list[Function]]:
    first, second = pieces_of(domain.first), pieces_of(domain.second)
    return {side: first.get(side, []) + second.get(side, []) for side in {**first, **second}}


@pieces_of.register
def _named(domain: Named) -> dict[str, list[Function]]:
    inner = pieces_of(domain.domain)
    complete = inner and all(side in inner for side in domain.domain.sides)
    return {domain.name: [piece for pieces in inner.values() for piece in pieces]} if complete else {}


@pieces_of.register
def _of_product(domain: Product) -> dict[str, list[Function]]:
    return pieces_of(domain.first) | pieces_of(domain.second)


def _product(functions: Sequence[Function]) -> Function:
    return lambda columns: reduce(mul, (function(columns) for function in functions))


def _equivalence(functions: Sequence[Function]) -> Function:
    """1 / sum 1 / omega_i, of functions > 0 inside no two of which vanish at one place."""
    return lambda columns: reduce(lambda a, b: a * b / (a + b), (function(columns) for function in functions))


@dataclass(frozen=True)
class Faces:
    """Sides with one prescribed value each, by groups: prescription and a function > 0 inside that vanishes there.

    largest: of the function that vanishes on all of them.
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
        """The function that vanishes on all of them, its largest value 1."""
        return _equivalence([omega for _, omega in self.groups])(columns) * (1.0 / self.largest)


def _is_zero(datum: Operand) -> bool:
    return isinstance(datum, float) and datum == 0.0


def faces(domain: Domain, prescribed: Sequence[Prescription]) -> Faces | str:
    """The faces of one field's values on sides that are no ends of coordinates, or in words why there are none."""
    known = pieces_of(domain)
    unknown = [p.place.side for p in prescribed if p.place.side not in known]
    if unknown:
        return f"no smooth function is known that vanishes on {', '.join(unknown)} alone"
    grouped: dict[tuple[str, Value], list[Prescription]] = {}
    for prescription in prescribed:
        grouped.setdefault((prescription.term, prescription.value), []).append(prescription)
    inside = _columns(domain, domain.interior_rule(INTERIOR).points)
    groups, on_side = [], []
    for members in grouped.values():
        places = {p.place.side: _columns(domain, domain.boundary_rule(p.place.side, BOUNDARY).points) for p in members}
        walls = [wall for side, on in places.items() for wall in _walls(domain, known[side], on)]
        parts = [_positive(part, inside) for part in _parts(domain, walls)]
        if not parts:
            return f"the function that should vanish on {members[0].place.side} does not"
        if any(float(part(inside).min()) < 0 for part in parts):
            return f"the function that vanishes on {members[0].place.side} vanishes inside the domain, too"
        omega = _equivalence(parts)
        for side, columns in places.items():
            if float(omega(columns).abs().max()) > ON * float(omega(inside).max()):
                return f"the function that should vanish on {side} does not"
        groups.append((members[0], omega))
        on_side.append(places.values())
    for k, (_, omega) in enumerate(groups):
        apart = APART * float(omega(inside).max())
        if any(float(omega(columns).min()) < apart for j, own in enumerate(on_side) if j != k for columns in own):
            return "sides with different data meet in vertices, where no smooth function blends them"
    return Faces(tuple(groups), float(_equivalence([omega for _, omega in groups])(inside).max()))


@dataclass(frozen=True, eq=False)
class Wall:
    """A smooth piece of boundary: a polynomial that vanishes on it, of slope about 1 there, and points on it."""

    function: Function
    points: Columns

    def touches(self, other: "Wall", gap: float) -> bool:
        """Whether a point of either is nearer than so to the other."""
        pairs = ((self, other), (other, self))
        return any(float(torch.as_tensor(a.function(b.points)).abs().min()) < gap for a, b in pairs)


def _walls(domain: Domain, pieces: Sequence[Function], on: Columns) -> list[Wall]:
    """The walls that the points of a side are on; the polynomials of which nothing is left of are no walls."""
    walls = []
    values = torch.stack([torch.as_tensor(piece(on)).abs() for piece in pieces])
    for k, own in enumerate(values <= ON * values.amax()):
        if bool(own.any()):
            walls.append(_normalized(domain, pieces[k], {name: column[own] for name, column in on.items()}))
    return walls


def _normalized(domain: Domain, function: Function, points: Columns) -> Wall:
    """The function over its mean slope in space at points on its wall."""
    x = {name: torch.as_tensor(column).clone().requires_grad_() for name, column in points.items()}
    along = [x[name] for name in domain.space_coordinates]
    gradient = torch.autograd.grad(torch.as_tensor(function(x)).sum(), along, allow_unused=True)
    squares = [g**2 for g in gradient if g is not None]
    slope = float(torch.stack(squares).sum(0).sqrt().mean())
    return Wall(lambda columns: function(columns) * (1.0 / slope), points)


def _positive(function: Function, inside: Columns) -> Function:
    """The function or its negative, whichever is > 0 at the points inside where it is largest."""
    values = torch.as_tensor(function(inside))
    sign = 1.0 if float(values.max()) > float(-values.min()) else -1.0
    return lambda columns: function(columns) * sign


def _parts(domain: Domain, walls: Sequence[Wall]) -> list[Function]:
    """The products of the walls that meet, each of slope about 1 on them."""
    gap = APART * max(domain.bounds[name][1] - domain.bounds[name][0] for name in domain.space_coordinates)
    clusters: list[list[Wall]] = []
    for wall in walls:
        meeting = [cluster for cluster in clusters if any(wall.touches(other, gap) for other in cluster)]
        clusters = [cluster for cluster in clusters if cluster not in meeting]
        clusters.append([wall, *(other for cluster in meeting for other in cluster)])
    parts = []
    for cluster in clusters:
        points = {name: torch.cat([torch.as_tensor(w.points[name]) for w in cluster]) for name in domain.coordinates}
        parts.append(_normalized(domain, _product([w.function for w in cluster]), points).function)
    return parts


def _columns(domain: Domain, x: np.ndarray) -> dict[str, Tensor]:
    return dict(zip(domain.coordinates, torch.as_tensor(x).T, strict=True))
