"""Tables that do not cover the domain: where an equation or a condition asks for values that they do not have."""

from collections.abc import Iterator

import torch
from torch import Tensor

from pinn.basis.corners import corners
from pinn.derivatives.numpy_calls import called
from pinn.derivatives.tables import Asked, RangeRecorder, Table
from pinn.domains.base import Domain
from pinn.domains.region import Region
from pinn.problem import Problem
from pinn.residuals.blocks import RegionBlocks
from pinn.residuals.residuals import Residuals
from pinn.sampling.given import GivenRegion
from pinn.sampling.points import PointSet
from pinn.terms.base import Equation
from pinn.trial.parts import standing

ENDS = ((0, "min"), (1, "max"))
COVERED = 1e-6  # of a table's range: what it may lack at an end


def uncovered(residuals: Residuals, points: PointSet) -> Iterator[str]:
    """Tables of coordinates that end within the domain, in words; those of fields are not looked at.

    Asked at the points of each region, of the interior also at those of all sides, and in the corners of a box.
    """
    problem, told = residuals.trial.problem, set[tuple[int, int]]()
    given = {label: own.x.cpu().double() for label, own in points.items()}
    for label, group in residuals.regions.items():
        own = torch.cat(list(given.values())) if group.region.is_whole else given[label]
        x = torch.cat([own, farthest(problem.domain, group.region)])
        for where, equation in _formulas(problem, group).items():
            for table, axis, least, most in _of_coordinates(problem, equation, x):
                lacks = table.outside == "error" and not _is_covered(table, axis, least, most)
                if lacks and (id(table), axis) not in told:
                    told.add((id(table), axis))
                    yield _in_words(table, axis, least, most, where)


def _formulas(problem: Problem, group: RegionBlocks) -> dict[str, Equation]:
    """A region's equations and the derived quantities in them, without those of columns of the region's own."""
    own = {
        block.name: block.equation
        for block in group.blocks
        if not set(block.equation.arguments) & set(group.region.columns)
    }
    derived = {name: problem.derived[name] for name in group.request.demands if name in problem.derived}
    return own | {name: Equation(d.function, d.arguments, name) for name, d in derived.items()}


def _of_coordinates(problem: Problem, equation: Equation, x: Tensor) -> list[Asked]:
    """What an equation asks of tables at points x (n, d), whatever the fields are: twice the same."""
    seen = []
    for seed in range(2):
        given = standing(problem, equation.arguments, x, torch.Generator().manual_seed(seed))
        try:
            with torch.no_grad(), RangeRecorder() as recorder:
                called(equation.function, *given)
        except Exception:  # of the user's code, which is told where the equations are evaluated
            return []
        seen.append(recorder.asked)
    return [first for first, second in zip(*seen, strict=False) if first == second]


def _is_covered(table: Table, axis: int, least: float, most: float) -> bool:
    low, high = table.bounds[axis]
    slack = COVERED * (high - low)
    return least >= low - slack and most <= high + slack


def _in_words(table: Table, axis: int, least: float, most: float, where: str) -> str:
    low, high = table.bounds[axis]
    name = f" in {table.names[axis]}" if table.names else ""
    return (
        f"{table.name} reaches{name} from {low:g} to {high:g}, and {where} asks for it from {least:.4g} to {most:.4g}: "
        'give it more values, or outside="clamp" to take the last one there'
    )


def farthest(domain: Domain, region: Region) -> Tensor:
    """The corners of a box's interior, or of its sides, that are a whole region's (k, d)."""
    found = torch.as_tensor(corners(domain.bounds.values()))
    if not domain.is_box or region.where is not None or region.of is not None or isinstance(region, GivenRegion):
        return found[:0]
    ends = {f"{c}.{end}": (i, domain.bounds[c][k]) for i, c in enumerate(domain.coordinates) for k, end in ENDS}
    own = [found[:, ends[side][0]] == ends[side][1] for side in region.sides]
    return found[torch.stack(own).any(0)] if own else found
