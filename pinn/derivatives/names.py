"""The grammar of named quantities: `u_xx` <-> (field `u`, twice in `x`).

A residual's argument names say what it needs. A name is resolved in this order:

1. exactly: a coordinate, a field, an unknown, a derived quantity, `normal_<coordinate>`, `jacobian`, `hessian`;
2. `laplacian_u`, `biharmonic_u` and the problem's own operators `<operator>_u`; `u_normal`, the outward normal
   derivative on a boundary;
3. split at the last underscore, where the suffix parses uniquely into coordinate names (`u_xxt`, `u_x1x10`).
"""

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from keyword import iskeyword

from pinn.basis.errors import UserError

# A second-order operator sum_ij a_ij d_i d_j with constant coefficients: the triples (i, j, a_ij), i <= j.
Operator = tuple[tuple[int, int, float], ...]


@dataclass(frozen=True)
class Symbol:
    """The differential operator d^orders A_1 A_2 ... applied to some quantity.

    `orders` is the multi-index over the coordinates, `operators` the second-order operators (such as the Laplacian)
    that are carried as one channel instead of one a second derivative.
    """

    orders: tuple[int, ...]
    operators: tuple[Operator, ...] = ()

    @property
    def order(self) -> int:
        return sum(self.orders) + 2 * len(self.operators)

    def differentiated(self, i: int) -> "Symbol":
        """This symbol with one more derivative in coordinate number i."""
        orders = tuple(k + (j == i) for j, k in enumerate(self.orders))
        return Symbol(orders, self.operators)

    def applied(self, operator: Operator) -> "Symbol":
        """This symbol with one more application of `operator`."""
        return Symbol(self.orders, tuple(sorted((*self.operators, operator))))

    def __add__(self, other: "Symbol") -> "Symbol":
        orders = tuple(a + b for a, b in zip(self.orders, other.orders, strict=True))
        return Symbol(orders, tuple(sorted(self.operators + other.operators)))

    def expanded(self) -> dict["Symbol", float]:
        """The same as a sum of plain multi-indices: {symbol without operators: coefficient}."""
        if not self.operators:
            return {self: 1.0}
        total: dict[Symbol, float] = {}
        rest = Symbol(self.orders, self.operators[1:])
        for i, j, coefficient in self.operators[0]:
            for symbol, factor in rest.differentiated(i).differentiated(j).expanded().items():
                total[symbol] = total.get(symbol, 0.0) + coefficient * factor
        return total


@dataclass(frozen=True)
class Quantity:
    """What a name means.

    `kind` is one of coordinate, unknown, normal, derivative, normal derivative, jacobian, hessian, elsewhere.
    """

    kind: str
    base: str = ""
    symbol: Symbol | None = None


@dataclass(frozen=True)
class Derived:
    """A derived quantity: a function of named quantities, itself differentiable."""

    function: Callable
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class Vocabulary:
    """All the names that mean something in one problem.

    coordinates, fields, unknowns, derived: names; operators: name -> second-order operator, `laplacian` included.
    space: those of the coordinates along which there are normals, all where it is empty. depends: field -> the
    coordinates that it is a function of; all where not named. elsewhere: quantities made of fields at other places.
    directions: how many, beside the coordinates, there are derivatives along; operators may be made of these.
    laplacians: whose product is the biharmonic, where it is not the Laplacian's square.
    """

    coordinates: tuple[str, ...]
    fields: tuple[str, ...]
    unknowns: tuple[str, ...] = ()
    derived: tuple[str, ...] = ()
    operators: Mapping[str, Operator] = field(default_factory=dict)
    space: tuple[str, ...] = ()
    depends: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    elsewhere: tuple[str, ...] = ()
    directions: int = 0
    laplacians: tuple[Operator, ...] = ()

    RESERVED = (
        "residual",
        "training",
        "network",
        "config",
        "points",
        "page",
        "plot",
        "diagnosis",
        "VTKHDF",
        "node",
        "mesh",
        "cells",
        "cell",
        "corner",
        "inside",
        "beyond",
        "reference",
        "error",
        "estimate",
        "band",
        "unknowns",
        "results",
        "jacobian",
        "hessian",
        "self",
        "on",
        "where",
        "of",
    )

    def __post_init__(self) -> None:
        names = [*self.coordinates, *self.fields, *self.unknowns, *self.derived, *self.elsewhere]
        for name in names:
            if name in self.RESERVED:
                raise UserError(f"{name!r} cannot name a field or coordinate: it is reserved; call it something else")
            if not name.isidentifier() or iskeyword(name):
                raise UserError(
                    f"a name must be a Python identifier, got {name!r}; try letters, digits and underscores"
                )
            if names.count(name) > 1:
                raise UserError(f"{name!r} is named twice among coordinates, fields, unknowns and derived; rename one")
        for name in (*self.fields, *self.unknowns, *self.derived, *self.elsewhere):
            if "_" in name and (self._normal_derivative(name) or self._derivative(name)) is not None:
                raise UserError(
                    f"{name!r} reads as a derivative of {name.rpartition('_')[0]!r}; rename it, without the underscore"
                )

    @property
    def value(self) -> Symbol:
        """The symbol of the quantity itself: no derivative."""
        return Symbol((0,) * (len(self.coordinates) + self.directions))

    def gradient(self, base: str) -> list[str]:
        """The names of its slopes along the coordinates that there are normals along."""
        return [f"{base}_{coordinate}" for coordinate in self.space or self.coordinates]

    def resolve(self, name: str, where: str) -> Quantity:
        """What `name` means; raises a `UserError` that lists the known names. `where` is for the message."""
        if name in self.coordinates:
            return Quantity("coordinate", name)
        if name in self.fields or name in self.derived:
            return Quantity("derivative", name, self.value)
        if name in self.unknowns:
            return Quantity("unknown", name)
        if name in self.elsewhere:
            return Quantity("elsewhere", name)
        if name in ("jacobian", "hessian"):
            return Quantity(name)
        if name.startswith("normal_") and name.removeprefix("normal_") in self.coordinates:
            return Quantity("normal", name.removeprefix("normal_"))
        quantity = self._operator(name) or self._normal_derivative(name) or self._derivative(name)
        if quantity is None:
            raise UserError(self._explain(name, where))
        self._check_dependence(quantity, name, where)
        return quantity

    def _check_dependence(self, quantity: Quantity, name: str, where: str) -> None:
        """Raises UserError for a derivative along a coordinate that the field is no function of: it is zero."""
        own = self.depends.get(quantity.base, self.coordinates)
        along: list[str] = []
        if quantity.kind == "normal derivative" and not set(own) & set(self.space or self.coordinates):
            along = list(self.space or self.coordinates)
        elif quantity.symbol is not None:
            orders = zip(self.coordinates, quantity.symbol.orders, strict=False)
            along = [coordinate for coordinate, order in orders if order and coordinate not in own]
        if along:
            raise UserError(
                f"{name!r} in {where} is zero: {quantity.base} is a function of {', '.join(own)} and not of "
                f"{', '.join(along)}; leave it out"
            )

    def _operator(self, name: str) -> Quantity | None:
        prefix, _, base = name.partition("_")
        if base not in self.fields and base not in self.derived:
            return None
        if prefix in self.operators:
            return Quantity("derivative", base, self.value.applied(self.operators[prefix]))
        if prefix == "biharmonic" and "laplacian" in self.operators:
            first, second = self.laplacians or (self.operators["laplacian"],) * 2
            return Quantity("derivative", base, self.value.applied(first).applied(second))
        return None

    def _normal_derivative(self, name: str) -> Quantity | None:
        base, _, suffix = name.rpartition("_")
        known = suffix == "normal" and (base in self.fields or base in self.derived)
        return Quantity("normal derivative", base) if known else None

    def _derivative(self, name: str) -> Quantity | None:
        base, _, suffix = name.rpartition("_")
        if base not in self.fields and base not in self.derived:
            return None
        parsed = parse_suffix(suffix, self.coordinates)
        if parsed is None:
            return None
        along = Symbol((*(parsed.count(c) for c in self.coordinates), *(0,) * self.directions))
        return Quantity("derivative", base, along)

    def _explain(self, name: str, where: str) -> str:
        base, _, suffix = name.rpartition("_")
        known = f"fields are {', '.join(self.fields)}; coordinates are {', '.join(self.coordinates)}"
        others = [*self.unknowns, *self.derived, *self.elsewhere]
        if others:
            known += f"; also known: {', '.join(others)}"
        if base in self.fields or base in self.derived:
            count = len(readings(suffix, self.coordinates))
            if count > 1:
                return f"{name!r} in {where}: {suffix!r} reads in {count} ways as coordinates; {known}"
            strange = _unread(suffix, self.coordinates)
            return f"{name!r} in {where}: no coordinate {strange!r}; {known}"
        return f"{name!r} in {where}: not a name this problem knows{self._meant(name)}; {known}"

    def _meant(self, name: str) -> str:
        """The name that was probably meant: the derivative without its underscore, or one that is spelled nearly so."""
        bases = sorted((*self.fields, *self.derived), key=len, reverse=True)
        parsed = [
            f"{b}_{name[len(b) :]}" for b in bases if name.startswith(b) and self._derivative(f"{b}_{name[len(b) :]}")
        ]
        names = (*self.coordinates, *self.fields, *self.unknowns, *self.derived, *self.elsewhere)
        near = parsed or difflib.get_close_matches(name, names, 1)
        return f"; did you mean {near[0]!r}?" if near else ""


def readings(suffix: str, coordinates: Sequence[str]) -> list[tuple[str, ...]]:
    """All the ways to cut `suffix` into coordinate names; a name's digits are read greedily (x1, x10)."""
    if not suffix:
        return [()]
    cuts = []
    for name in coordinates:
        rest = suffix.removeprefix(name)
        cut_in_number = rest and rest[0].isdigit() and name[-1].isdigit()
        if suffix.startswith(name) and not cut_in_number:
            cuts += [(name, *tail) for tail in readings(rest, coordinates)]
    return cuts


def _unread(suffix: str, coordinates: Sequence[str]) -> str:
    """What in a suffix is no coordinate, a letter once: `y` of `yy` or `xy` where there is x alone; else all of it."""
    left = suffix
    for name in sorted(coordinates, key=len, reverse=True):
        left = left.replace(name, "")
    return "".join(dict.fromkeys(left)) or suffix


def parse_suffix(suffix: str, coordinates: Sequence[str]) -> tuple[str, ...] | None:
    """The coordinates in a derivative's suffix, or None where it does not parse or parses in several ways."""
    cuts = readings(suffix, coordinates) if suffix else []
    return cuts[0] if len(cuts) == 1 else None
