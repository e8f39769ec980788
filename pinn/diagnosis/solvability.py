"""Trivial and impossible problems, told from their equations before anything is trained."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor

from pinn.ansatz.written import WrittenAnsatz
from pinn.derivatives.jets import Values
from pinn.networks.random_features import RandomFeatures
from pinn.residuals.blocks import Block, RegionBlocks
from pinn.residuals.least_squares import bind
from pinn.residuals.residuals import Residuals
from pinn.sampling.given import WEIGHT, GivenRegion, QuadratureRegion
from pinn.sampling.points import Points
from pinn.sampling.sequences import SobolSampler, UniformSampler, anywhere
from pinn.trial.function import TrialFunction
from pinn.trial.making import make_trial

PROBES, SCALE, WIDTH = 6, 2.0, 20  # smooth fields on which the divergence theorem is tried, and what they are made of
HOLDS = 1e-3  # relative departure up to which it holds, as quadrature goes
EVERYWHERE = 2**11  # points of a region where it is looked whether zero satisfies its terms
UNBALANCED = 1e-2  # of source and flux, by the larger of the two without signs


def trivial(trial: TrialFunction, is_homogeneous: bool) -> Iterator[str]:
    """That zero solves a problem, where it does, in words. is_homogeneous: whether zero satisfies every term."""
    if not is_homogeneous:
        return
    fields, unknowns = trial.problem.vocabulary.fields, tuple(trial.problem.unknowns)
    told = f"{', '.join(fields)} = 0 satisfies every term: a source, data or a value that is not zero is missing"
    if unknowns:
        name = unknowns[0]
        told += (
            f"; where {name} is an eigenvalue, the size of a field: pinn.Norm({fields[0]!r}), or "
            f"unknowns = {{{name!r}: pinn.Eigenvalue()}}"
        )
    yield told


def unbalanced(trial: TrialFunction, generator: torch.Generator) -> Iterator[str]:
    """Equations whose source is not what flows through the sides, although nothing else is free to carry it, in words.

    Of a steady problem whose terms do not see the level of a field, such as one of Neumann conditions alone. Whether
    and by which factor the integral of an equation is that of its conditions, as by the divergence theorem, is seen on
    some smooth fields.
    """
    problem = trial.problem
    if problem.domain.time is not None or problem.domain.parameters or problem.unknowns:
        return
    probe = _Probe(trial, generator)
    inner = [(g, b) for g in probe.residuals.regions.values() if g.region.is_whole for b in g.blocks]
    sides = [
        (g, b)
        for g in probe.residuals.regions.values()
        if not g.region.is_interior and not isinstance(g.region, GivenRegion) and g.region.period is None
        for b in g.blocks
    ]
    if not inner or not sides or not all(probe.is_blind(group) for group, _ in (*inner, *sides)):
        return
    for group, block in inner:
        (source, amount), ends = probe.integrals(group, block), [probe.integrals(*side) for side in sides]
        through = [values for values, _ in ends]
        moved = torch.stack([values[1:] - values[0] for values in through], 1)  # (probes, sides)
        target = source[1:] - source[0]
        factors = torch.linalg.lstsq(moved, target.unsqueeze(1), driver="gelsd").solution.squeeze(1)
        if float((moved @ factors - target).norm()) > HOLDS * float(target.norm()) or not float(target.norm()) > 0:
            continue
        flux = float(factors @ torch.stack([values[0] for values in through]))
        total = float(source[0])
        size = max(amount, float(factors.abs() @ torch.tensor([most for _, most in ends]).to(factors)))
        if abs(total - flux) > UNBALANCED * size:
            named = ", ".join(dict.fromkeys(block.name for _, block in sides))
            yield (
                f"{block.name} has no solution: the integral of its source is {_number(-total)}, and the flux that "
                f"{named} let through is {_number(-flux)}; the two must be equal, as nothing else in the problem sees "
                "the level of the fields"
            )


def _number(value: float) -> str:
    return f"{0.0 if abs(value) < 1e-12 else value:.4g}"


class _Probe:
    """Smooth fields without conditions in the place of a trial function, and integrals of residuals of theirs."""

    def __init__(self, trial: TrialFunction, generator: torch.Generator) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            network = partial(RandomFeatures, width=WIDTH, scale=SCALE)
            self.trial = make_trial(trial.problem, network, constraints="soft", derivatives=trial.derivatives)
        self.residuals = Residuals(self.trial)
        self.generator = generator
        parameters = self.trial.parameters()
        weight, bias = parameters["core.last.weight"], parameters["core.last.bias"]
        self.zero = {**parameters, "core.last.weight": 0.0 * weight, "core.last.bias": 0.0 * bias}
        self.level = {**self.zero, "core.last.bias": torch.ones_like(bias)}
        self.fields = [self.zero]
        for _ in range(PROBES):
            drawn = torch.randn(weight.shape, generator=generator).to(weight)
            self.fields.append({**self.zero, "core.last.weight": drawn})

    def is_blind(self, group: RegionBlocks) -> bool:
        """Whether a region's equations do not see the level of the fields, and are affine in these."""
        points = UniformSampler(interior=40, boundary=10).draw(self.trial.domain, group.region, self.generator)
        points = points.to(self.trial.dtype, self.trial.device)
        one = self.fields[1]
        twice = {**one, "core.last.weight": 2.0 * one["core.last.weight"]}
        with torch.no_grad():
            r = [
                torch.stack(self.residuals.region_values(group, points, at))
                for at in (self.zero, self.level, one, twice)
            ]
        size = float((r[2] - r[0]).abs().max())
        departures = (float((r[1] - r[0]).abs().max()), float((r[3] - 2.0 * r[2] + r[0]).abs().max()))
        return size > 0 and max(departures) <= 1e-9 * size

    def integrals(self, group: RegionBlocks, block: Block) -> tuple[Tensor, float]:
        """Of a block's residual over its region, for no fields and each probe (1 + probes,); of its size for none."""
        region = QuadratureRegion(group.region.sides, group.region.where, of=group.region.of)
        nodes = UniformSampler().draw(self.trial.domain, region, self.generator)
        points = Points(nodes.x, nodes.normal).to(self.trial.dtype, self.trial.device)
        number = group.blocks.index(block)
        with torch.no_grad():
            rows = [self.residuals.region_values(group, points, at)[number] for at in self.fields]
        weight = nodes.columns[WEIGHT].to(rows[0])
        return torch.stack([weight @ row for row in rows]), float(weight @ rows[0].abs())


def is_homogeneous(trial: TrialFunction, generator: torch.Generator) -> bool:
    """Whether fields that are zero satisfy every term, those that hold exactly included.

    Not where an ansatz of the problem's own is not zero itself: it holds data that are no terms.
    """
    x = anywhere(trial, 100, generator)
    if isinstance(trial.ansatz, WrittenAnsatz):
        without: dict[str, Values] = {name: torch.zeros_like(x[:, 0]) for name in trial.problem.vocabulary.fields}
        lifted: Any = trial.ansatz(x, without)
        if any(bool((values != 0).any()) for values in lifted.values()):
            return False
    residuals = Residuals(trial.zero())
    # data may be zero but for a small place
    least_squares = bind(residuals, residuals.draw(SobolSampler(interior=EVERYWHERE, boundary=EVERYWHERE), generator))
    return float(least_squares.loss(residuals.theta())) == 0.0
