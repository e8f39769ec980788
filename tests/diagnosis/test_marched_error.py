"""The error of ordinary equations, marched: exact to the steps, and nothing where it does not apply."""

from functools import partial

import pytest
import torch
from torch import cos, exp, sin

from pinn.diagnosis.marched_error import marched_error
from pinn.domains.box import Box, Time
from pinn.networks.mlp import MLP
from pinn.problem import Problem
from pinn.terms.conditions import Dirichlet, Initial, Interior
from pinn.terms.data import Data
from pinn.trial.making import make_trial, make_windows


class Ordinary(Problem):
    """Any terms, with an ansatz that is the solution and a given error, and a network that adds nothing."""

    def __init__(self, domain, fields, terms, ansatz=None):
        self.domain, self.fields, self._terms = domain, fields, terms
        if ansatz is not None:
            self.ansatz = ansatz

    def terms(self):
        return self._terms


def made(problem, constraints="hard"):
    torch.manual_seed(0)
    return make_trial(problem, partial(MLP, width=4, depth=1), constraints=constraints)


def relative(wrong, right, last):
    t = torch.linspace(0, last, 20001, dtype=torch.float64)
    return float((wrong(t) - right(t)).norm() / right(t).norm())


def test_a_linear_system_of_mixed_order_and_its_start():
    """Of any error, since the equations are linear; the start is missed, too."""
    problem = Ordinary(
        Time(t=(0, 3)),
        ("u", "v"),
        {
            "swing": Interior(lambda u_tt, u: u_tt + 4 * u),
            "driven": Interior(lambda v_t, v, u: v_t + v - u),
            "start": Initial(u=1.0, u_t=0.0, v=0.0),
        },
        lambda t, u, v: {
            "u": cos(2 * t) + 0.01 * (1 + sin(9 * t)) + 0 * u,
            "v": (cos(2 * t) + 2 * sin(2 * t) - exp(-t)) / 5 + 0.02 * cos(5 * t) + 0 * v,
        },
    )
    found = marched_error(made(problem))
    u = (lambda t: cos(2 * t) + 0.01 * (1 + sin(9 * t)), lambda t: cos(2 * t))
    true = relative(*u, 3.0)
    assert found["u"] == pytest.approx(true, rel=1e-3)  # of 4000 steps of second order
    assert 0.0 < found["v"] < 0.1


def test_errors_that_grow_are_told_as_large_as_they_get():
    """u' = 10 u - 10 sin t + cos t from 0: a residual of 1e-6 grows by e^10."""
    problem = Ordinary(
        Time(t=(0, 1)),
        ("u",),
        {"growth": Interior(lambda u, u_t, t: u_t - 10 * (u - sin(t)) - cos(t)), "start": Initial(u=0.0)},
        lambda t, u: {"u": sin(t) + 1e-6 * (exp(10 * t) - 1) + 0 * u},
    )
    true = relative(lambda t: sin(t) + 1e-6 * (exp(10 * t) - 1), sin, 1.0)
    assert marched_error(made(problem))["u"] == pytest.approx(true, rel=1e-2)


def test_windows_are_marched_through():
    problem = Ordinary(Time(t=(0, 1)), ("u",), {"decay": Interior(lambda u, u_t: u_t + u), "start": Initial(u=1.0)})
    torch.manual_seed(0)
    trial = make_windows(problem, partial(MLP, width=4, depth=1), 3)
    x = torch.linspace(0, 1, 5001, dtype=torch.float64)
    with torch.no_grad():
        values = trial.evaluate(["u"], x[:, None])["u"]
    true = float((values - exp(-x)).norm() / exp(-x).norm())
    assert marched_error(trial)["u"] == pytest.approx(true, rel=1e-2)


@pytest.mark.parametrize(
    ("domain", "terms"),
    [
        (Box(x=(0, 1)), {"a": Interior(lambda u_xx: u_xx), "ends": Dirichlet(u=0.0, on=("x.min", "x.max"))}),
        (Time(t=(0, 1)), {"a": Interior(lambda u_t: u_t), "end": Dirichlet(u=0.0, on="t.max")}),
        (Time(t=(0, 1)), {"a": Interior(lambda u_t: u_t), "seen": Data({"t": [0.5]}, u=[1.0])}),
        (Time(t=(0, 1)), {"a": Interior(lambda u, t: u - t), "start": Initial(u=0.0)}),
    ],
)
def test_what_is_not_marched_from_a_start(domain, terms):
    assert marched_error(made(Ordinary(domain, ("u",), terms), "soft")) == {}
