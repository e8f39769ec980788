"""Hard constraints: which terms hold exactly and need no residual."""

from collections.abc import Mapping

import torch

from pinn.residuals import Residuals
from pinn.sampling import SobolSampler
from pinn.trial import TrialFunction

ROUNDING = 1e-12  # residual below which a condition counts as satisfied by construction, in float64


def make_residuals(
    trial: TrialFunction,
    *,
    weights: Mapping[str, float] | None = None,
    chunk: int | None = None,
    compile: bool = False,
    seed: int = 0,
) -> Residuals:
    """The residuals that training has to reduce: terms that the ansatz satisfies exactly are left out.

    weights, chunk, compile: as of `Residuals`.
    Raises UserError where a name in an equation or in weights means nothing.
    """
    residuals = Residuals(trial, weights=weights, chunk=chunk, compile=compile)
    exact = exact_terms(residuals, seed)
    if not exact:
        return residuals
    kept = {name: weight for name, weight in (weights or {}).items() if name.partition(".")[0] not in exact}
    return Residuals(trial, weights=kept, chunk=chunk, skip=exact, compile=compile)


def exact_terms(residuals: Residuals, seed: int = 0) -> tuple[str, ...]:
    """The conditions that hold to rounding whatever the network: measured on two random sets of parameters."""
    trial = residuals.trial
    if trial.constraints == "soft":
        return ()
    generator = torch.Generator().manual_seed(seed)
    theta = residuals.theta()
    shaken = theta + 0.5 * torch.randn(theta.shape, generator=generator).to(theta)
    largest: dict[str, float] = {}
    for group in residuals.regions.values():
        if group.region.is_interior:
            continue
        drawn = SobolSampler(boundary=64).draw(trial.problem.domain, group.region, generator)
        points = drawn.to(theta.dtype, theta.device)
        for parameters in (theta, shaken):
            with torch.no_grad():
                values = residuals.region_values(group, points, residuals.unflatten(parameters))
            for block, value in zip(group.blocks, values, strict=True):
                largest[block.term] = max(largest.get(block.term, 0.0), float(value.abs().max()))
    rounding = ROUNDING * torch.finfo(theta.dtype).eps / torch.finfo(torch.float64).eps
    return tuple(term for term, value in largest.items() if value < rounding)
