"""What holds where the parts of a domain meet, by one rule: no equation holds a Dirac delta or a derivative of one.

With [q] the jump of q across a border and nu its normal, a derivative d^a b of order |a| has the singular part
sum_j nu^a [d_nu^j b] delta^(|a| - 1 - j), j < |a|, where lower jumps vanish. So for every equation and every derived
quantity R, for each s from its order less one down to zero, with coefficients c_a = dR/d(d^a b):

    sum over (a, b) of  c_a nu^a [d_nu^(|a| - 1 - s) b] = 0.

u_xx gives [u] = [u_x] = 0; a flux q = k u_y in q_y gives [q] = 0, and by its own formula [u] = 0; a beam's moment
m = k w_xx in m_xx gives w, its slope, the moment and the shear force. Coefficients that jump are taken as the mean of
both sides (Vol'pert's product), so that k u_xx + k_x u_x gives [k u_x] = 0, too.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from typing import Any

import torch
from torch import Tensor

from pinn.derivatives.numpy_calls import called
from pinn.domains.base import Domain
from pinn.domains.charts import Draw
from pinn.domains.region import Region
from pinn.problem import Problem
from pinn.sampling.given import GivenRegion
from pinn.sampling.points import Points
from pinn.terms.base import Equation, Term
from pinn.trial.borders import Borders
from pinn.trial.parts import Formula, Parts, standing

LABEL = "interface"  # of the region
NORMAL = "border's normal {}"  # column: along a coordinate scaled to [-1, 1]
FAINT = 1e-8  # share of a condition's size on borders of any direction, below which it says nothing on this one
PLACES = 200  # where sizes of derived quantities are measured, in each part


@dataclass(frozen=True)
class BorderRegion(GivenRegion):
    """Points on both sides of the borders, those above first: a row is a jump."""

    __eq__ = object.__eq__
    __hash__ = object.__hash__
    borders: Borders = field(default_factory=lambda: Borders(lambda x: x, ()))
    names: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        return LABEL

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(NORMAL.format(name) for name in self.names)

    def points(self, domain: Domain, draw: Draw) -> Points:
        x, normal = self.borders.points(domain, draw)
        both = torch.cat([normal, normal])
        columns = {column: both[:, k] for k, column in enumerate(self.columns)}
        return Points(x, per_row=2, columns=columns)


@dataclass(frozen=True)
class Addend:
    """A part of a formula's singularity: argument by number, weight of d^orders b in it, and j of [d_nu^j b]."""

    argument: int
    weight: float
    base: str
    orders: tuple[int, ...]
    j: int


class Interfaces(Term):
    """The conditions at the borders of a problem's parts, each in its natural size.

    scales: field -> size, 1 where not named; a derived quantity's is measured.
    """

    def __init__(self, problem: Problem, parts: Parts, scales: Mapping[str, float]) -> None:
        self.problem = problem
        self.parts = parts
        bounds = problem.domain.bounds.values()
        self.half = [0.5 * (upper - lower) for lower, upper in bounds]
        self.sizes = {name: scales.get(name, 1.0) for name in problem.vocabulary.fields}
        for formula in parts.keys.formulas:
            if formula.is_derived and formula.name not in self.sizes:
                self.sizes[formula.name] = self._measured(formula)

    def region(self, domain: Domain) -> Region:
        return BorderRegion(borders=Borders(self.parts, tuple(self.parts.faces)), names=self.problem.coordinates)

    def equations(self) -> dict[str, Equation]:
        return self._equations

    @cached_property
    def _equations(self) -> dict[str, Equation]:
        alone: dict[tuple[str, int], list[tuple[Formula, list[Addend]]]] = {}
        together: dict[str, Equation] = {}
        for formula in self.parts.keys.formulas:
            for addends in self._levels(formula):
                pairs = {(addend.base, addend.j) for addend in addends}
                if len(pairs) == 1:
                    alone.setdefault(pairs.pop(), []).append((formula, addends))
                else:
                    bases = dict.fromkeys(a.base for a in addends)
                    name = "+".join(
                        f"{base}{'_normal' * max(a.j for a in addends if a.base == base)}" for base in bases
                    )
                    while name in together:
                        name += "'"
                    together[name] = self._equation(name, [(formula, addends)])
        continuous = {}
        for (base, j), sources in sorted(
            alone.items(), key=lambda item: (item[0][1], item[0][0] in self.problem.derived)
        ):
            name = base + "_normal" * j
            continuous[name] = self._equation(name, sources)
        return continuous | together

    def _levels(self, formula: Formula) -> Iterator[list[Addend]]:
        """The addends of each of a formula's singularities, the most singular first."""
        everything = list(self._derivatives(formula))
        for s in range(max((sum(orders) for *_, orders in everything), default=0) - 1, -1, -1):
            yield [Addend(*one, sum(one[3]) - 1 - s) for one in everything if sum(one[3]) > s]

    def _derivatives(self, formula: Formula) -> Iterator[tuple[int, float, str, tuple[int, ...]]]:
        """Argument by number, weight, base and orders of the plain derivatives that a formula holds."""
        for k, name in enumerate(formula.equation.arguments):
            quantity = self.problem.vocabulary.resolve(name, formula.name)
            if quantity.symbol is not None and quantity.kind == "derivative":
                for symbol, weight in quantity.symbol.expanded().items():
                    yield k, weight, quantity.base, symbol.orders

    def _equation(self, name: str, sources: Sequence[tuple[Formula, list[Addend]]]) -> Equation:
        """Of one formula's singularity, or the jump of one quantity that several formulas ask for."""
        columns = [NORMAL.format(coordinate) for coordinate in self.problem.coordinates]
        pairs = dict.fromkeys((addend.base, addend.j) for _, addends in sources for addend in addends)
        derivatives = {pair: dict(self._along_normal(*pair)) for pair in pairs}
        asked = dict.fromkeys(columns)
        for formula, _ in sources:
            asked |= dict.fromkeys(formula.equation.arguments)
        asked |= {n: None for named in derivatives.values() for n in named}
        arguments = tuple(asked)

        def residual(*given: Tensor) -> Tensor:
            values = dict(zip(arguments, given, strict=True))
            normal = [values[column].chunk(2)[0] for column in columns]
            jumps = {pair: self._jump(named, values, normal) for pair, named in derivatives.items()}
            if len(pairs) > 1:
                return self._singularity(*sources[0], values, normal, jumps)
            (jump,), ((base, _),) = jumps.values(), pairs
            shares = [self._share(formula, addends, values, normal) for formula, addends in sources]
            return jump / self.sizes[base] * torch.stack(shares).amax(0)

        return Equation(residual, arguments, f"[{name}] = 0")

    def _along_normal(self, base: str, j: int) -> Iterator[tuple[str, tuple[int, ...]]]:
        """Name and orders of the derivatives that the j-th one along the normal is made of."""
        d = len(self.half)
        for orders in product(range(j + 1), repeat=d):
            if sum(orders) == j:
                suffix = "".join(c * k for c, k in zip(self.problem.coordinates, orders, strict=True))
                yield (f"{base}_{suffix}" if j else base), orders

    def _jump(
        self, named: Mapping[str, tuple[int, ...]], values: Mapping[str, Tensor], normal: Sequence[Tensor]
    ) -> Tensor:
        """[d_nu^j b], coordinates scaled to [-1, 1]."""
        total = torch.zeros_like(normal[0])
        for name, orders in named.items():
            above, below = values[name].chunk(2)
            ways = math.factorial(sum(orders)) / math.prod(map(math.factorial, orders))
            factor = ways * math.prod(h**k for h, k in zip(self.half, orders, strict=True))
            total = total + factor * _power(normal, orders) * (above - below)
        return total

    def _coefficients(self, formula: Formula, values: Mapping[str, Tensor]) -> list[Tensor]:
        """dR/d(argument), each the mean of both sides (n,)."""
        given = tuple(values[name] for name in formula.equation.arguments)

        def function(*given: Tensor) -> Tensor:
            return torch.as_tensor(called(formula.equation.function, *given)).expand(len(given[0]))

        pullback: Any = torch.func.vjp(function, *given)[1]
        slopes = pullback(torch.ones_like(given[0]))
        return [0.5 * torch.stack(slope.chunk(2)).sum(0) for slope in slopes]

    def _weights(
        self, formula: Formula, addends: Sequence[Addend], values: Mapping[str, Tensor]
    ) -> list[tuple[Addend, Tensor]]:
        """c_a of each addend for coordinates scaled to [-1, 1]."""
        slopes = self._coefficients(formula, values)
        return [
            (a, a.weight * slopes[a.argument] / math.prod(h**k for h, k in zip(self.half, a.orders, strict=True)))
            for a in addends
        ]

    def _size(self, weighed: Sequence[tuple[Addend, Tensor]], normal: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """What the addends weigh with the fields' sizes, on a border of this direction and of any."""
        own, most = torch.zeros_like(normal[0]), torch.zeros_like(normal[0])
        for addend, weight in weighed:
            size = weight.detach().abs() * self.sizes[addend.base]
            own, most = own + size * _power(normal, addend.orders).abs(), most + size
        return own, most

    def _share(
        self, formula: Formula, addends: Sequence[Addend], values: Mapping[str, Tensor], normal: Sequence[Tensor]
    ) -> Tensor:
        """1 where the formula asks for it on borders of this direction, 0 where it does not."""
        own, most = self._size(self._weights(formula, addends, values), normal)
        return own / (own + FAINT * most).clamp_min(torch.finfo(own.dtype).tiny)

    def _singularity(
        self,
        formula: Formula,
        addends: Sequence[Addend],
        values: Mapping[str, Tensor],
        normal: Sequence[Tensor],
        jumps: Mapping[tuple[str, int], Tensor],
    ) -> Tensor:
        weighed = self._weights(formula, addends, values)
        total = torch.zeros_like(normal[0])
        for addend, weight in weighed:
            total = total + weight * _power(normal, addend.orders) * jumps[addend.base, addend.j]
        own, most = self._size(weighed, normal)
        return total / (own + FAINT * most).clamp_min(torch.finfo(own.dtype).tiny)

    def _measured(self, formula: Formula) -> float:
        """The size of a derived quantity at fields of their sizes: the geometric mean of that in each part.

        Between parts in a row a flux is what the least conducting lets through, side by side the most.
        """
        generator, problem = torch.Generator().manual_seed(0), self.problem
        logarithms = []
        for number, box in enumerate(self.parts.boxes):
            x = box[:, 0] + (box[:, 1] - box[:, 0]) * torch.rand(PLACES, len(box), generator=generator).double()
            x = x[self.parts(x) == number]
            given = standing(problem, formula.equation.arguments, x, generator)
            scaled = [
                value * self._size_of(name, formula.name)
                for name, value in zip(formula.equation.arguments, given, strict=True)
            ]
            values = torch.as_tensor(called(formula.equation.function, *scaled)).double()
            size = float(values.square().mean().sqrt()) if len(x) else 0.0
            if 0 < size < math.inf:
                logarithms.append(math.log(size))
        return math.exp(sum(logarithms) / len(logarithms)) if logarithms else 1.0

    def _size_of(self, name: str, where: str) -> float:
        """The size of a named quantity where fields vary over half the domain; 1 for coordinates and unknowns."""
        quantity = self.problem.vocabulary.resolve(name, where)
        if quantity.symbol is None or quantity.kind != "derivative":
            return 1.0
        base = quantity.base
        if base not in self.sizes:
            self.sizes[base] = self._measured(next(f for f in self.parts.keys.formulas if f.name == base))
        expanded = quantity.symbol.expanded().items()
        parts = [abs(w) / math.prod(h**k for h, k in zip(self.half, s.orders, strict=True)) for s, w in expanded]
        return self.sizes[base] * math.hypot(*parts)


class Continuity(Interfaces):
    """Every field is continuous, in its size, and that alone: across lines on which kinks travel."""

    @cached_property
    def _equations(self) -> dict[str, Equation]:
        return {name: Equation(self._jump_of(size), (name,), f"[{name}] = 0") for name, size in self.sizes.items()}

    def _jump_of(self, size: float) -> Callable[[Tensor], Tensor]:
        def jump(values: Tensor) -> Tensor:
            above, below = values.chunk(2)
            return (above - below) / size

        return jump

    def _measured(self, formula: Formula) -> float:
        raise AssertionError("derived quantities have no part in it")


def _power(normal: Sequence[Tensor], orders: Sequence[int]) -> Tensor:
    """nu^orders (n,)."""
    total = torch.ones_like(normal[0])
    for component, k in zip(normal, orders, strict=True):
        if k:
            total = total * component**k
    return total
