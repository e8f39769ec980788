"""How far a window of time is from being solved: its residual relative to what its equations weigh.

A row r of an equation is measured in its natural size, the largest of |dr/dq| size(q) over what the equation asks for,
where a derivative q = d^k u has the size that it has in the window, and at least size(u) over the window's half width
to the k: then r = 1 means an error as large as u within the window, whatever the units, the stiffness, or cancellation.
"""

import math
from collections.abc import Iterator, Mapping

import torch
from torch import Generator, Tensor

from pinn.residuals.blocks import RegionBlocks, row_values, slopes
from pinn.residuals.residuals import Residuals
from pinn.sampling.points import Points
from pinn.sampling.sequences import UniformSampler, anywhere
from pinn.terms.base import Equation
from pinn.trial.function import TrialFunction

POINTS = 500  # fresh ones in the interior, a fifth as many on each side
SMALL = 1e-3  # share of the largest size before below which a field counts as no smaller

Sizes = dict[str, float]  # root mean square by name


def field_sizes(trial: TrialFunction, before: Mapping[str, float] | None = None, seed: int = 0) -> Sizes:
    """Field -> its root mean square in a window; at least a thousandth of what it was before, if that is given."""
    fields = trial.problem.vocabulary.fields
    with torch.no_grad():
        values = trial.evaluate(fields, anywhere(trial, POINTS, Generator().manual_seed(seed)))
    return {name: max(_rms(values[name]), SMALL * (before or {}).get(name, 0.0)) for name in fields}


def defect(residuals: Residuals, before: Mapping[str, float] | None = None, seed: int = 0) -> float:
    """The largest root mean square of a block on fresh points, each in its natural size; inf where it is not finite.

    before: sizes of the fields in earlier windows.
    """
    points = residuals.draw(UniformSampler(interior=POINTS, boundary=POINTS // 5), Generator().manual_seed(seed))
    sizes = _sizes(residuals, field_sizes(residuals.trial, before, seed), seed)
    shares = [
        share for label, group in residuals.regions.items() for share in _shares(residuals, group, points[label], sizes)
    ]
    return max((share if math.isfinite(share) else math.inf for share in shares), default=0.0)


def _shares(residuals: Residuals, group: RegionBlocks, points: Points, sizes: Sizes) -> Iterator[float]:
    """The root mean square of each of a region's blocks over its natural size."""
    trial = residuals.trial
    with torch.no_grad():
        values = trial.evaluate_with(group.request, points.x, trial.parameters(), points.normal)
    values |= points.columns
    for block in group.blocks:
        asked, count = block.equation.arguments, points.per_row if block.equation.summed else 1
        changes = zip(asked, slopes(block.equation.function, [values[name] for name in asked]), strict=True)
        parts = [
            count * _rms(slope) * sizes.get(name, 0.0 if name in trial.problem.coordinates else _rms(values[name]))
            for name, slope in changes
            if slope is not None
        ]
        r, natural = _rms(row_values(block.equation, values, points)), max(parts, default=0.0)
        yield r / natural if natural > 0 else (0.0 if r == 0 else math.inf)


def asked_sizes(residuals: Residuals, seed: int = 0) -> Sizes:
    """Field -> the least size at which it is one with the other terms of an equation of the interior.

    As large as these make it: sources and other fields, over what the equation asks for of it. Of a field that vanishes
    this is what its error is to be told by. Fields whose equations have no other terms are left out, and all where an
    equation asks for more than derivatives of fields.
    """
    trial, sampler, generator = residuals.trial, UniformSampler(interior=POINTS), Generator().manual_seed(seed)
    sizes, told = _sizes(residuals, field_sizes(trial, seed=seed), seed), Sizes()
    for group in (group for group in residuals.regions.values() if group.region.is_interior):
        points = sampler.draw(trial.domain, group.region, generator).to(trial.dtype, trial.device)
        with torch.no_grad():
            values = trial.evaluate_with(group.request, points.x, trial.parameters())
        for block in group.blocks:
            own = _own(trial, block.equation, values, sizes)
            if own is None:
                return {}
            source = _source(trial, block.equation, values, points)
            for name, (weight, _) in own.items():
                others = max([source, *(most for other, (_, most) in own.items() if other != name)])
                if others > 0 and weight > 0:
                    told[name] = min(others / weight, told.get(name, math.inf))
    return told


def _own(
    trial: TrialFunction, equation: Equation, values: Mapping[str, Tensor], sizes: Sizes
) -> dict[str, tuple[float, float]] | None:
    """Field -> what an equation weighs it by, over half widths to the orders, and the size of its largest term.

    None where the equation asks for more than derivatives of fields.
    """
    asked, vocabulary = equation.arguments, trial.problem.vocabulary
    halves = [(b - a) / 2 for a, b in trial.domain.bounds.values()]
    told: dict[str, tuple[float, float]] = {}
    for name, slope in zip(asked, slopes(equation.function, [values[name] for name in asked]), strict=True):
        meaning = vocabulary.resolve(name, "the sizes")
        if meaning.kind in ("coordinate", "unknown"):
            continue
        if meaning.symbol is None or meaning.base not in vocabulary.fields or equation.summed:
            return None
        factor, (weight, most) = 0.0 if slope is None else _rms(slope), told.get(meaning.base, (0.0, 0.0))
        for along, share in meaning.symbol.expanded().items():
            scale = math.prod(half**order for half, order in zip(halves, along.orders, strict=False))
            weight = max(weight, factor * abs(share) / scale)
        told[meaning.base] = weight, max(most, factor * sizes.get(name, 0.0))
    return told


def _source(trial: TrialFunction, equation: Equation, values: Mapping[str, Tensor], points: Points) -> float:
    """What an equation comes to without its fields; nothing where that is not known."""
    kept = {*trial.problem.coordinates, *trial.problem.unknowns}
    zero = {name: values[name] if name in kept else torch.zeros_like(values[name]) for name in equation.arguments}
    return _rms(row_values(equation, zero, points).nan_to_num(0.0, 0.0, 0.0))


def _sizes(residuals: Residuals, fields: Sizes, seed: int) -> Sizes:
    """The size in the window of each derivative of a field that the equations ask for."""
    trial, problem = residuals.trial, residuals.trial.problem
    names = dict.fromkeys(name for group in residuals.regions.values() for name in group.request.names)
    quantities = {name: problem.vocabulary.resolve(name, "the defect") for name in names}
    normals = {name: q for name, q in quantities.items() if q.kind == "normal derivative"}
    gradient = [name for q in normals.values() for name in problem.vocabulary.gradient(q.base)]
    derivatives = {
        name: quantity
        for name in dict.fromkeys([*names, *gradient])
        if (quantity := problem.vocabulary.resolve(name, "the defect")).kind == "derivative"
    }
    with torch.no_grad():
        values = trial.evaluate(list(derivatives), anywhere(trial, POINTS, Generator().manual_seed(seed)))
    halves = [(b - a) / 2 for a, b in trial.domain.bounds.values()]
    sizes = {}
    for name, quantity in derivatives.items():
        assert quantity.symbol is not None
        least = fields.get(quantity.base, 0.0) / math.prod(
            half**order for half, order in zip(halves, quantity.symbol.orders, strict=True)
        )
        sizes[name] = max(_rms(values[name]), 0.0 if quantity.symbol.operators else least)
    for name, quantity in normals.items():  # which may vanish along a side
        sizes[name] = max(sizes[slope] for slope in problem.vocabulary.gradient(quantity.base))
    return sizes


def _rms(values: Tensor) -> float:
    return float(values.detach().square().mean().sqrt())
