"""Why a problem may not be solved."""

from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from pinn.diagnosis import causes
from pinn.domains.box import Box
from pinn.networks.mlp import MLP
from pinn.problem import Problem
from pinn.terms.conditions import Dirichlet, Interior
from pinn.terms.data import Data
from pinn.trial.making import make_trial


class Sized(Problem):
    """Two fields of a unit, u by a condition and v by data with noise."""

    def __init__(self, unit=1.0, scales=None):
        self.domain, self.fields, self.unit, self.scales = Box(x=(0, 1)), ("u", "v"), unit, scales or {}

    def terms(self):
        return {
            "a": Interior(lambda u_xx: u_xx),
            "b": Interior(lambda v_xx: v_xx),
            "ends": Dirichlet(u=lambda x: self.unit * (1 + x), on=("x.min", "x.max")),
            "seen": Data({"x": [0.2, 0.4]}, v=[self.unit, self.unit], noise=0.1 * self.unit),
        }


def made(problem, dtype=torch.float64):
    torch.manual_seed(0)
    return make_trial(problem, partial(MLP, width=8, depth=2), constraints="soft", dtype=dtype)


@pytest.mark.parametrize("unit", [1e6, 1e-6])
def test_fields_of_another_size_are_told_with_their_scales(unit):
    """Although a network as it starts knows of neither."""
    u, v = causes.sizes(made(Sized(unit)))
    assert u.action == f"scales = {{'u': {unit * 2.5**0.5:.0e}}} in the problem"
    assert v.text.startswith(f"v is of the size of {unit:.0e}")
    assert not list(causes.sizes(made(Sized())))
    assert not list(causes.sizes(made(Sized(unit, {"u": unit, "v": unit}))))


def test_a_residual_of_rounding_is_that_of_single_precision():
    """A solution to double precision has in single precision the residual of rounding alone."""

    class Line(Problem):
        domain, fields = Box(x=(0, 1)), ("u",)

        def terms(self):
            return {"line": Interior(lambda u_xx: u_xx - 6e3), "value": Interior(lambda u, x: u - 3e3 * x**2)}

    class Square(nn.Module):
        def __init__(self, inputs, outputs):
            super().__init__()
            self.c = nn.Parameter(torch.tensor([750.0]))

        def forward(self, s):  # s in [-1, 1]
            return self.c * (s * s + 2 * s + 1)

    trial = make_trial(Line(), Square, dtype=torch.float32, derivatives="reverse")
    (told,) = causes.single_precision(trial, None, {})
    assert told.action == "dtype=float64"
    with torch.no_grad():
        trial.network.core.c += 1.0
    assert not list(causes.single_precision(trial, None, {}))
    assert not list(causes.single_precision(made(Sized()), None, {}))


def test_when_training_ended():
    falling, level = 0.5 ** np.arange(20.0), np.ones(20)
    assert causes.still_falling({"held_out": falling}) is True
    assert causes.still_falling({"held_out": np.where(np.arange(20) % 2, np.nan, falling)}) is True
    assert causes.still_falling({"held_out": level}) is False
    assert causes.still_falling({"held_out": falling[:4]}) is causes.still_falling({}) is None
    both = {"held_out": np.concatenate([level, falling]), "window": np.repeat([1, 2], 20)}
    assert causes.still_falling(both) is True
    heavier = {"held_out": np.concatenate([falling, 1e3 * falling]), "weighed": np.repeat([np.nan, 1.0], 20)}
    assert causes.still_falling(heavier) is True
    (told,) = causes.end({"held_out": falling})
    assert told.action == "training=accurate"
    (told,) = causes.end({"held_out": level})
    assert told.action == "a larger network (network.width)"
    assert not list(causes.end({}))
