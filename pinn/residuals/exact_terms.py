"""Hard constraints: which terms hold exactly and need no residual."""

from collections.abc import Mapping

import torch
from torch import Generator, Tensor

from pinn.ansatz.corners import SLIGHT
from pinn.derivatives.estimators import Estimator
from pinn.residuals.blocks import RegionBlocks, row_values, slopes
from pinn.residuals.residuals import Residuals
from pinn.sampling.points import Points
from pinn.sampling.sequences import SobolSampler, anywhere
from pinn.trial.function import TrialFunction

ROUNDING = 1e-12  # residual below which a condition counts as satisfied by construction, in float64, of its addends
SPREAD = 0.5  # standard deviation of random parameters
GIVEN = ("coordinate", "normal", "unknown")  # kinds of quantities that are no part of the fields
POINTS = 64  # where fields and residuals are looked at


def make_residuals(
    trial: TrialFunction,
    *,
    weights: Mapping[str, float] | None = None,
    seed: int = 0,
    estimator: Estimator | None = None,
) -> Residuals:
    """The residuals that training has to reduce: terms that the ansatz satisfies exactly are left out.

    So are the initial conditions of a later window of time, whose start stands for them. weights, estimator: as of
    `Residuals`. Raises UserError where a name in an equation or in weights means nothing.
    """

    def without(terms: tuple[str, ...]) -> Residuals:
        kept = {name: weight for name, weight in (weights or {}).items() if name.partition(".")[0] not in terms}
        return Residuals(trial, weights=kept, skip=terms, estimator=estimator)

    skipped = trial.start.replaced
    residuals = without(skipped)
    for found in (absent_terms, exact_terms):
        more = found(residuals, seed)
        if more:
            skipped = (*skipped, *more)
            residuals = without(skipped)
    return residuals


def absent_terms(residuals: Residuals, seed: int = 0) -> tuple[str, ...]:
    """The terms without any point: of parts of the domain that meet in other windows of time."""
    trial = residuals.trial
    if trial.interfaces is None:
        return ()
    generator, absent = torch.Generator().manual_seed(seed), list[str]()
    for group in residuals.regions.values():
        if not group.region.is_interior:
            drawn = SobolSampler(boundary=POINTS).draw(trial.domain, group.region, generator)
            absent += [block.term for block in group.blocks if not len(drawn)]
    return tuple(dict.fromkeys(absent))


def exact_terms(residuals: Residuals, seed: int = 0) -> tuple[str, ...]:
    """The conditions that hold to rounding whatever the network: measured on two sets of random parameters.

    To rounding means: as of `relative_mismatch`. A later window of time is looked at without the windows before it,
    whose sums of large terms would blur it.
    """
    trial = residuals.trial.without_past()
    if trial.constraints == "soft":
        return ()
    generator = torch.Generator().manual_seed(seed)
    drawn_twice = [_random(residuals, generator) for _ in range(2)]
    largest: dict[str, float] = {}
    for group in residuals.regions.values():
        if group.region.is_interior or not group.request.demands:  # or of unknowns alone
            continue
        drawn = SobolSampler(boundary=POINTS).draw(trial.domain, group.region, generator)
        if not len(drawn):
            continue
        points = drawn.thinned().to(trial.dtype, trial.device)
        for parameters in drawn_twice:
            for term, value in relative_mismatch(residuals, trial, group, points, parameters).items():
                largest[term] = max(largest.get(term, 0.0), value)
    rounding = ROUNDING * torch.finfo(trial.dtype).eps / torch.finfo(torch.float64).eps
    hardly = _hardly_held(trial)
    return tuple(term for term, value in largest.items() if value < max(rounding, hardly.get(term, 0.0)))


def _hardly_held(trial: TrialFunction) -> dict[str, float]:
    """Term -> by how much of its size it may be missed, where its data and others' disagree slightly.

    Both are held by the ansatz up to that; to meet them in the corner would ask for a kink in the solution.
    """
    return {term: SLIGHT for one in trial.slight_disagreements for term in one.terms}


def _random(residuals: Residuals, generator: torch.Generator) -> Tensor:
    """Parameters (p,) of no training, whose outputs have little rounding; unknowns as they are."""
    theta = residuals.theta()
    drawn = (SPREAD * torch.randn(theta.shape, generator=generator)).to(theta)
    position = residuals.unflatten(torch.arange(len(theta)))
    for name, at in position.items():
        if name.startswith("unknowns."):
            drawn[at] = theta[at]
    return drawn


def relative_mismatch(
    residuals: Residuals, trial: TrialFunction, group: RegionBlocks, points: Points, theta: Tensor
) -> dict[str, float]:
    """The largest residual of each of the region's terms over the largest |dr/dq| size(q) of its equations.

    The size of a quantity q is its largest value there or inside the domain: it may vanish on a side by construction.
    """
    parameters = residuals.unflatten(theta)
    with torch.no_grad():
        quantities = trial.evaluate_with(group.request, points.x, parameters, points.normal)
    values = {**quantities, **points.columns}
    sizes = _sizes(trial, group, values, parameters)
    relative: dict[str, float] = {}
    for block in group.blocks:
        asked = block.equation.arguments
        with torch.no_grad():
            largest = _largest(row_values(block.equation, values, points))
        changes = zip(asked, slopes(block.equation.function, [values[name] for name in asked]), strict=True)
        natural = max(
            (_largest(slope) * sizes.get(name, 0.0) for name, slope in changes if slope is not None), default=0.0
        )
        found = largest / natural if natural > 0.0 else largest
        relative[block.term] = max(relative.get(block.term, 0.0), found)
    return relative


def _sizes(
    trial: TrialFunction, group: RegionBlocks, values: Mapping[str, Tensor], parameters: Mapping[str, Tensor]
) -> dict[str, float]:
    """The largest value of each quantity that depends on the fields, in a region and inside the domain."""
    vocabulary, quantities = trial.problem.vocabulary, group.request.quantities
    inside: dict[str, list[str]] = {}  # what stands for a quantity where there are no sides
    for name in group.request.names:
        kind = quantities[name].kind
        if kind == "normal derivative":
            inside[name] = vocabulary.gradient(quantities[name].base)
        elif kind not in GIVEN:
            inside[name] = [] if kind == "elsewhere" else [name]
    names = list(dict.fromkeys(part for parts in inside.values() for part in parts))
    with torch.no_grad():
        x = anywhere(trial, POINTS, Generator().manual_seed(0), SobolSampler)
        found = trial.evaluate_with(trial.request(names), x, parameters) if names else {}
    return {name: max(map(_largest, [values[name], *(found[k] for k in parts)])) for name, parts in inside.items()}


def _largest(values: Tensor) -> float:
    return float(values.detach().abs().max())
