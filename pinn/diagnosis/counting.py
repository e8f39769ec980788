"""Are there as many conditions as the equations' orders ask for?"""

from collections import Counter
from collections.abc import Iterator

from pinn.problem import Problem
from pinn.residuals.residuals import RegionBlocks, Residuals
from pinn.sampling.given import DataRegion, GivenRegion

# Number of a field and of a coordinate, by name.
Key = tuple[str, str]


def missing_conditions(residuals: Residuals) -> Iterator[str]:
    """Fields with fewer conditions along a coordinate than their highest derivative there, in words.

    Told only where all fields together have too few, too: a system of first order may have two of one field. Fields
    with observations, and those defined up to a constant, are passed over; so are second halves of boundaries.
    """
    problem = residuals.trial.problem
    orders, counts, blocks = _orders(residuals), Counter[Key](), Counter[str]()
    observed: set[str] = set(problem.defined_up_to_constant)
    for group in residuals.regions.values():
        if isinstance(group.region, DataRegion):
            observed |= {name for b in group.blocks for name in _fields(problem, b.equation.arguments, group)}
        elif not group.region.is_interior:
            _count(problem, group, orders, counts, blocks)
    for coordinate in (name for name in problem.coordinates if name not in problem.domain.parameters):
        asked = {name: orders.get((name, coordinate), 0) for name in problem.vocabulary.fields if name not in observed}
        if blocks[coordinate] >= sum(asked.values()):
            continue
        for name, order in asked.items():
            have = counts[name, coordinate]
            if have < order:
                yield (
                    f"{name} has {have} of the {order} conditions along {coordinate} that its derivatives of order "
                    f"{order} ask for; add one on {_missing(problem, coordinate)}, or the solution is not the only one"
                )


def _missing(problem: Problem, coordinate: str) -> str:
    if coordinate == problem.domain.time:
        return f"{coordinate}.min"
    return f"{coordinate}.min or {coordinate}.max" if problem.domain.is_box else "the boundary"


def _orders(residuals: Residuals) -> dict[Key, int]:
    """The highest derivative of each field along each coordinate in the equations of the interior."""
    problem = residuals.trial.problem
    requests = [group.request for group in residuals.regions.values() if group.region.is_interior]
    return {
        (field, coordinate): max((request.order(field, i) for request in requests), default=0)
        for field in problem.vocabulary.fields
        for i, coordinate in enumerate(problem.coordinates)
    }


def _count(
    problem: Problem, group: RegionBlocks, orders: dict[Key, int], counts: Counter[Key], blocks: Counter[str]
) -> None:
    """Add a region's conditions: one a block and side, along the side's coordinate, or every one of space."""
    region = group.region
    for block in group.blocks:
        fields = _fields(problem, block.equation.arguments, group)
        if region.period is not None:
            for name in fields:
                counts[name, region.period] += orders.get((name, region.period), 0)
            blocks[region.period] += max((orders.get((name, region.period), 0) for name in fields), default=0)
            continue
        for side in region.sides or ("",):
            end = side.rpartition(".")[0]
            along = (
                [end] if end in problem.coordinates and (problem.domain.is_box or end == problem.domain.time) else []
            )
            twice = 1 if along or isinstance(region, GivenRegion) else 2  # a curve closes around: both ends at once
            for coordinate in along or problem.domain.space_coordinates:
                for name in fields:
                    counts[name, coordinate] += twice
                blocks[coordinate] += twice


def _fields(problem: Problem, names: tuple[str, ...], group: RegionBlocks) -> set[str]:
    """The fields that these named quantities are made of."""
    fields: set[str] = set()
    for name in names:
        if name in group.region.columns:
            continue
        quantity = problem.vocabulary.resolve(name, "a condition")
        if quantity.kind in ("jacobian", "hessian"):
            fields |= set(problem.vocabulary.fields)
        elif quantity.base in problem.derived:
            fields |= _fields(problem, problem.derived[quantity.base].arguments, group)
        elif quantity.kind in ("derivative", "normal derivative"):
            fields.add(quantity.base)
    return fields
