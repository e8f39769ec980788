"""Do the data of a problem agree where its sides meet, and across its periods?"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

import torch
from scipy.stats import qmc
from torch import Tensor

from pinn.ansatz.prescriptions import Place, Prescription
from pinn.problem import Problem

POINTS = 64  # along an edge
INWARDS = 1e-6  # of the way to the middle
TOLERANCE, SLIGHT = 1e-8, 1e-4  # of the data's size: from where on they disagree, and up to where it hardly matters


@dataclass(frozen=True)
class Disagreement:
    """Two prescriptions, or one and a period, that cannot both hold: what differs, where and by how much.

    share: of the data's size. is_slight: whether both may be held, as of data that have nearly died away where a domain
    is cut off; not where unknowns are sought: conditions that give way help while these are wrong. outside: whether
    their sides do not meet in the domain itself, from whose box a corner is cut.
    """

    prescriptions: tuple[Prescription, ...]
    quantity: str
    where: str
    size: float
    share: float
    terms: tuple[str, str]
    is_slight: bool = False
    outside: bool = False

    def __str__(self) -> str:
        first, second = self.terms
        where = f"{self.where}, outside the domain, where both are extended" if self.outside else self.where
        return f"{first} and {second} disagree: {self.quantity} differs by {self.size:.3g} at {where}"


def disagreements(problem: Problem, given: list[Prescription]) -> list[Disagreement]:
    """Those of the prescriptions at corners and edges, and of data along a periodic coordinate, the largest first."""
    return sorted([*_at_corners(problem, given), *_at_seams(problem, given)], key=lambda one: -one.size)


def _at_corners(problem: Problem, given: list[Prescription]) -> Iterator[Disagreement]:
    for p, q in combinations(given, 2):
        if p.field != q.field or q.place.coordinate is None or p.place.coordinate == q.place.coordinate:
            continue
        if p.place.coordinate is None and (p.order or q.order):
            continue  # sides that are no ends: values alone
        columns = _edge(problem, p.place, q.place)
        a, b = _derivative(p, columns, q), _derivative(q, columns, p)
        size, share = _difference(a, b, _size(problem, p, q))
        if not share <= TOLERANCE:
            suffix = "".join(c or "" for x in (p, q) if x.order for c in [x.place.coordinate])
            quantity = f"{p.field}_{suffix}" if suffix else p.field
            where, outside = f"{p.place.side}, {q.place.side}", _is_outside(problem, columns)
            is_slight = share < SLIGHT and not problem.unknowns
            yield Disagreement((p, q), quantity, where, size, share, (p.term, q.term), is_slight, outside)


def _at_seams(problem: Problem, given: list[Prescription]) -> Iterator[Disagreement]:
    """Whether data along a periodic coordinate repeat, with the derivatives that the term equates, up to the second."""
    for name, term in problem.all_terms().items():
        period = term.period()
        if period is None:
            continue
        c = period.coordinate
        ends = [Place(f"{c}.{end}", c, end) for end in ("min", "max")]
        for p in given:
            orders = [k for k in range(3) if p.field + ("_" + c * k if k else "") in period.quantities]
            for k in orders if p.place.coordinate not in (None, c) else ():
                a, b = (_along(p, _edge(problem, p.place, end), c, k) for end in ends)
                size, share = _difference(a, b, _size(problem, p))
                if not share <= TOLERANCE:
                    quantity = p.field + ("_" + c * k if k else "")
                    yield Disagreement((p,), quantity, f"{c}.min and {c}.max", size, share, (p.term, name))


def _difference(a: Tensor, b: Tensor, size: float) -> tuple[float, float]:
    """The largest difference, and it as a share of the data's size: of the largest there, or of all."""
    difference = float((a - b).abs().max())
    return difference, difference / max(float(a.abs().max()), float(b.abs().max()), size) if difference else 0.0


def _is_outside(problem: Problem, edge: Mapping[str, Tensor]) -> bool:
    """Whether the places just inside the box from its edge are all outside the domain."""
    if problem.domain.moves:
        return False
    lower, upper = torch.tensor(list(problem.domain.bounds.values()), dtype=torch.float64).T
    x = torch.stack([column.detach() for column in edge.values()], 1)
    return not problem.domain.contains((x + INWARDS * (0.5 * (lower + upper) - x)).numpy()).any()


def _edge(problem: Problem, first: Place, second: Place) -> dict[str, Tensor]:
    """Points where two sides meet, by coordinate, which may be differentiated."""
    domain = problem.domain
    if first.coordinate is None:
        x = torch.as_tensor(domain.boundary_rule(first.side, POINTS).points)
    else:
        lower, upper = torch.tensor(list(domain.bounds.values()), dtype=torch.float64).T
        x = lower + (upper - lower) * torch.as_tensor(qmc.Sobol(len(lower), rng=0).random(POINTS))
    for place in (first, second):
        if place.coordinate is not None:
            x[:, problem.coordinates.index(place.coordinate)] = domain.bounds[place.coordinate][place.end == "max"]
    return {name: column.clone().requires_grad_() for name, column in zip(problem.coordinates, x.T, strict=True)}


def _derivative(p: Prescription, columns: Mapping[str, Tensor], other: Prescription) -> Tensor:
    """p's data, differentiated along the other's coordinate as often as that one prescribes."""
    return _along(p, columns, other.place.coordinate or "", other.order)


def _along(p: Prescription, columns: Mapping[str, Tensor], coordinate: str, order: int) -> Tensor:
    """The derivative of p's data of that order along a coordinate, (n,)."""
    n = len(next(iter(columns.values())))
    values = torch.as_tensor(p(columns), dtype=torch.float64).expand(n)
    for _ in range(order):
        if not values.requires_grad:
            return torch.zeros(n, dtype=torch.float64)
        total = values.sum()
        (slope,) = torch.autograd.grad(total, columns[coordinate], create_graph=True, allow_unused=True)
        values = torch.zeros(n, dtype=torch.float64) if slope is None else slope
    return values.detach()


def _size(problem: Problem, *given: Prescription) -> float:
    """The largest of the data over the domain's box."""
    lower, upper = torch.tensor(list(problem.domain.bounds.values()), dtype=torch.float64).T
    x = lower + (upper - lower) * torch.as_tensor(qmc.Sobol(len(lower), rng=0).random(POINTS))
    columns = dict(zip(problem.coordinates, x.T, strict=True))
    return max(float(torch.as_tensor(p(columns)).abs().max()) for p in given)
