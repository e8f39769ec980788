"""Where a coordinate of space is bent when a window of time begins."""

from functools import partial

import pytest
import torch

import pinn
from pinn.networks import Spectral
from pinn.problems import Burgers
from pinn.training.fronts import resolve_front
from pinn.trial.making import make_trial


class Start(pinn.Problem):
    """u_t + u_x = 0.01 u_xx from a given start on [0, 3]."""

    def __init__(self, start):
        self.domain = pinn.Box(x=(0, 3)) * pinn.Time(t=(0, 1))
        self.fields = ("u",)
        self.start = start

    def terms(self):
        return {
            "equation": pinn.Interior(lambda u_t, u_x, u_xx: u_t + u_x - 0.01 * u_xx),
            "ends": pinn.Neumann(u=0.0, on=("x.min", "x.max")),
            "start": pinn.Initial(u=self.start),
        }


class Struck(Start):
    """u_tt = u_xx from rest at zero, struck in a narrow place."""

    def terms(self):
        return {
            "equation": pinn.Interior(lambda u_tt, u_xx: u_tt - u_xx),
            "ends": pinn.Dirichlet(u=0.0, on=("x.min", "x.max")),
            "start": pinn.Initial(u=0.0, u_t=self.start),
        }


def bent(problem):
    """Center and steepness along x when the first window of a problem begins."""
    trial = make_trial(problem, partial(Spectral, width=50), constraints="hard")
    resolve_front(trial, None)
    core = trial.network.core
    return core.bends[core.coordinates.index(0)].tolist()


def test_a_front_is_found_where_a_window_begins():
    center, steepness = bent(Start(lambda x: torch.tanh(10.0 * (x - 1.5))))
    assert center == pytest.approx(0.0, abs=2e-3)  # of a line of 2,000 places
    assert steepness == pytest.approx(1.5 / 0.1, rel=0.1)  # half the domain over the half width


def test_a_pulse_is_one_front_about_its_middle():
    center, steepness = bent(Start(lambda x: torch.exp(-((10.0 * (x - 1.8)) ** 2))))
    assert center == pytest.approx(0.2, abs=2e-3)
    assert steepness > 8.0


def test_two_fronts_far_apart_are_none():
    assert bent(Start(lambda x: torch.tanh(10.0 * (x - 0.6)) - torch.tanh(10.0 * (x - 2.4)))) == [0.0, 0.0]


def test_a_rate_counts_where_the_equation_is_of_second_order_in_time():
    center, _ = bent(Struck(lambda x: torch.exp(-((20.0 * (x - 1.5)) ** 2))))
    assert center == pytest.approx(0.0, abs=2e-3)


def test_a_smooth_start_is_no_front():
    trial = make_trial(Burgers(), partial(Spectral, width=50))
    resolve_front(trial, None)
    assert not trial.network.core.bends.any()


def test_a_bend_stays_where_another_gains_little():
    """A front that moves by a tenth of its half width is resolved by the bend of the window before it."""
    one, other = (
        make_trial(Start(lambda x, at=at: torch.tanh(10.0 * (x - at))), partial(Spectral, width=50))
        for at in (1.5, 1.51)
    )
    resolve_front(one, None)
    other.network.core.bends = one.network.core.bends
    before = other.network.core.bends.clone()
    window = make_trial(other.problem, partial(Spectral, width=50))
    resolve_front(window, other)
    assert torch.equal(window.network.core.bends, before)
