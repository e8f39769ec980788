"""Are there as many conditions as the equations' orders ask for?"""

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

from pinn.diagnosis.degenerate import unasked_sides
from pinn.domains.region import Region
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
            observed |= {name for b in group.blocks for name in fields_of(problem, b.equation.arguments, group.region)}
        elif not group.region.is_interior:
            _count(problem, group, orders, counts, blocks)
    highest = {
        name: max(order for (own, _), order in orders.items() if own == name)
        for name in problem.vocabulary.fields
        if name not in observed
    }
    if any(highest.values()) and all(group.region.is_interior for group in residuals.regions.values()):
        told = ", ".join(f"{name} of order {order}" for name, order in highest.items() if order)
        where = "" if problem.domain.time is None else f", and at {problem.domain.time}.min"
        yield f"there is no condition at all, for derivatives of {told}: add values or slopes on the sides{where}"
        return
    for coordinate in (name for name in problem.coordinates if name not in problem.domain.parameters):
        asked = {name: orders.get((name, coordinate), 0) for name in problem.vocabulary.fields if name not in observed}
        lacking = _order_of_all(residuals, coordinate, tuple(asked)) - blocks[coordinate]
        for name, order in sorted(asked.items(), key=lambda one: -one[1]):
            have = counts[name, coordinate]
            if have < order and lacking > 0 and _is_asked(residuals, name, coordinate, order - have):
                lacking -= order - have
                yield (
                    f"{name} has {have} of the {order} conditions along {coordinate} that its derivatives of order "
                    f"{order} ask for; add one on {_missing(problem, coordinate)}, or the solution is not the only one"
                )
    for name in highest:
        if not any(counts[name, coordinate] for coordinate in problem.coordinates) and _floats(residuals, name):
            level = f'a Pin or a Mean, or by defined_up_to_constant = ("{name}",)'
            yield f"{name} has no condition, and the equations know its derivatives alone: say its level by {level}"


def _is_asked(residuals: Residuals, name: str, coordinate: str, missing: int) -> bool:
    """Whether so many conditions of a field along a coordinate are more than those at ends that ask for none."""
    return missing > len(set(unasked_sides(residuals, name, coordinate)) - _sides_with(residuals, name))


def _sides_with(residuals: Residuals, name: str) -> set[str]:
    """The sides on which a field has a condition."""
    return {
        side
        for group in residuals.regions.values()
        for block in group.blocks
        if name in fields_of(residuals.trial.problem, block.equation.arguments, group.region)
        for side in group.region.sides
    }


def bare_sides(residuals: Residuals) -> Iterator[str]:
    """Sides of a domain that is no box where a field with second derivatives has no condition at all, in words.

    Of a box the conditions are counted along each coordinate, of any other shape they are only together.
    """
    problem, domain = residuals.trial.problem, residuals.trial.problem.domain
    groups = residuals.regions.values()
    if domain.is_box or any(group.region.of is not None or isinstance(group.region, DataRegion) for group in groups):
        return
    orders = _orders(residuals)
    for name in problem.vocabulary.fields:
        if max(orders[name, coordinate] for coordinate in domain.space_coordinates) < 2:
            continue
        there = _sides_with(residuals, name)
        bare = [side for side in domain.walls if side not in there]
        if there and bare:
            yield f"{name} has no condition on {', '.join(bare)}: add one, or the solution is not the only one"


def unequal_numbers(residuals: Residuals) -> Iterator[str]:
    """That there are fewer or more equations than fields, or more conditions than equations ask for, in words.

    Integrals may be equations, too; with data, or unknowns to be identified, it is not by numbers that this is seen.
    """
    problem, groups = residuals.trial.problem, residuals.regions.values()
    fields = problem.vocabulary.fields
    named = {name for g in groups for b in g.blocks for name in fields_of(problem, b.equation.arguments, g.region)}
    for name in (name for name in fields if name not in named):
        yield f"{name} appears in no equation: leave it out of fields, or write what determines it"
    if any(isinstance(group.region, DataRegion) for group in groups):
        return
    equations = [block.name for group in groups if group.region.is_interior for block in group.blocks]
    integrals = sum(len(group.blocks) for group in groups if isinstance(group.region, GivenRegion))
    told = f"{_counted(len(equations), 'equation')} ({', '.join(equations) or 'none'}) for "
    told += f"{_counted(len(fields), 'field')} ({', '.join(fields)})"
    whole = [name for name, own in problem.field_coordinates.items() if own == problem.coordinates]
    if len(equations) + integrals < len(whole):  # those of fewer coordinates may have theirs on a side
        inner = [(g, b) for g in groups if g.region.is_interior for b in g.blocks]
        equated = {name for g, b in inner for name in fields_of(problem, b.equation.arguments, g.region)}
        without = [name for name in fields if name in named and name not in equated]
        none = f", none of them about {', '.join(without)}" if without else ""
        yield f"{told}{none}: one is missing, or the solution is not the only one"
    elif len(equations) > len(fields):
        yield f"{told}: there is a solution only where they agree, as where one follows from the others"
    if not problem.unknowns:
        yield from _too_many(residuals)


def _too_many(residuals: Residuals) -> Iterator[str]:
    """Coordinates along which there are more conditions than all equations ask for, in words.

    Passed over where conditions hold on parts of a side, which are not counted, along periods, on sides that are no
    coordinate's, and along coordinates that a field is no function of.
    """
    problem, orders = residuals.trial.problem, _orders(residuals)
    counts, blocks = Counter[Key](), Counter[str]()
    for group in residuals.regions.values():
        if group.region.where is not None or group.region.of is not None:
            return
        if not group.region.is_interior and not isinstance(group.region, GivenRegion):
            _count(problem, group, orders, counts, blocks)
    periods = {group.region.period for group in residuals.regions.values()}
    straight = problem.coordinates if problem.domain.is_box else (problem.domain.time,)
    passed = {*problem.domain.parameters, *periods}
    for own in problem.field_coordinates.values():  # an equation of those may be one on a side
        passed |= set(problem.coordinates) - set(own)
    for coordinate in (name for name in straight if name and name not in passed):
        # an equation on a side may be one along it, as of what grows there
        others = [
            g for g in residuals.regions.values() if not any(s.startswith(f"{coordinate}.") for s in g.region.sides)
        ]
        number, fields = problem.coordinates.index(coordinate), problem.vocabulary.fields
        asked = sum(max(g.request.order(name, number) for g in others) for name in fields) if others else 0
        if blocks[coordinate] > asked > 0:
            yield (
                f"{blocks[coordinate]} conditions along {coordinate}, where the derivatives in the equations ask for "
                f"{asked}: there is a solution only where they agree"
            )


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" + "s" * (number != 1)


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


def _floats(residuals: Residuals, name: str) -> bool:
    """Whether no equation and no condition asks for a field itself, but some for its derivatives."""
    value = residuals.trial.problem.vocabulary.value
    demands = [group.request.demands.get(name, set()) for group in residuals.regions.values()]
    return any(demands) and not any(value in demand for demand in demands)


def _order_of_all(residuals: Residuals, coordinate: str, fields: tuple[str, ...]) -> int:
    """How many conditions the equations of the interior ask for along a coordinate, all together.

    The degree of the determinant of their symbols: the largest sum of orders with each equation for another field
    (Agmon, Douglis & Nirenberg 1964, doi:10.1002/cpa.3160170104). Of Stokes' it is 4 and not 5, for no pressure is in
    the balance of mass. Where numbers differ, or no equation is left for a field, the sum of the fields' orders.
    """
    problem = residuals.trial.problem
    if not fields:
        return 0
    number, absent, rows = problem.coordinates.index(coordinate), -1e6, []
    for group in (group for group in residuals.regions.values() if group.region.is_interior):
        for block in group.blocks:
            names = [name for name in block.equation.arguments if name not in group.region.columns]
            request, own = residuals.trial.request(names), fields_of(problem, tuple(names), group.region)
            rows.append([request.order(name, number) if name in own else absent for name in fields])
    orders = np.array(rows).reshape(-1, len(fields))
    if orders.shape[0] == orders.shape[1]:
        total = orders[linear_sum_assignment(orders, maximize=True)].sum()
        if total >= 0:
            return int(total)
    return int(np.maximum(orders.max(axis=0, initial=0), 0).sum())


def _count(
    problem: Problem, group: RegionBlocks, orders: dict[Key, int], counts: Counter[Key], blocks: Counter[str]
) -> None:
    """Add a region's conditions: one a block and side, along the side's coordinate, or every one of space."""
    region = group.region
    for block in group.blocks:
        fields = fields_of(problem, block.equation.arguments, group.region)
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


def fields_of(problem: Problem, names: Sequence[str], region: Region) -> set[str]:
    """The fields that these named quantities are made of."""
    fields: set[str] = set()
    for name in names:
        if name in region.columns:
            continue
        quantity = problem.vocabulary.resolve(name, "a condition")
        if quantity.kind in ("jacobian", "hessian"):
            fields |= set(problem.vocabulary.fields)
        elif quantity.base in problem.derived:
            fields |= fields_of(problem, problem.derived[quantity.base].arguments, region)
        elif quantity.kind == "elsewhere":
            fields |= fields_of(problem, problem.elsewhere[name].asked, region)
        elif quantity.kind in ("derivative", "normal derivative"):
            fields.add(quantity.base)
    return fields
