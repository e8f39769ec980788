"""A problem's residuals at drawn points, and the error of its solution."""

import torch
from torch import Tensor

from pinn.constraints import make_residuals
from pinn.problem import Problem
from pinn.residuals import BoundResiduals, Residuals
from pinn.sampling import SobolSampler
from pinn.trial import NetworkFactory, make_trial


def drawn(residuals: Residuals, interior: int, seed: int = 0) -> BoundResiduals:
    """The residuals at Sobol points, a tenth as many on each side as in the interior."""
    generator, sampler = torch.Generator().manual_seed(seed), SobolSampler(interior=interior, boundary=interior // 10)
    domain = residuals.trial.problem.domain
    return residuals.at({label: sampler.draw(domain, g.region, generator) for label, g in residuals.regions.items()})


def make_bound(problem: Problem, network: NetworkFactory, interior: int, constraints: str = "hard") -> BoundResiduals:
    """The residuals that training has to reduce, at drawn points, for a network from seed 0."""
    torch.manual_seed(0)
    return drawn(make_residuals(make_trial(problem, network, constraints=constraints)), interior)


def error(problem: BoundResiduals, theta: Tensor) -> float:
    """The relative L2 error of the first field at the interior points."""
    residuals, x = problem.residuals, problem.points["interior"].x
    name = residuals.trial.problem.vocabulary.fields[0]
    truth = residuals.trial.problem.truth(x.numpy())
    assert truth is not None
    found = residuals.trial.evaluate([name], x, residuals.unflatten(theta))[name].detach()
    expected = torch.as_tensor(truth[name])
    return float((found - expected).norm() / expected.norm())
