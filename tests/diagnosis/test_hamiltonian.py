"""Hamiltonian Monte Carlo against densities that are known."""

import math

import numpy as np
import pytest
import torch

from pinn.diagnosis.hamiltonian import Chain, Place, hamiltonian

DRAWS = 1500


def chain(energy, start, draws=DRAWS):
    """Of exp(-energy), a function of a tensor (k,)."""

    def look(at, before):
        at = at.detach().clone().requires_grad_()
        value = energy(at)
        return Place(at.detach(), float(value.detach()), torch.autograd.grad(value, at)[0])

    start = torch.tensor(start, dtype=torch.float64)
    return hamiltonian(look, look(start, None), draws, 100, torch.Generator().manual_seed(0))


def test_a_normal_density_has_its_mean_and_covariance():
    precision = torch.tensor([[2.0, 0.8], [0.8, 1.0]], dtype=torch.float64)
    found = chain(lambda z: 0.5 * (z - 1.0) @ precision @ (z - 1.0), [0.0, 0.0])
    worth = float(found.effective.min())
    assert found.accepted > 0.8 and worth > DRAWS / 5
    covariance = torch.linalg.inv(precision)
    # four standard errors of a mean, and of a variance, by so many independent draws
    assert torch.all((found.draws.mean(0) - 1.0).abs() < 4 * (covariance.diagonal() / worth).sqrt())
    assert torch.all((found.draws.T.cov() / covariance - 1.0).abs() < 4 * (2 / worth) ** 0.5 / 0.5)


def test_a_banana_has_its_tails():
    """(x, y - x^2) are normal: deviations 1 and 0.3."""
    found = chain(lambda z: 0.5 * z[0] ** 2 + 0.5 * ((z[1] - z[0] ** 2) / 0.3) ** 2, [0.0, 0.0])
    x, y = found.draws.T.numpy()
    worth = found.effective.numpy()
    assert worth.min() > DRAWS / 30
    # of a normal: 5 % below -1.645, known to sqrt(0.05 0.95 / n) / 0.103, three times
    assert np.quantile(x, 0.05) == pytest.approx(-1.645, abs=3 * 2.1 / worth[0] ** 0.5)
    assert y.mean() == pytest.approx(1.0, abs=4 * math.sqrt(2.09 / worth[1]))  # var x^2 = 2, and 0.09
    assert (y - x**2).std() == pytest.approx(0.3, rel=0.15)


def test_what_draws_are_worth_is_that_of_an_autoregression():
    """z_n = a z_(n-1) + e: n (1 - a) / (1 + a); its own error is about a tenth of 20,000 draws."""
    noise, a = np.random.default_rng(0).standard_normal(20_000), 0.8
    z = np.zeros(len(noise))
    for n in range(1, len(z)):
        z[n] = a * z[n - 1] + noise[n]
    worth = Chain(torch.tensor(z[::5][:, None])).effective  # a^5 = 0.328
    assert float(worth) == pytest.approx(4000 * (1 - a**5) / (1 + a**5), rel=0.2)
    independent = Chain(torch.tensor(noise[:4000, None])).effective
    assert float(independent) > 3000
