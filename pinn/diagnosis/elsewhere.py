"""Quantities of other places: what they cost, whether they stay in the domain, and whether quadratures resolve them."""

from collections.abc import Iterator
from dataclasses import replace

import torch

from pinn.derivatives.elsewhere import RunningIntegral
from pinn.diagnosis.ranges import farthest
from pinn.diagnosis.verdict import Reason, Word
from pinn.residuals.residuals import Residuals
from pinn.sampling.points import PointSet
from pinn.sampling.sequences import anywhere
from pinn.trial.function import TrialFunction

POINTS = 200  # where a quadrature is compared with one of twice as many nodes
MISSED, WRONG = 1e-4, 1e-2  # what they may differ, by the integral's largest value: to be trusted, to be solved


def costs(residuals: Residuals) -> Iterator[str]:
    """For how many places more the fields are evaluated, in words."""
    told = set()
    for group in residuals.regions.values():
        for name in group.request.inner:
            count = group.request.elsewhere[name].count
            if name not in told and count > 1:
                told.add(name)
                yield (
                    f"{name} asks for {', '.join(group.request.inner[name].names)} at {count} places for each point: "
                    f"{1 + count} times the work of an equation without it (nodes= of the integral)"
                )


def leaving(residuals: Residuals, points: PointSet) -> Iterator[str]:
    """Places beyond the domain, where nobody says what is there, in words."""
    domain = residuals.trial.problem.domain
    for label, group in residuals.regions.items():
        x = torch.cat([points[label].x.cpu().double(), farthest(domain, group.region)])
        for name in group.request.inner:
            for coordinate, place in group.request.elsewhere[name].leaves(x).items():
                low, high = domain.bounds[coordinate]
                yield (
                    f"{name} is asked for at {coordinate} = {place:.4g}, beyond the domain [{low:g}, {high:g}]: "
                    'tell what is there by outside="...", a method of the coordinates'
                )


def unresolved(trial: TrialFunction, seed: int = 0) -> Iterator[Reason]:
    """Integrals in which twice as many nodes find another value: no residual sees what their quadrature misses."""
    problem, generator = trial.problem, torch.Generator().manual_seed(seed + 2**27)
    for name, one in problem.elsewhere.items():
        if not isinstance(one, RunningIntegral):
            continue
        x = anywhere(trial, POINTS, generator)
        request = trial.request([name])
        finer = replace(request, elsewhere={name: replace(one, nodes=2 * one.nodes)})
        with torch.no_grad():
            coarse, fine = (trial.evaluate(r, x)[name] for r in (request, finer))
        missed = float((fine - coarse).abs().max() / fine.abs().max().clamp_min(torch.finfo(fine.dtype).tiny))
        if not missed <= MISSED:
            told = f"{one.nodes} nodes leave {missed:.1g} of the integral {name}, which no residual sees"
            word = Word.PLAUSIBLE if missed <= WRONG else Word.NOT_SOLVED
            yield Reason(told, word, f"nodes={2 * one.nodes} of the integral {name}")
