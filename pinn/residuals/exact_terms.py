"""Hard constraints: which terms hold exactly and need no residual."""

from collections.abc import Mapping

import torch
from torch import Tensor

from pinn.residuals.blocks import RegionBlocks, row_values
from pinn.residuals.residuals import Residuals
from pinn.sampling.points import Points
from pinn.sampling.sequences import SobolSampler
from pinn.trial.function import TrialFunction

ROUNDING = 1e-12  # residual below which a condition counts as satisfied by construction, in float64, of its quantities

SPREAD = 0.5  # standard deviation of random parameters


def make_residuals(trial: TrialFunction, *, weights: Mapping[str, float] | None = None, seed: int = 0) -> Residuals:
    """The residuals that training has to reduce: terms that the ansatz satisfies exactly are left out.

    So are the initial conditions of a later window of time, whose start stands for them. weights: as of `Residuals`.
    Raises UserError where a name in an equation or in weights means nothing.
    """

    def without(terms: tuple[str, ...]) -> Residuals:
        kept = {name: weight for name, weight in (weights or {}).items() if name.partition(".")[0] not in terms}
        return Residuals(trial, weights=kept, skip=terms)

    replaced = trial.start.replaced
    residuals = without(replaced)
    exact = exact_terms(residuals, seed)
    return without((*replaced, *exact)) if exact else residuals


def exact_terms(residuals: Residuals, seed: int = 0) -> tuple[str, ...]:
    """The conditions that hold to rounding whatever the network: measured on two sets of random parameters.

    To rounding means: relative to the largest quantity that the condition compares, or to 1 where that is smaller. A
    later window of time is looked at without the windows before it, whose sums of large terms would blur it.
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
        drawn = SobolSampler(boundary=64).draw(trial.domain, group.region, generator)
        points = drawn.thinned().to(trial.dtype, trial.device)
        for parameters in drawn_twice:
            for term, value in relative_mismatch(residuals, trial, group, points, parameters).items():
                largest[term] = max(largest.get(term, 0.0), value)
    rounding = ROUNDING * torch.finfo(trial.dtype).eps / torch.finfo(torch.float64).eps
    return tuple(term for term, value in largest.items() if value < rounding)


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
    """The largest residual of each of the region's terms over the largest value of what its equations ask for."""
    parameters = residuals.unflatten(theta)
    relative: dict[str, float] = {}
    with torch.no_grad():
        quantities = trial.evaluate_with(group.request, points.x, parameters, points.normal)
    for block in group.blocks:
        value = row_values(block.equation, {**quantities, **points.columns}, points)
        sizes = [float(quantities[name].abs().max()) for name in block.equation.arguments if name in quantities]
        largest = float(value.abs().max()) / max([1.0, *sizes])
        relative[block.term] = max(relative.get(block.term, 0.0), largest)
    return relative
