"""The values of named quantities at points, by Taylor mode or by the torch.func reference.

Both engines see the same three things: a *field function* that maps coordinates of logical shape (n, d) to a
dict of fields of shape (n,), pointwise; the derived quantities of the problem; the names that are asked for.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import torch
from torch import Tensor
from torch.func import jacrev, vmap

from pinn.basis.errors import UserError, require
from pinn.derivatives.channels import Channels
from pinn.derivatives.composition import Pass
from pinn.derivatives.elsewhere import Elsewhere
from pinn.derivatives.jets import Fields, Jet, Values, coordinate_jet
from pinn.derivatives.names import Derived, Quantity, Symbol, Vocabulary
from pinn.derivatives.numpy_calls import called

FieldFunction = Callable[[Values], Fields]  # coordinates (n, d) to the fields (n,) by name
COMPOSITE = ("jacobian", "hessian", "normal derivative")  # kinds of quantities that are put together from others
RESIDUALS_ONLY = (*COMPOSITE, "elsewhere")  # kinds that have no derivatives


@dataclass
class Request:
    """Named quantities asked of a problem's fields; `collapse` carries operators as one channel each.

    elsewhere: the quantities of other places by name; inner: what is asked there. Raises UserError where a name means
    nothing; `where` maps a name to the place that asks for it.
    """

    vocabulary: Vocabulary
    derived: Mapping[str, Derived]
    names: tuple[str, ...]
    where: Mapping[str, str] = field(default_factory=dict)
    collapse: bool = True
    elsewhere: Mapping[str, Elsewhere] = field(default_factory=dict)
    quantities: dict[str, Quantity] = field(init=False)
    demands: dict[str, set[Symbol]] = field(init=False)
    inner: "dict[str, Request]" = field(init=False)

    def __post_init__(self) -> None:
        self.quantities = {}
        self.demands = {}
        for name in self.names:
            self._demand(name, {self.vocabulary.value}, self.where.get(name, "this request"))
        self.inner = {
            name: Request(self.vocabulary, self.derived, one.asked, dict.fromkeys(one.asked, f"{name}()"))
            for name, one in self.elsewhere.items()
            if name in self.quantities
        }
        for name, request in self.inner.items():
            nested = [other for other in request.names if request.quantities[other].kind in ("elsewhere", "normal")]
            require(not nested, f"{', '.join(nested)} in {name}(): known to residuals only; write it out")

    def _demand(self, name: str, symbols: set[Symbol], where: str) -> None:
        """Note that `name` is needed with the derivatives `symbols` of it."""
        quantity = self.quantities.setdefault(name, self.vocabulary.resolve(name, where))
        for component in self.components(quantity):
            self._demand(component, symbols, where)
        if quantity.kind != "derivative":
            return
        assert quantity.symbol is not None
        base = quantity.base
        needed = {quantity.symbol + symbol for symbol in symbols}
        if not self.collapse or not self._worth_collapsing(base, needed):
            needed = {plain for symbol in needed for plain in symbol.expanded()}
        known = self.demands.setdefault(base, set())
        if needed <= known:
            return
        known |= needed
        if base in self.derived:
            closure = set(self.channels(base).symbols)
            for argument in self.derived[base].arguments:
                self._demand(argument, closure, f"{base}()")
                require(
                    self.quantities[argument].kind not in RESIDUALS_ONLY,
                    f"{argument!r} in {base}(): known to residuals only, not to derived quantities; write it out",
                )

    def _worth_collapsing(self, base: str, needed: set[Symbol]) -> bool:
        """An operator is one channel only where its second derivatives are not carried anyway."""
        plain = {part for symbol in needed if symbol.operators for part in symbol.expanded()}
        return not plain or not plain <= self.demands.get(base, set())

    def components(self, quantity: Quantity) -> list[str]:
        """The names that a composite quantity is made of: entries row by row, or a gradient's and the normal's."""
        coordinates = self.vocabulary.coordinates
        if quantity.kind not in COMPOSITE:
            return []
        if quantity.kind == "normal derivative":
            space = self.vocabulary.space or coordinates
            return self.vocabulary.gradient(quantity.base) + [f"normal_{c}" for c in space]
        suffixes = list(coordinates)
        if quantity.kind == "hessian":
            position = {c: i for i, c in enumerate(coordinates)}
            pairs = [(a, b) for a in coordinates for b in coordinates]
            suffixes = ["".join(sorted(pair, key=position.__getitem__)) for pair in pairs]
        return [f"{u}_{suffix}" for u in self.vocabulary.fields for suffix in suffixes]

    def channels(self, base: str) -> Channels:
        """The closed set of derivatives that `base` must carry."""
        return Channels.closure(self.demands[base], len(self.vocabulary.value.orders))

    @property
    def places(self) -> int:
        """For how many places the fields are evaluated a point: itself, and those that its quantities are made of."""
        return 1 + sum(self.elsewhere[name].count for name in self.inner)

    def order(self, base: str, coordinate: int) -> int:
        """The highest derivative of `base` along a coordinate, by number, that is needed."""
        symbols = (plain for symbol in self.demands.get(base, ()) for plain in symbol.expanded())
        return max((symbol.orders[coordinate] for symbol in symbols), default=0)

    @property
    def field_channels(self) -> Channels:
        """One set for all the fields, which share the network's forward pass."""
        demanded = {s for base, symbols in self.demands.items() if base not in self.derived for s in symbols}
        return Channels.closure(demanded, len(self.vocabulary.value.orders))

    def assemble(self, value_of: Callable[[str], Tensor], points: Tensor) -> dict[str, Tensor]:
        """The asked-for names, composite ones put together from their entries."""
        n, m, d = len(points), len(self.vocabulary.fields), len(self.vocabulary.coordinates)
        assembled = {}
        for name in self.names:
            quantity = self.quantities[name]
            entries = [value_of(entry) for entry in self.components(quantity)]
            if quantity.kind == "normal derivative":
                gradient, normal = entries[: len(entries) // 2], entries[len(entries) // 2 :]
                assembled[name] = torch.stack([g * n_i for g, n_i in zip(gradient, normal, strict=True)]).sum(0)
            elif entries:
                axes = [d] if quantity.kind == "jacobian" else [d, d]
                assembled[name] = torch.stack(entries, -1).reshape(n, m, *axes)
            else:
                assembled[name] = value_of(name)
        return assembled


@dataclass
class Given:
    """What a residual may use besides the fields: unknowns by name, the normal (n, d) on a boundary.

    curves: of an unknown whose parameter is another number, the function from that, elementwise.
    elsewhere: quantities of other places by name, each (n,). directions: as of `coordinate_jet`.
    """

    unknowns: Mapping[str, Tensor] = field(default_factory=dict)
    normal: Tensor | None = None
    curves: Mapping[str, Callable[[Tensor], Tensor]] = field(default_factory=dict)
    elsewhere: Mapping[str, Tensor] = field(default_factory=dict)
    directions: Tensor | None = None


def taylor(
    request: Request, fields: FieldFunction, points: Tensor, given: Given, tape: Pass | None = None
) -> dict[str, Tensor]:
    """Named quantities at points (n, d) by Taylor mode: one forward pass of jets; each result has shape (n,)."""
    coordinates = coordinate_jet(points, request.field_channels, tape, given.directions)
    bases = dict(fields(coordinates)) if request.demands else {}
    return request.assemble(_AtPoints(request, points, given, tape, bases).value, points)


@dataclass
class _AtPoints:
    """Named quantities at points (n, d), as jets. bases: those of the fields, and of derived quantities once used.

    A class, and not functions that call each other: these would keep the jets until the garbage collector comes.
    """

    request: Request
    points: Tensor
    given: Given
    tape: Pass | None
    bases: Fields

    def value(self, name: str) -> Tensor:
        quantity = self.jet(name, Channels.closure((), len(self.request.vocabulary.value.orders)))
        return quantity.value if isinstance(quantity, Jet) else quantity

    def jet(self, name: str, channels: Channels) -> Values:
        quantity, points = self.request.quantities[name], self.points
        if quantity.kind == "coordinate":
            i = self.request.vocabulary.coordinates.index(name)
            return coordinate_jet(points, channels, self.tape, self.given.directions)[:, i]
        if quantity.kind != "derivative":
            value = _given_value(quantity, self.request, self.given, points, self.tape)
            if self.tape is None or len(channels) == 1 or not value.requires_grad:
                return value
            zeros = value.new_zeros(len(channels) - 1, len(points))
            return Jet(torch.cat([value.unsqueeze(0), zeros]), channels, self.tape)  # is spread over the points already
        jet = self.base(quantity.base)
        assert quantity.symbol is not None
        if not isinstance(jet, Jet):  # a field that the ansatz made constant, a derived quantity of constant pieces
            value = torch.as_tensor(jet, dtype=points.dtype, device=points.device).expand(len(points))
            return torch.zeros_like(value) if quantity.symbol.order else value
        symbols = [quantity.symbol + other for other in channels.symbols]
        if any(symbol not in jet.channels.index for symbol in symbols):
            return Jet(torch.stack([_combined(jet, symbol) for symbol in symbols]), channels, self.tape)
        return jet.differentiated(quantity.symbol, channels)

    def base(self, name: str) -> Values:
        """A field or derived quantity itself."""
        if name not in self.bases:
            derived, channels = self.request.derived[name], self.request.channels(name)
            arguments = [self.jet(argument, channels) for argument in derived.arguments]
            if len(channels) == 1:
                arguments = [a.value if isinstance(a, Jet) else a for a in arguments]
                result = called(derived.function, *arguments)
                self.bases[name] = Jet(result.unsqueeze(0), channels, self.tape)
            else:
                self.bases[name] = called(derived.function, *arguments)
        return self.bases[name]


def _combined(jet: Jet, symbol: Symbol) -> Tensor:
    """A derivative that is not a channel itself, from the plain derivatives that are."""
    if symbol in jet.channels.index:
        return jet.derivative(symbol)
    terms = [w * jet.derivative(part) for part, w in symbol.expanded().items()]
    return torch.stack(terms).sum(0)


def _given_value(quantity: Quantity, request: Request, given: Given, points: Tensor, tape: Pass | None) -> Tensor:
    if quantity.kind == "unknown":
        unknown, curve = given.unknowns[quantity.base], given.curves.get(quantity.base)
        spread = tape is not None and unknown.requires_grad
        values = (tape.spread(unknown, 1) if tape is not None and spread else unknown).expand(len(points))
        return values if curve is None else curve(values)
    if quantity.kind == "elsewhere":
        return given.elsewhere[quantity.base]
    if given.normal is None:
        raise UserError(f"normal_{quantity.base} is known on a boundary only; ask for it in a boundary condition")
    return given.normal[:, request.vocabulary.coordinates.index(quantity.base)]


def reverse(request: Request, fields: FieldFunction, points: Tensor, given: Given) -> dict[str, Tensor]:
    """The same by torch.func: vmap(jacrev(...)), Hessians by jacrev of jacrev, higher orders by nesting."""
    quantities = request.quantities
    # those that only derived quantities need are not among them
    asked = {*request.names, *(entry for name in request.names for entry in request.components(quantities[name]))}
    wanted = [name for name in quantities if name in asked and quantities[name].kind in ("coordinate", "derivative")]

    def at_point(x: Tensor, normal: Tensor) -> dict[str, Tensor]:
        here = replace(given, normal=None if given.normal is None else normal.unsqueeze(0))
        return _AtPoint(request, fields, here).all_at_once(wanted, x)

    normals = torch.zeros_like(points) if given.normal is None else given.normal
    values = vmap(at_point)(points, normals) if wanted else {}

    def value_of(name: str) -> Tensor:
        if name in values:
            return values[name]
        return _given_value(quantities[name], request, given, points, None)

    return request.assemble(value_of, points)


@dataclass
class _AtPoint:
    """Named quantities as functions of one point x (d,)."""

    request: Request
    fields: FieldFunction
    given: Given

    def scalar(self, name: str, x: Tensor) -> Tensor:
        """Any named quantity."""
        quantity = self.request.quantities[name]
        if quantity.kind == "coordinate":
            return x[self.request.vocabulary.coordinates.index(name)]
        if quantity.kind != "derivative":
            return _given_value(quantity, self.request, self.given, x.unsqueeze(0), None)[0]
        assert quantity.symbol is not None
        return _partial(partial(self.base, quantity.base), quantity.symbol)(x)

    def base(self, name: str, x: Tensor) -> Tensor:
        """A field or derived quantity itself."""
        if name in self.request.derived:
            derived = self.request.derived[name]
            return called(derived.function, *(self.scalar(argument, x) for argument in derived.arguments))
        values = self.fields(x.unsqueeze(0))[name]
        return torch.as_tensor(values, dtype=x.dtype, device=x.device).reshape(())

    def all_at_once(self, names: Sequence[str], x: Tensor) -> dict[str, Tensor]:
        """The named quantities; derivatives to second order of one base share their nested jacrev."""
        quantities, values = self.request.quantities, {}
        for base in dict.fromkeys(quantities[name].base for name in names):
            mine = {n: q.symbol for n in names if (q := quantities[n]).base == base and q.symbol is not None}
            order = max((part.order for symbol in mine.values() for part in symbol.expanded()), default=-1)
            if 1 <= order <= 2:
                tensors = _derivative_tensors(partial(self.base, base), x, order)
                for name, symbol in mine.items():
                    parts = [w * tensors[s.order][_positions(s)] for s, w in symbol.expanded().items()]
                    values[name] = torch.stack(parts).sum()
        return {name: values[name] if name in values else self.scalar(name, x) for name in names}


def _derivative_tensors(f: Callable[[Tensor], Tensor], x: Tensor, order: int) -> list[Tensor]:
    """[f, Jacobian, Hessian][: order + 1] at x, from one nest of jacrev."""

    def with_value(y: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        value = f(y)
        return value, (value,)

    def differentiated(g: Callable) -> Callable:
        def with_derivative(y: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
            derivative, lower = jacrev(g, has_aux=True)(y)
            return derivative, (*lower, derivative)

        return with_derivative

    nested: Callable = with_value
    for _ in range(order):
        nested = differentiated(nested)
    return list(nested(x)[1])


def _positions(symbol: Symbol) -> tuple[int, ...]:
    return tuple(i for i, order in enumerate(symbol.orders) for _ in range(order))


def _partial(f: Callable[[Tensor], Tensor], symbol: Symbol) -> Callable[[Tensor], Tensor]:
    """The derivative `symbol` of a scalar function of one point (d,), by nested jacrev."""
    if symbol.operators:
        operator, rest = symbol.operators[0], Symbol(symbol.orders, symbol.operators[1:])

        def applied(x: Tensor) -> Tensor:
            hessian = jacrev(jacrev(f))(x)
            return torch.stack([w * hessian[i, j] for i, j, w in operator]).sum()

        return _partial(applied, rest)
    for i in _positions(symbol):
        f = _differentiated_in(f, i)
    return f


def _differentiated_in(f: Callable[[Tensor], Tensor], i: int) -> Callable[[Tensor], Tensor]:
    return lambda x: jacrev(f)(x)[i]
