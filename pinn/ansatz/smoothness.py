"""Data with jumps and kinks: a lift would carry them through the whole domain, where no residual sees them.

A slope of u that jumps is a Dirac in its second derivative. The solution smooths it away or moves it; the ansatz keeps
it where the data have it, and collocation points never meet it: a small residual of a wrong answer.
"""

import torch
from torch import Tensor

from pinn.ansatz.prescriptions import Prescription
from pinn.derivatives.breaks import Break, largest_break, lines_along
from pinn.derivatives.evaluation import Request
from pinn.problem import Problem

LINES = 2  # along a coordinate, on which data are looked at


def derivative_orders(problem: Problem) -> dict[tuple[str, str], int]:
    """(field or derived quantity, coordinate) -> the highest derivative of it in the equations of the interior."""
    asked: dict[str, str] = {}
    for term in problem.all_terms().values():
        region = term.region(problem.domain)
        if region.is_interior and not region.columns:
            asked |= {name: e.name for e in term.equations().values() for name in e.arguments}
    request = Request(problem.vocabulary, problem.derived, tuple(asked), asked)
    return {
        (base, coordinate): request.order(base, i)
        for base in (*problem.vocabulary.fields, *problem.derived)
        for i, coordinate in enumerate(problem.coordinates)
    }


def unsmooth(problem: Problem, p: Prescription, orders: dict[tuple[str, str], int]) -> str | None:
    """Why a lift of this value has derivatives that the equations do not see; None where its data are smooth.

    Looked at on ends of coordinates, whose data are lifted along straight lines, and for other sides, whose data are
    taken at every point, across the domain's bounding box.
    """
    for coordinate in p.names:
        count = orders[p.field, coordinate]
        if coordinate == p.place.coordinate or not count:
            continue
        found = _along(problem, p, coordinate, count)
        if found is not None:
            at = found.place[problem.coordinates.index(coordinate)]
            return f"its data have a {found.kind} at {coordinate} = {at:.4g}, which would stay there for good"
    return None


def _along(problem: Problem, p: Prescription, coordinate: str, orders: int) -> Break | None:
    """The largest break of the data on lines along a coordinate, at random places in the others."""
    bounds, numbers = problem.domain.bounds, {name: i for i, name in enumerate(problem.coordinates)}
    generator = torch.Generator().manual_seed(0)
    start, end = lines_along(list(bounds.values()), numbers[coordinate], LINES, generator)
    if p.place.coordinate is not None:
        for points in (start, end):
            points[:, numbers[p.place.coordinate]] = bounds[p.place.coordinate][p.place.end == "max"]

    def values(x: Tensor) -> Tensor:
        columns = {name: x[:, i] for i, name in enumerate(problem.coordinates)}
        return torch.as_tensor(p(columns), dtype=torch.float64).expand(len(x))

    return largest_break(values, start, end, orders)
