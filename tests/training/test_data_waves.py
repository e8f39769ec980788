"""Spectra of a problem's data, and what its equations make of them."""

from functools import partial
from math import pi

import numpy as np
import pytest
import torch

import pinn
from pinn.networks import RandomFeatures
from pinn.problems import Heat, Wave
from pinn.residuals.exact_terms import make_residuals
from pinn.training.data_waves import SAMPLES, balanced, data_waves, linearized, power, travelling, waves_of
from pinn.training.feature_starts import Waves
from pinn.trial.making import make_trial

S = 2 * (np.arange(SAMPLES) + 0.5) / SAMPLES - 1  # places of a line in [-1, 1]
INSIDE = np.full((1, SAMPLES), True)


def residuals(problem, constraints="hard"):
    return make_residuals(make_trial(problem, partial(RandomFeatures, width=2), constraints=constraints))


@pytest.mark.parametrize("k", [20.0, 62.8, 300.0])
def test_a_sine_is_one_line_whatever_its_phase_and_trend(k):
    found = waves_of(power((np.sin(k * S + 0.7) + 3 * S - 2)[None], INSIDE))
    assert found.lines == pytest.approx((k,), abs=0.3)  # a tenth of the frequencies' distance pi
    assert k - pi <= found.highest <= k + pi


def test_two_sines_are_two_lines_and_a_chirp_is_none():
    two = waves_of(power((np.sin(25 * S) + np.sin(100 * S))[None], INSIDE))
    assert two.lines == pytest.approx((25, 100), abs=0.3)
    chirp = waves_of(power(np.sin(40 * (S + 2) ** 2)[None], INSIDE))
    assert chirp.lines == ()
    assert 150 < chirp.highest < 240  # its wave number goes from 80 to 240, where the window is zero


def test_what_does_not_vary_has_no_waves():
    for values in (np.zeros(SAMPLES), 5 + 2 * S, 1 + 1e-4 * np.sin(30 * S)):
        assert waves_of(power(values[None], INSIDE)) is None


def test_what_is_outside_the_domain_or_not_finite_is_left_out():
    values, inside = np.sin(20 * S), INSIDE.copy()
    inside[0, 200:230] = False
    values[200:230] = 1e9
    values[0] = np.nan
    assert waves_of(power(values[None], inside)).lines == pytest.approx((20,), abs=0.5)


def test_windows_waves_are_told_in_the_units_of_the_whole_time():
    spectrum = power(np.sin(20 * S)[None], INSIDE)
    assert waves_of(spectrum, 4.0).lines == pytest.approx((80,), abs=1.2)


class Source(pinn.Problem):
    """Poisson's equation on [0, 1] x [0, 3] with a source that varies along x, and values along y at a side."""

    def __init__(self):
        self.domain = pinn.Box(x=(0, 1), y=(0, 3))
        self.fields = ("u",)

    def terms(self):
        return {
            "poisson": pinn.Interior(lambda laplacian_u, x: laplacian_u - 400 * torch.sin(20 * pi * x)),
            "side": pinn.Dirichlet(u=lambda y: torch.cos(8 * pi * y), on="x.min"),
        }


@pytest.mark.parametrize("constraints", ["hard", "soft"])
def test_sources_and_values_are_found_in_the_loss_and_in_the_ansatz(constraints):
    x, y = data_waves(residuals(Source(), constraints))
    assert x.lines[-1] == pytest.approx(20 * pi * 0.5, abs=0.5)  # radians over half the length
    assert y.lines[-1] == pytest.approx(8 * pi * 1.5, abs=0.5)


def test_equations_are_linearized_in_scaled_coordinates():
    """u_tt = 4 u_xx on lengths of 1."""
    (term,) = linearized(residuals(Wave(speed=2.0)))
    assert term == pytest.approx({(0, 2): 4.0, (2, 0): -16.0})


def test_waves_travel_and_diffusion_balances():
    (wave,), (heat,) = linearized(residuals(Wave(speed=2.0))), linearized(residuals(Heat(diffusivity=0.25)))
    assert balanced([Waves(30.0, (25.0,)), None], [wave])[1] == Waves(pytest.approx(60.0), pytest.approx((50.0,)))
    # u_t = u_xx / 4 in halves of lengths of 1: 2 k_t = (2 k_x)^2 / 4
    assert balanced([Waves(30.0, (25.0,)), None], [heat])[1] == Waves(pytest.approx(450.0), ())
    poisson = {(2, 0): 1.0, (0, 2): 1.0}
    assert travelling(1, [5.0, 0.0], poisson) is None
    assert balanced([None, None], [poisson]) == [None, None]
