"""Parts of a domain between the lines on which what is not smooth in the data travels, in hyperbolic equations.

Of a field of one coordinate of space and of time with constant coefficients of its highest derivatives, a kink of the
data, or a corner where they disagree, goes on along lines dx/dt = c, the roots of the equations' symbol, and is thrown
back where these meet a side. Between the lines the field is smooth; across them it is continuous, and that alone, with
the equations on both sides, determines it (Courant & Hilbert 1962, Methods of Mathematical Physics II, chapter V).
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pinn.ansatz.corners import Disagreement, disagreements
from pinn.ansatz.prescriptions import Prescription, prescriptions
from pinn.basis.errors import UserError
from pinn.basis.logs import logger
from pinn.derivatives.breaks import largest_break
from pinn.derivatives.numpy_calls import called
from pinn.problem import Problem
from pinn.terms.base import Equation
from pinn.trial.parts import Formula, Grid, Parts, find_parts, formulas, standing

MOST, MOST_LINES, MOST_BREAKS = 40, 16, 8  # parts, lines, and breaks of one side's data
PLACES = 16  # where coefficients are looked at
SAME = 1e-9  # relative difference of coefficients that are constant, and of the domain's extent between two sources
APART = 1e-6  # of a side's length, from a break to where others are looked for
DIFFERENT = 1e-6  # relative difference of two rates that are not the same
KINK = 1  # the order of the derivative that jumps there


@dataclass(frozen=True)
class Line:
    """Of all points from (x, t) on at a speed dx/dt."""

    x: float
    t: float
    speed: float


@dataclass(frozen=True)
class Sides:
    """On which side of each line points (n, d) are, as numbers (n, lines): the keys of `Parts`."""

    problem: Problem
    lines: tuple[Line, ...]

    @cached_property
    def formulas(self) -> list[Formula]:
        return formulas(self.problem)

    def __call__(self, x: Tensor) -> Tensor:
        place, time = _numbers(self.problem)
        offsets = [x[:, place] - line.x - line.speed * (x[:, time] - line.t) for line in self.lines]
        return (torch.stack(offsets, 1) > 0.0).to(x)


class Characteristics(Parts):
    """The parts between lines on which kinks travel. sources: where these begin, as (x, t)."""

    reason = "kinks travel"

    def __init__(self, keys: Sides, table: Tensor, grid: Grid, sources: list[tuple[float, float]]) -> None:
        self.sources = sources
        numbers = torch.arange(len(table))
        super().__init__(keys, table, numbers, grid, numbers[:, None].expand(-1, math.prod(grid.shape)))

    @property
    def told(self) -> str:
        place, time = _numbers(self.keys.problem)
        x, t = self.keys.problem.coordinates[place], self.keys.problem.coordinates[time]
        shown = "; ".join(f"{x} = {a:.4g}, {t} = {b:.4g}" for a, b in self.sources[:3])
        return f"{self.count} parts between lines from {shown}{'; ...' * (len(self.sources) > 3)}"


def parts_of(problem: Problem) -> Parts | None:
    """The parts between which coefficients jump or, where they do not, those between which kinks travel."""
    return find_parts(problem) or find_characteristics(problem)


def find_characteristics(problem: Problem) -> Characteristics | None:
    """The parts of a problem's domain between characteristics; None where it has no kinks, or they do not travel so.

    The same at each call, so that a solution's file need not hold them.
    """
    domain = problem.domain
    whole = all(own == problem.coordinates for own in problem.field_coordinates.values())
    if domain.time is None or len(problem.coordinates) != 2 or not domain.is_box or not whole or problem.elsewhere:
        return None
    try:
        principal = _principal(problem)
        sources = _sources(problem, principal) if principal else []
    except UserError:
        return None  # told where the equations are evaluated
    except Exception as error:  # of the user's code, which is not asked with these values elsewhere
        logger.info("kinks that travel are not looked for: %s: %s", type(error).__name__, error)
        return None
    lines = _lines(problem, sources, principal.speeds) if principal else []
    if not lines:
        return None
    grid, keys = Grid.of(domain), Sides(problem, tuple(lines))
    table = torch.unique(keys(grid.nodes), dim=0)  # sorted: always the same
    return Characteristics(keys, table, grid, sources) if 1 < len(table) <= MOST else None


def _numbers(problem: Problem) -> tuple[int, int]:
    """The numbers of the coordinates of space and of time."""
    time = problem.coordinates.index(problem.domain.time or "")
    return 1 - time, time


@dataclass(frozen=True)
class Principal:
    """The highest derivatives of hyperbolic equations with constant coefficients: one of order 1 or 2, or several of 1.

    of_rates: (fields, fields), the coefficients of the highest derivatives in time. speeds: dx/dt of the lines.
    """

    order: int
    of_rates: NDArray
    speeds: tuple[float, ...]


def _principal(problem: Problem) -> Principal | None:
    """None where coefficients vary or hang on fields, or the equations are not hyperbolic."""
    fields, (_, time) = problem.vocabulary.fields, _numbers(problem)
    equations = [f.equation for f in formulas(problem) if not f.is_derived]
    if len(equations) != len(fields) or problem.derived or problem.unknowns:
        return None
    symbols = [_symbol(problem, equation) for equation in equations]
    order = max(_order(symbol) for symbol in symbols)
    if any(_order(symbol) != order for symbol in symbols) or order not in ((1, 2) if len(fields) == 1 else (1,)):
        return None
    matrices = np.zeros((order + 1, len(fields), len(fields)))  # by order in time
    for row, symbol in enumerate(symbols):
        for (base, orders), coefficient in symbol.items():
            if sum(orders) == order:
                if not float(coefficient.max() - coefficient.min()) <= SAME * float(coefficient.abs().max()):
                    return None
                matrices[orders[time], row, fields.index(base)] += float(coefficient[0])
    if np.linalg.matrix_rank(matrices[order]) < len(fields):
        return None
    if order == 2:
        roots = np.roots(matrices[::-1, 0, 0] * [1.0, -1.0, 1.0])
    else:
        roots = np.linalg.eigvals(np.linalg.solve(matrices[1], matrices[0]))
    if np.abs(np.imag(roots)).max() > SAME * np.abs(roots).max():
        return None
    return Principal(order, matrices[order], tuple(sorted({float(root) for root in np.real(roots)})))


Symbol = dict[tuple[str, tuple[int, ...]], Tensor]


def _order(symbol: Symbol) -> int:
    return max((sum(orders) for _, orders in symbol), default=0)


def _symbol(problem: Problem, equation: Equation) -> Symbol:
    """(field, orders) -> dr/d(derivative) (n,) at some places, with fields of any size there."""
    generator = torch.Generator().manual_seed(0)
    lower, upper = torch.tensor(list(problem.domain.bounds.values()), dtype=torch.float64).T
    x = lower + (upper - lower) * torch.rand(PLACES, len(lower), generator=generator, dtype=torch.float64)
    given = tuple(standing(problem, equation.arguments, x, generator))

    def function(*given: Tensor) -> Tensor:
        return torch.as_tensor(called(equation.function, *given)).expand(PLACES)

    slopes = torch.func.vjp(function, *given)[1](torch.ones(PLACES, dtype=torch.float64))
    found: Symbol = {}
    for name, slope in zip(equation.arguments, slopes, strict=True):
        quantity = problem.vocabulary.resolve(name, equation.name)
        if quantity.symbol is not None and quantity.kind == "derivative":
            for one, weight in quantity.symbol.expanded().items():
                key = quantity.base, one.orders
                found[key] = found.get(key, torch.zeros_like(slope)) + weight * slope
    return found


def _sources(problem: Problem, principal: Principal) -> list[tuple[float, float]]:
    """Where the data have kinks, or disagree in a corner, as (x, t); none where that is hardly to be seen."""
    kept = prescriptions(problem).kept
    found = [one for p in kept if p.place.coordinate is not None and callable(p.value) for one in _breaks(problem, p)]
    found += [one for d in disagreements(problem, kept) if not d.is_slight for one in _corner(problem, d)]
    found += _other_rates(problem, kept, principal)
    if all(order > KINK for order, *_ in found) and principal.order > 1:
        return []
    if found and principal.order == 1:  # derivatives of rates may differ there, too
        (begin, _), (low, high) = (list(problem.domain.bounds.values())[k] for k in reversed(_numbers(problem)))
        found += [(KINK + 1, low, begin), (KINK + 1, high, begin)]
    return list(dict.fromkeys((x, t) for _, x, t in found))


Source = tuple[int, float, float]  # order of the field's derivative that jumps, and where: x, t


def _breaks(problem: Problem, p: Prescription) -> Iterator[Source]:
    """The breaks of the data on an end of a coordinate, up to jumps of the field's second derivative."""
    place, time = _numbers(problem)
    bounds = list(problem.domain.bounds.values())
    at_start = p.place.coordinate == problem.domain.time
    along, across = (place, time) if at_start else (time, place)
    fixed = bounds[across][p.place.end == "max"]

    def values(x: Tensor) -> Tensor:
        columns = {name: x[:, i] for i, name in enumerate(problem.coordinates)}
        return torch.as_tensor(p(columns), dtype=torch.float64).expand(len(x))

    def within(low: float, high: float, left: int) -> Iterator[tuple[int, float]]:
        ends = torch.zeros(2, 1, 2, dtype=torch.float64)
        ends[..., across], ends[0, 0, along], ends[1, 0, along] = fixed, low, high
        orders = range(1, KINK + 3 - p.order) if left else ()  # of a place the lowest derivative that jumps
        breaks = (largest_break(values, ends[0], ends[1], count) for count in orders)
        found = next((one for one in breaks if one is not None), None)
        if found is not None:
            at, gap = found.place[along], APART * (bounds[along][1] - bounds[along][0])
            yield found.order + p.order, at
            if low < at - gap:
                yield from within(low, at - gap, left // 2)
            if at + gap < high:
                yield from within(at + gap, high, left // 2)

    for order, at in within(*bounds[along], MOST_BREAKS):
        yield (order, at, fixed) if at_start else (order, fixed, at)


def _corner(problem: Problem, one: Disagreement) -> Iterator[Source]:
    """The corner at the beginning of time where data disagree."""
    ends = {p.place.coordinate: p.place.end for p in one.prescriptions}
    bounds, (place, time) = list(problem.domain.bounds.values()), _numbers(problem)
    if ends.get(problem.domain.time) == "min":
        end = ends.get(problem.coordinates[place], "min") == "max"
        yield sum(p.order for p in one.prescriptions), bounds[place][end], bounds[time][0]


def _other_rates(problem: Problem, kept: list[Prescription], principal: Principal) -> Iterator[Source]:
    """The corners where data of a side do not begin as the equations have it, by what holds at the beginning."""
    (place, time), bounds, order = _numbers(problem), list(problem.domain.bounds.values()), principal.order
    x_name, t_name = problem.coordinates[place], problem.coordinates[time]
    at_start = {(p.field, p.order): p for p in kept if p.place.coordinate == t_name and p.place.end == "min"}
    equations = [f.equation for f in formulas(problem)]
    if set(at_start) != {(name, k) for name in problem.vocabulary.fields for k in range(order)}:
        return
    for end in ("min", "max"):
        corner = {x_name: bounds[place][end == "max"], t_name: bounds[time][0]}
        on_side = {p.field: p for p in kept if p.order == 0 and p.place.coordinate == x_name and p.place.end == end}
        known = dict(corner)
        for (name, k), p in at_start.items():
            for j, value in enumerate(_derivatives(p, corner, x_name, order - k)):
                letters = {x_name * j + t_name * k, t_name * k + x_name * j}
                known |= {f"{name}_{one}" if one else name: value for one in letters}
        known |= {f"{name}_{t_name * order}": 0.0 for name in problem.vocabulary.fields}
        if any(name not in known for equation in equations for name in equation.arguments):
            return
        given = [[torch.tensor([known[n]], dtype=torch.float64) for n in e.arguments] for e in equations]
        left = [float(torch.as_tensor(called(e.function, *of_it))) for e, of_it in zip(equations, given, strict=True)]
        rates = -np.linalg.solve(principal.of_rates, np.array(left))
        for rate, name in zip(rates, problem.vocabulary.fields, strict=True):
            asked = _derivatives(on_side[name], corner, t_name, order)[-1] if name in on_side else rate
            if abs(asked - rate) > DIFFERENT * max(abs(asked), abs(rate)):
                yield order, corner[x_name], corner[t_name]


def _derivatives(p: Prescription, corner: Mapping[str, float], along: str, order: int) -> list[float]:
    """What is prescribed in a corner, and its derivatives along a coordinate up to an order."""
    columns = {name: torch.tensor([value], dtype=torch.float64) for name, value in corner.items()}
    columns[along].requires_grad_()
    values = [torch.as_tensor(p(columns), dtype=torch.float64).reshape(-1)]
    for _ in range(order):
        slope = None
        if values[-1].requires_grad:
            (slope,) = torch.autograd.grad(values[-1].sum(), columns[along], create_graph=True, allow_unused=True)
        values.append(torch.zeros(1, dtype=torch.float64) if slope is None else slope)
    return [float(value.detach()) for value in values]


def _lines(problem: Problem, sources: list[tuple[float, float]], speeds: Sequence[float]) -> list[Line]:
    """From every source at every speed, and on from where they meet a side; none where they are too many."""
    place, time = _numbers(problem)
    (low, high), (begin, end) = (list(problem.domain.bounds.values())[k] for k in (place, time))
    periodic = any(
        (period := term.period()) is not None and period.coordinate == problem.coordinates[place]
        for term in problem.all_terms().values()
    )
    near = SAME * (high - low)
    open_sources, lines = list(sources), list[Line]()
    while open_sources and len(lines) <= MOST_LINES:
        x, t = open_sources.pop(0)
        for speed in speeds:
            inwards = low < x < high or speed * (0.5 * (low + high) - x) > 0.0
            offsets = [abs(x - line.x - speed * (t - line.t)) for line in lines if line.speed == speed]
            if not inwards or any(offset <= near for offset in offsets):
                continue
            lines.append(Line(x, t, speed))
            wall = high if speed > 0.0 else low
            reached = t + (wall - x) / speed if speed else math.inf
            if reached < end - SAME * (end - begin):
                open_sources.append((low + high - wall if periodic else wall, reached))
    return lines if len(lines) <= MOST_LINES else []
