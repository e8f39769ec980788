"""What of the parameters follows noisy data: it is an unknown alone where its equation weighs enough."""

import math

import numpy as np
import pytest
import torch

import pinn
from pinn.networks.mlp import MLP
from pinn.optimizers.gauss_newton import LeastDamping
from pinn.residuals.least_squares import bind
from pinn.residuals.residuals import Residuals
from pinn.sampling.sequences import SobolSampler
from pinn.training.prediction import Moved, followed
from pinn.training.weighting import Followed, NoiseWeights, View
from pinn.trial.making import make_trial


class Decay(pinn.Problem):
    """u_t = -k u, u seen with noise."""

    def __init__(self, unknowns):
        self.domain, self.fields, self.unknowns = pinn.Time(t=(0, 2)), ("u",), unknowns
        t = np.linspace(0.05, 2, 40)
        self.seen = pinn.Data(at={"t": t}, u=np.exp(-1.3 * t), noise=0.02)

    def terms(self):
        decay = pinn.Interior((lambda u, u_t, k: u_t + k * u) if self.unknowns else (lambda u, u_t: u_t + 1.3 * u))
        return {"decay": decay, "start": pinn.Initial(u=1.0), "seen": self.seen}


def counted(weight, unknowns):
    torch.manual_seed(0)
    trial = make_trial(Decay(unknowns), lambda inputs, outputs: MLP(inputs, outputs, width=8, depth=1))
    residuals = Residuals(trial, weights={"decay": weight})
    points = residuals.draw(SobolSampler(interior=60), torch.Generator().manual_seed(0))
    return followed(residuals, bind(residuals, points), Moved(residuals.theta(), LeastDamping()), {"seen": 40}, 1e-4)


def test_data_bend_an_equation_that_weighs_little():
    light, heavy = counted(1.0, {"k": 1.3}), counted(1e6, {"k": 1.3})
    assert light.count > 3.0 and light.loose > 1.2
    assert heavy.count == pytest.approx(1.0, abs=0.1) and heavy.loose == pytest.approx(1.0, abs=0.01)
    assert counted(1e6, {}).count < 0.1  # without an unknown nothing is left to follow
    assert counted(1.0, {}).loose is None


def test_an_equation_next_to_nothing_leaves_unknowns_open():
    """Data bend it as if it were not there, a hundred times heavier, too: what their noise makes of k stays the same.

    Of k itself it says a hundred times as much by that, a tenth of the deviation, which is what is asked.
    """
    assert counted(1e-3, {"k": 1.3}).loose == pytest.approx(10.0, rel=0.01)
    assert counted(1e-9, {"k": 1.3}).loose == math.inf  # less than the rounding of the data


def test_equations_come_to_weigh_more_until_unknowns_gain_nothing():
    rule, weights, noisy = NoiseWeights(), {"equation": 1.0, "seen": 1.0}, {"seen": 40}
    means = {"equation": 1e-3, "seen": 1.0}  # contributes next to nothing, to the data's noise
    assert rule.is_done(weights, means, noisy)
    assert rule.updated(weights, means, noisy) == weights
    bent = View(lambda: Followed(5.0, 1.8))
    assert not rule.is_done(weights, means, noisy, bent)
    assert rule.updated(weights, means, noisy, bent) == {"equation": 10.0, "seen": 1.0}
    # what the followed parameters leave of it is no reason to wait
    assert rule.updated(weights, means | {"equation": 0.05}, noisy, bent)["equation"] == 10.0
    assert rule.updated(weights, means | {"equation": 0.3}, noisy, bent) == weights
    # where unknowns are as well known as can be, what is more than next to nothing is for steps
    tight = View(lambda: Followed(5.0, 1.01))
    assert rule.updated(weights, means | {"equation": 0.05}, noisy, tight) == weights
    large = {"equation": 1e8, "seen": 1.0}
    assert rule.is_done(large, {"equation": 1e-12, "seen": 1.0}, noisy, bent)  # at the bound
