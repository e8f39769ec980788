"""Levels and ranges of fields from one coarse least-squares solution, where a problem is linear and smooth enough."""

from collections.abc import Mapping

import torch
from torch import Tensor

from pinn.linear_algebra.truncated import equilibrated_solution
from pinn.networks.embedding import Embedding
from pinn.networks.random_features import RandomFeatures
from pinn.networks.scaling import FieldScaling
from pinn.problem import Problem
from pinn.residuals.least_squares import bind
from pinn.residuals.residuals import Residuals
from pinn.sampling.sequences import SobolSampler
from pinn.scaling.waves import Probe, mean_square
from pinn.trial.function import FieldNetwork, TrialFunction, own_inputs, trained_for

FEATURES, SCALE = 160, 4.0  # of all fields together; largest wave, in radians a unit of [-1, 1]
INTERIOR, BOUNDARY = 300, 60  # rows of a region or side
CUTOFF = 1e-8  # of singular values: larger than what large weights would be asked for
SOLVED = 0.1  # share of each block, by its size, that the fit may leave


def fitted_range(
    probe: Probe, center: Tensor, half: Tensor, sizes: Mapping[str, float], asked: Mapping[str, set[int]]
) -> tuple[Tensor, Tensor] | None:
    """Lowest and highest value (m,) of each field where terms ask for it; None where the fit does not solve them.

    center, half: presumed levels and sizes of the fields (m,). sizes: of the blocks. asked: block -> the fields, by
    number, on which it depends.
    """
    problem = probe.residuals.trial.problem
    trial = _trial(problem, center, half, probe.residuals.trial.derivatives)
    residuals = Residuals(trial, weights={block: size**-2 for block, size in sizes.items() if size > 0})
    points = residuals.draw(SobolSampler(interior=INTERIOR, boundary=BOUNDARY), probe.generator)
    layer = bind(residuals, points).last_layer(residuals.theta())
    assert layer is not None
    indices, block = layer
    start = residuals.theta()[indices]
    r, j = block.jacobian(start)
    if not bool(r.isfinite().all() and j.isfinite().all()):
        return None
    end = start + equilibrated_solution(j, r, CUTOFF)[0]
    left = block.residual(end)
    count = 0
    for label, group in residuals.regions.items():
        for _ in group.blocks:
            n = len(points[label])
            if mean_square(left[count : count + n]) * n > SOLVED**2:
                return None
            count += n
    residuals.load(residuals.theta().index_copy(0, indices, end))
    return _range(residuals, {label: own.x for label, own in points.items()}, asked, half)


def _trial(problem: Problem, center: Tensor, half: Tensor, derivatives: str) -> TrialFunction:
    d, m = len(problem.coordinates), len(half)
    core = RandomFeatures(d, m, width=FEATURES // m, scale=SCALE)
    scaling = FieldScaling(half.tolist(), center.tolist())
    embedding = Embedding(list(problem.domain.bounds.values()))
    seen = own_inputs(problem, embedding.coordinates)
    network = FieldNetwork(embedding, core, scaling, trained_for(problem), seen).double()
    return TrialFunction(problem, network, None, derivatives=derivatives)


def _range(
    residuals: Residuals, points: Mapping[str, Tensor], asked: Mapping[str, set[int]], half: Tensor
) -> tuple[Tensor, Tensor]:
    fields = residuals.trial.problem.vocabulary.fields
    low, high = torch.full_like(half, torch.inf), torch.full_like(half, -torch.inf)
    for label, group in residuals.regions.items():
        blocks = [block.name for block in group.blocks]
        with torch.no_grad():
            values = residuals.trial.evaluate(fields, points[label])
        for k, name in enumerate(fields):
            if any(k in asked[block] for block in blocks):
                low[k], high[k] = min(low[k], values[name].min()), max(high[k], values[name].max())
    return low, high
