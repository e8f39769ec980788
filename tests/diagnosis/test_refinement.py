"""What spectral functions miss, by more of them: as large as the error, and told where it is not settled."""

from functools import partial

import pytest
import torch

from pinn.diagnosis.refinement import FEWER, MORE, is_refinable, mean_squares, refined
from pinn.networks import MLP, Spectral
from pinn.optimizers.linear import CUTOFF, fit_last_layer
from pinn.problems import AllenCahn, Heat
from pinn.residuals.exact_terms import make_residuals
from pinn.residuals.least_squares import bind
from pinn.sampling import SobolSampler
from pinn.training.nodes import suited
from pinn.trial.making import make_trial


def fitted(problem, width):
    trial = make_trial(problem, partial(Spectral, width=width))
    residuals = make_residuals(trial)
    points = residuals.draw(suited(SobolSampler(), trial), torch.Generator().manual_seed(0))
    theta, _ = fit_last_layer(bind(residuals, points), residuals.theta(), CUTOFF, 4)
    trial.load_parameters(residuals.unflatten(theta))
    return residuals


@pytest.mark.parametrize("growth", [FEWER, MORE])
def test_it_is_as_large_as_the_error_of_a_smooth_solution(growth):
    residuals, generator = fitted(Heat(), 40), torch.Generator().manual_seed(1)
    step = refined(residuals, generator, growth)
    x = torch.rand(500, 2, dtype=torch.float64) * torch.tensor(
        [[b - a for a, b in residuals.trial.domain.bounds.values()]]
    )
    x = x + torch.tensor([[a for a, _ in residuals.trial.domain.bounds.values()]])
    error = residuals.trial.problem.exact(*x.mT) - residuals.trial.evaluate(["u"], x)["u"]
    assert float(error.norm()) > 0.0
    assert float((step.change(x)["u"] - error).norm()) < 0.5 * float(error.norm())


def test_a_corner_is_not_settled():
    residuals = fitted(AllenCahn(), 300)
    assert refined(residuals, torch.Generator().manual_seed(1)).left > 0.5


def test_only_spectral_functions_are_refined():
    assert is_refinable(make_trial(Heat(), partial(Spectral, width=40)))
    assert not is_refinable(make_trial(Heat(), partial(MLP, width=4)))
    assert not is_refinable(make_trial(Heat(), partial(Spectral, width=5000)))  # takes too long
    step = refined(fitted(Heat(), 40), torch.Generator().manual_seed(1))
    assert mean_squares([step, step], torch.Generator())["u"] > mean_squares([step], torch.Generator())["u"] > 0.0
