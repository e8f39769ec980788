"""Piecewise functions of jets against torch.func, piece by piece."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from agreement import assert_agree

import pinn
from pinn.derivatives.evaluation import Given, Request, reverse, taylor
from pinn.derivatives.names import Derived, Vocabulary
from pinn.domains import Box
from pinn.networks import MLP
from pinn.problem import Problem
from pinn.residuals.assembly import Assembly
from pinn.residuals.least_squares import bind
from pinn.residuals.residuals import Residuals
from pinn.sampling.points import Points
from pinn.terms import Interior
from pinn.trial.making import make_trial

ONE = torch.tensor(1.0, dtype=torch.float64)
PIECEWISE = {
    "where": lambda x, y: torch.where(x * y < 0.2, torch.sin(x) * y, x**3),
    "where and numbers": lambda x, y: torch.where(y >= 0.5, 2.0, x * y) + torch.where(x > y, x, 0.1),
    "where and tensors": lambda x, y: torch.where(x > ONE * 0.5, ONE, x * x) + (x * y).where(x != y, ONE),
    "a coefficient that jumps": lambda x, y: torch.where(y < 0.5, 1.38, 400.0) * x**2 * y,
    "maximum": lambda x, y: torch.maximum(x * x, y) + torch.maximum(ONE * 0.3, x) + torch.maximum(x, x),
    "minimum": lambda x, y: torch.minimum(torch.sin(3 * x), y) * x + y.minimum(ONE * 0.4),
    "clamp": lambda x, y: torch.clamp(x * y, 0.1, 0.4) + x.clamp(min=0.5) ** 2 + torch.clip(y, max=0.5) * x,
    "one-sided": lambda x, y: torch.clamp_min(x - y, 0.0) ** 2 + y.clamp_max(0.6) * x,
    "relu and abs": lambda x, y: F.relu(x - y) ** 2 + torch.abs(x - 0.5) * y + (y - x).relu(),
    "sign": lambda x, y: torch.sign(x - 0.5) * x * y + x.floor() * y + torch.round(y) * x**2,
    "comparisons as numbers": lambda x, y: x**2 * (x <= y) + y**2 * (x < 0.3) + x * (y <= ONE * 0.5),
    "numpy's numbers": lambda x, y: np.float64(2.0) * x * y + x ** np.float64(2.0) + x * (np.float64(0.5) > y),
}


@pytest.mark.parametrize("name", PIECEWISE)
def test_both_engines_agree_on_each_piece(name):
    f = PIECEWISE[name]
    vocabulary = Vocabulary(("x", "y"), ("u",), derived=("q",))
    derived = {"q": Derived(f, ("x", "y"))}
    names = ("q", "q_x", "q_y", "q_xx", "q_xy", "q_yyy")
    points = torch.rand(40, 2, dtype=torch.float64)

    def fields(x):
        return {"u": x[:, 0]}

    request = Request(vocabulary, derived, names)
    forward, backward = (engine(request, fields, points, Given()) for engine in (taylor, reverse))
    for asked in names:
        assert_agree(forward[asked], backward[asked], asked)


def test_derivatives_of_what_has_constant_pieces_are_zero():
    derived = {"k": Derived(lambda y: torch.where(y < 0.5, 1.0, 2.0), ("y",))}
    request = Request(Vocabulary(("x", "y"), ("u",), derived=("k",)), derived, ("k_y", "k_xx"))
    points = torch.rand(5, 2, dtype=torch.float64)
    for engine in (taylor, reverse):
        values = engine(request, lambda x: {"u": x[:, 0]}, points, Given())
        assert all(float(v.abs().max()) == 0.0 for v in values.values())


class Switched(Problem):
    """A field with a bound that is to be identified, and a coefficient that jumps."""

    def __init__(self) -> None:
        self.domain = Box(x=(0, 1), y=(0, 1))
        self.fields = ("u",)
        self.unknowns = {"k": 0.3}

    def terms(self):
        return {"balance": Interior(lambda flux_x, u, k: flux_x + torch.minimum(u, k))}

    @pinn.derived
    def flux(self, y, u, u_x, k):
        return torch.where(y < 0.5, k**2, 2.0) * u_x + torch.maximum(k * u, u**2)


def test_parameters_that_are_chosen_have_their_columns_in_the_jacobian():
    residuals = Residuals(make_trial(Switched(), lambda **sizes: MLP(width=4, depth=1, **sizes)))
    points = {label: torch.rand(12, 2, dtype=torch.float64) for label in residuals.regions}
    points = {label: Points(x) for label, x in points.items()}
    theta = residuals.theta()
    expected = bind(residuals, points, Assembly(jacobian="reference")).jacobian(theta)[1]
    assert_agree(bind(residuals, points).jacobian(theta)[1], expected, "J")
