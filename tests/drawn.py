"""A problem's residuals at drawn points, and the error of its solution."""

from collections.abc import Callable

import torch
from torch import Tensor

from pinn.problem import Problem
from pinn.residuals.exact_terms import make_residuals
from pinn.residuals.least_squares import CollocationLeastSquares, bind
from pinn.residuals.residuals import Residuals
from pinn.sampling import Sampler, SobolSampler
from pinn.trial.function import NetworkFactory
from pinn.trial.making import make_trial


def drawn(
    residuals: Residuals, interior: int, seed: int = 0, sampler: Callable[..., Sampler] = SobolSampler
) -> CollocationLeastSquares:
    """The residuals at Sobol points, a tenth as many on each side as in the interior."""
    drawer = sampler(interior=interior, boundary=interior // 10)
    return bind(residuals, residuals.draw(drawer, torch.Generator().manual_seed(seed)))


def make_bound(
    problem: Problem,
    network: NetworkFactory,
    interior: int,
    constraints: str = "hard",
    sampler: Callable[..., Sampler] = SobolSampler,
) -> CollocationLeastSquares:
    """The residuals that training has to reduce, at drawn points, for a network from seed 0."""
    torch.manual_seed(0)
    residuals = make_residuals(make_trial(problem, network, constraints=constraints))
    return drawn(residuals, interior, sampler=sampler)


def values(problem: CollocationLeastSquares, name: str, theta: Tensor) -> list[Tensor]:
    """Copies of what a method of the residuals returns, `residual` as where nobody differentiates it."""
    with torch.set_grad_enabled(name != "residual"):
        found = getattr(problem, name)(theta)
    return [torch.as_tensor(part).clone() for part in (found if isinstance(found, tuple) else (found,))]


def error(problem: CollocationLeastSquares, theta: Tensor) -> float:
    """The relative L2 error of the first field at the interior points."""
    residuals, x = problem.residuals, problem.points["interior"].x
    name = residuals.trial.problem.vocabulary.fields[0]
    truth = residuals.trial.problem.truth(x.numpy())
    assert truth is not None
    found = residuals.trial.evaluate([name], x, residuals.unflatten(theta))[name].detach()
    expected = torch.as_tensor(truth[name])
    return float((found - expected).norm() / expected.norm())
