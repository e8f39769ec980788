"""Kinks of trained functions, and residuals in small places."""

from functools import partial

import pytest
import torch
from torch import nn

from pinn.diagnosis.sharpness import kinks, sharp_place
from pinn.domains.box import Box, Time
from pinn.networks.mlp import MLP
from pinn.problem import Problem, derived
from pinn.residuals.residuals import Residuals
from pinn.terms.conditions import Dirichlet, Interior
from pinn.trial.making import make_trial


class Kinked(Problem):
    """The heat equation from a hat, by an ansatz that keeps its kink."""

    def __init__(self, at=0.5):
        self.at = at
        self.domain = Box(x=(0, 1)) * Time(t=(0, 1))
        self.fields = ("u",)

    def terms(self):
        return {"heat": Interior(self.heat), "ends": Dirichlet(u=0.0, on=("x.min", "x.max"))}

    def heat(self, u_t, u_xx):
        return u_t - u_xx

    def ansatz(self, x, t, u):
        return {"u": (x - self.at).abs() + t * u}


class Transport(Kinked):
    """Of first order, which may have kinks."""

    def heat(self, u_t, u_x):
        return u_t + u_x


def test_a_kink_that_an_ansatz_carries_is_found_where_the_equation_does_not_see_it():
    (kink,) = kinks(make_trial(Kinked(), partial(MLP, width=8, depth=2), derivatives="auto"))
    assert kink.size > 0.1
    assert kink.text.startswith("u has a kink at x = 0.5, t = 0.")
    assert "derivatives along x of order 2" in kink.text
    assert not list(kinks(make_trial(Transport(), partial(MLP, width=8, depth=2), derivatives="auto")))
    assert not list(kinks(make_trial(Kinked(), partial(MLP, width=8, depth=2), constraints="soft")))


class Layers(Kinked):
    """Conduction in flux form with a coefficient that jumps."""

    ansatz = None

    def terms(self):
        return {"balance": Interior(lambda q_x: q_x)}

    @derived
    def q(self, x, u_x):
        return torch.where(x < self.at, 1.0, 4.0) * u_x


@pytest.mark.parametrize("engine", ["taylor", "reverse"])
def test_a_flux_that_jumps_where_its_derivative_is_used_is_found(engine):
    (kink,) = kinks(make_trial(Layers(), partial(MLP, width=8, depth=2), derivatives=engine))
    assert kink.text.startswith("q has a jump at x = 0.5, t = 0.")
    assert "as it is defined" in kink.text


def test_a_network_of_kinks_is_found():
    def rectified(inputs, outputs):
        return nn.Sequential(nn.Linear(inputs, 8), nn.ReLU(), nn.Linear(8, outputs)).double()

    torch.manual_seed(0)
    trial = make_trial(Kinked(), rectified, constraints="soft", derivatives="reverse")
    assert next(kinks(trial)).text.startswith("u has a kink at")


class Layer(Kinked):
    """An equation that asks for a front at x = 0.7."""

    def terms(self):
        return {"front": Interior(lambda u, x: u - torch.exp(-(((x - 0.7) / self.at) ** 2)))}


def test_where_most_of_the_residual_sits():
    def place(width):
        trial = make_trial(Layer(width), partial(MLP, width=8, depth=2), constraints="soft")
        trial.load_parameters({name: 0.0 * values for name, values in trial.parameters().items()})
        return sharp_place(Residuals(trial))

    assert place(0.002).startswith("x = 0.7, t = ")
    assert place(0.3) is None
