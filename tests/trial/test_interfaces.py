"""What holds between the parts of a domain, by the rule that no equation holds a Dirac delta."""

from functools import partial

import numpy as np
import pytest
import torch
from materials import Beam, Inclusion, Layers, Pulse, Stack, Table

from pinn.networks import PartedFeatures
from pinn.trial.function import INTERFACE
from pinn.trial.interfaces import Interfaces
from pinn.trial.making import make_trial
from pinn.trial.parts import find_parts


def interfaces(problem):
    return Interfaces(problem, find_parts(problem), {})


def draw(n, k):
    return np.random.default_rng(0).random((n, k))


@pytest.mark.parametrize(
    ("problem", "continuous"),
    [
        (Layers(), {"u", "q"}),
        (Stack(), {"u", "k+u_normal"}),
        (Table(), {"u", "u_normal"}),
        (Inclusion(), {"u", "qx+qy"}),
        (Beam(), {"w", "w_normal", "m", "m_normal"}),
        (Pulse(), {"u", "u_normal"}),
    ],
)
def test_what_is_continuous_follows_from_the_equations(problem, continuous):
    assert set(interfaces(problem).equations()) == continuous


def residuals(problem, values):
    """The rows of each condition with named quantities at the border's points by a function of these and of the side.

    values: (name, x (n, d), side +1 above or -1 below (n,)) -> (n,).
    """
    term = interfaces(problem)
    points = term.region(problem.domain).points(problem.domain, draw)
    n = len(points)
    side = torch.cat([torch.ones(n), -torch.ones(n)]).double()
    given = dict(points.columns) | {c: points.x[:, k] for k, c in enumerate(problem.coordinates)}
    return points, {
        name: e.function(*(given[a] if a in given else values(a, points.x, side) for a in e.arguments))
        for name, e in term.equations().items()
    }


def test_the_product_rule_makes_the_flux_continuous():
    """k u_xx + k_x u_x asks for [k u_x] = 0 and not for [u_x] = 0."""

    def k(x):
        return torch.where((x > 0.2) & (x < 0.6), 1.0, 20.0).double()

    def values(name, x, side):
        return {"k": k(x[:, 0]), "u_x": 3.0 / k(x[:, 0])}.get(name, torch.zeros(len(x), dtype=torch.float64))

    _, rows = residuals(Stack(), values)
    assert float(rows["k+u_normal"].abs().max()) < 1e-14  # rounding of numbers of order one

    def smooth(name, x, side):
        return {"k": k(x[:, 0]), "u_x": 0 * side + 3.0}.get(name, torch.zeros(len(x), dtype=torch.float64))

    _, rows = residuals(Stack(), smooth)
    assert float(rows["k+u_normal"].abs().min()) > 0.1


def test_the_flux_across_a_disc_is_that_along_its_normal():
    """Tangential flux may jump: (qx, qy) = side (-y, x) does."""

    def tangential(name, x, side):
        along = {"qx": -x[:, 1] * side, "qy": x[:, 0] * side}
        return along.get(name, torch.zeros(len(x), dtype=torch.float64))

    points, rows = residuals(Inclusion(), tangential)
    radius = points.x.norm(dim=1)
    assert float((radius - 0.5).abs().max()) < 1e-11  # next to the circle
    # a difference over 2e-5 of bisections to 1e-16
    assert float(rows["qx+qy"].abs().max()) < 1e-9

    def normal(name, x, side):
        return {"qx": x[:, 0] * side, "qy": x[:, 1] * side}.get(name, torch.zeros(len(x), dtype=torch.float64))

    _, rows = residuals(Inclusion(), normal)
    assert float(rows["qx+qy"].abs().min()) > 0.05


def test_across_a_border_in_time_a_first_derivative_keeps_the_field_alone():
    """u_t - u_xx: [u] = 0 where a source is switched off, and u_t may jump."""

    def values(name, x, side):
        return side if name == "u_t" else torch.zeros(len(x), dtype=torch.float64)

    _, rows = residuals(Pulse(), values)
    assert all(float(each.abs().max()) < 1e-12 for each in rows.values())
    _, rows = residuals(Pulse(), lambda name, x, side: side if name == "u" else 0.0 * side)
    assert all(float(each.abs().max()) > 0.5 for name, each in rows.items() if name == "u_normal")


def test_they_are_a_term_of_the_trial_function_beside_those_of_the_problem():
    trial = make_trial(Layers(), partial(PartedFeatures, width=6))
    assert list(trial.terms) == ["balance", "ends", INTERFACE]
    assert list(make_trial(Layers(), _mlp).terms) == ["balance", "ends"]


def _mlp(inputs, outputs):
    return torch.nn.Linear(inputs, outputs)
