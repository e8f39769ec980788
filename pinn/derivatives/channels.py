"""Which derivatives a jet carries, and the rules of products and compositions on them.

The chain rule of any order is found by differentiating symbolically, once per set of channels: an expression is a sum
of products of factors, and each factor knows its own derivatives (Faa di Bruno's formula; for an operator carried as
one channel, the collapsed form of arXiv 2505.13644).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache

from pinn.derivatives.names import Operator, Symbol

# A factor is ("s", k), the k-th derivative of the outer function, or (variable, symbol), a derivative of an argument.
Factor = tuple[str, int | Symbol]
Product = tuple[Factor, ...]
Expression = dict[Product, float]


def _order(factor: Factor) -> tuple:
    variable, what = factor
    return (variable, what) if isinstance(what, int) else (variable, what.order, what.orders, what.operators)


@dataclass(frozen=True)
class _Calculus:
    """Differentiation of expressions in d coordinates."""

    d: int

    def unit(self, i: int) -> Symbol:
        return Symbol(tuple(int(j == i) for j in range(self.d)))

    def first(self, factor: Factor, i: int) -> Expression:
        """d_i of one factor."""
        variable, what = factor
        if isinstance(what, int):
            return {(("s", what + 1), ("z", self.unit(i))): 1.0}
        return {((variable, what.differentiated(i)),): 1.0}

    def second(self, factor: Factor, operator: Operator) -> Expression:
        """A second-order operator on one factor."""
        variable, what = factor
        if isinstance(what, Symbol):
            return {((variable, what.applied(operator)),): 1.0}
        terms: Expression = {(("s", what + 1), ("z", Symbol((0,) * self.d, (operator,)))): 1.0}
        for i, j, coefficient in operator:
            product = (("s", what + 2), ("z", self.unit(i)), ("z", self.unit(j)))
            terms[product] = terms.get(product, 0.0) + coefficient
        return terms

    def differentiate(self, expression: Expression, i: int) -> Expression:
        """d_i of an expression, by the product rule."""
        total: Expression = {}
        for product, coefficient in expression.items():
            for at, factor in enumerate(product):
                rest = product[:at] + product[at + 1 :]
                _accumulate(total, rest, self.first(factor, i), coefficient)
        return total

    def apply(self, expression: Expression, operator: Operator) -> Expression:
        """A(f g) = (A f) g + f (A g) + sum_ij a_ij (d_i f d_j g + d_i g d_j f), for any number of factors."""
        total: Expression = {}
        for product, coefficient in expression.items():
            for at, factor in enumerate(product):
                rest = product[:at] + product[at + 1 :]
                _accumulate(total, rest, self.second(factor, operator), coefficient)
                for other in range(len(product)):
                    if other == at:
                        continue
                    remaining = tuple(f for k, f in enumerate(product) if k not in (at, other))
                    for i, j, weight in operator:
                        for left, scale in self.first(factor, i).items():
                            right = self.first(product[other], j)
                            _accumulate(total, remaining + left, right, coefficient * weight * scale)
        return total

    def expand(self, start: Expression, symbol: Symbol) -> Expression:
        """The derivative `symbol` of the expression `start`."""
        expression = start
        for operator in symbol.operators:
            expression = self.apply(expression, operator)
        for i, order in enumerate(symbol.orders):
            for _ in range(order):
                expression = self.differentiate(expression, i)
        return expression


def _accumulate(total: Expression, rest: Product, terms: Expression, coefficient: float) -> None:
    for product, weight in terms.items():
        key = tuple(sorted(rest + product, key=_order))
        total[key] = total.get(key, 0.0) + coefficient * weight


def chain_rule(symbol: Symbol) -> Expression:
    """The derivative `symbol` of s(z) in terms of s^(k)(z) and the derivatives of z."""
    return _Calculus(len(symbol.orders)).expand({(("s", 0),): 1.0}, symbol)


def product_rule(symbol: Symbol) -> Expression:
    """The derivative `symbol` of f g in terms of the derivatives of f and of g."""
    value = Symbol((0,) * len(symbol.orders))
    return _Calculus(len(symbol.orders)).expand({(("f", value), ("g", value)): 1.0}, symbol)


@dataclass(frozen=True)
class Channels:
    """A set of derivatives closed under the chain and product rules; channel 0 is the value.

    Built by `Channels.closure`. `composition[c]` lists (k, coefficient, channels): channel c of s(z) is the sum of
    coefficient * s^(k)(z) * the product of those channels of z. `products[c]` lists (coefficient, i, j): channel c of
    f g is the sum of coefficient * f_i * g_j.
    """

    symbols: tuple[Symbol, ...]

    @staticmethod
    def closure(symbols: Iterable[Symbol], d: int) -> "Channels":
        """The smallest closed set that holds `symbols`, in d coordinates."""
        return _closure(frozenset(symbols), d)

    def __len__(self) -> int:
        return len(self.symbols)

    @cached_property
    def index(self) -> dict[Symbol, int]:
        return {symbol: c for c, symbol in enumerate(self.symbols)}

    @cached_property
    def d(self) -> int:
        return len(self.symbols[0].orders)

    @cached_property
    def slopes(self) -> dict[int, int]:
        """Coordinate -> the channel of the first derivative along it, where that is carried."""
        units = (Symbol(tuple(int(j == i) for j in range(self.d))) for i in range(self.d))
        return {i: self.index[unit] for i, unit in enumerate(units) if unit in self.index}

    @cached_property
    def order(self) -> int:
        """The highest order of derivative carried."""
        return max(symbol.order for symbol in self.symbols)

    @cached_property
    def composition(self) -> tuple[tuple[tuple[int, float, tuple[int, ...]], ...], ...]:
        rules = []
        for symbol in self.symbols:
            terms = []
            for product, coefficient in chain_rule(symbol).items():
                k = next(what for _, what in product if isinstance(what, int))
                factors = tuple(self.index[what] for _, what in product if isinstance(what, Symbol))
                terms.append((k, coefficient, factors))
            rules.append(tuple(sorted(terms)))
        return tuple(rules)

    @cached_property
    def products(self) -> tuple[tuple[tuple[float, int, int], ...], ...]:
        rules = []
        for symbol in self.symbols:
            terms = []
            for product, coefficient in product_rule(symbol).items():
                by_variable = {variable: self.index[what] for variable, what in product if isinstance(what, Symbol)}
                terms.append((coefficient, by_variable["f"], by_variable["g"]))
            rules.append(tuple(sorted(terms)))
        return tuple(rules)


@lru_cache(maxsize=256)
def _closure(symbols: frozenset[Symbol], d: int) -> Channels:
    closed = {Symbol((0,) * d)}
    waiting = set(symbols)
    while waiting:
        symbol = waiting.pop()
        if symbol in closed:
            continue
        closed.add(symbol)
        for product in (*chain_rule(symbol), *product_rule(symbol)):
            waiting |= {what for _, what in product if isinstance(what, Symbol)} - closed
    # Within an order the highest derivative of the first coordinate comes first: u, u_x, u_t, u_xx, u_xt, u_tt.
    ordered = sorted(closed, key=lambda s: (s.order, s.operators, tuple(-k for k in s.orders)))
    return Channels(tuple(ordered))
