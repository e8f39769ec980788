"""What the noise of data leaves open: the slope of a curve that is seen with noise, against the truth."""

import math

import numpy as np
import pytest
import torch

import pinn
from pinn.diagnosis.noise_error import NoiseErrors
from pinn.diagnosis.verdict import Verdict
from pinn.networks.mlp import MLP
from pinn.optimizers.gauss_newton import LeastDamping
from pinn.solution_file.measured import ErrorEstimate
from pinn.training.settings import Training
from pinn.trial.making import make_trial

NOISE, COUNT = 0.05, 400


class Slope(pinn.Problem):
    """u_x = a, both unknown, u seen with noise; a at both ends."""

    def __init__(self, seed: int = 0) -> None:
        self.domain = pinn.Box(x=(0, 1))
        self.fields = ("u", "a")
        x = np.linspace(0, 1, COUNT)
        self.seen = {"x": x}, np.sin(3 * x) + np.random.default_rng(seed).normal(scale=NOISE, size=COUNT)

    def terms(self):
        at, values = self.seen
        return {
            "slope": pinn.Interior(lambda u_x, a: u_x - a),
            "seen": pinn.Data(at=at, u=values, noise=NOISE),
            "ends": pinn.Dirichlet(a=lambda x: 3 * torch.cos(3 * x), on=("x.min", "x.max")),
        }

    def exact(self, x):
        return {"u": torch.sin(3 * x), "a": 3 * torch.cos(3 * x)}


def solved(seed: int) -> pinn.Solution:
    return pinn.solve(
        Slope(seed),
        network=lambda inputs, outputs: MLP(inputs, outputs, width=16, depth=2),
        optimizer=LeastDamping(),
        training=Training(time_limit=None),
        compile="never",
    )


@pytest.mark.estimates
def test_training_ends_at_the_noise_and_its_estimate_is_the_error():
    ratios, slopes = [], []
    for seed in range(3):
        solution = solved(seed)
        told = solution.attributes
        assert told["status"] == "noise"
        assert told[ErrorEstimate.WAY] == ErrorEstimate.NOISE
        assert told[Verdict.WORD] == "plausible"
        errors = {name: found["relative_l2"] for name, found in solution.errors().items()}
        slopes.append(errors["a"])
        ratios += [told[f"estimated_relative_l2_{name}"] / error for name, error in errors.items()]
    assert np.median(slopes) < 0.05 and max(slopes) < 0.15, slopes  # 0.06 to 0.19 after 80 steps without an end
    # each error is one draw of what the estimate is the root mean square of
    assert all(0.3 < ratio < 4 for ratio in ratios), ratios
    assert 0.6 < math.exp(np.mean(np.log(ratios))) < 1.8, ratios


class Pressure(pinn.Problem):
    """A field of which the derivative alone is known: any constant may be added."""

    defined_up_to_constant = ("p",)

    def __init__(self) -> None:
        self.domain, self.fields = pinn.Box(x=(0, 1)), ("p",)

    def terms(self):
        return {"slope": pinn.Interior(lambda p_x, x: p_x - x)}


def test_a_constant_that_is_free_is_no_error():
    """Deviations of the last bias alone, the constant, and of all else with it."""
    trial = make_trial(Pressure(), lambda inputs, outputs: MLP(inputs, outputs, width=6, depth=1))
    shapes = {name: value.shape for name, value in trial.parameters().items()}
    theta = torch.cat([value.reshape(-1) for value in trial.parameters().values()])
    x = torch.linspace(0, 1, 101, dtype=torch.float64)[:, None]
    constant = torch.zeros(len(theta), 1, dtype=torch.float64)
    constant[[name for name, s in shapes.items() for _ in range(s.numel())].index(list(shapes)[-1])] = 3.0
    assert float(NoiseErrors(trial, theta, shapes, constant, x).missing(x)["p"].max()) < 1e-12
    others = torch.randn(len(theta), 4, dtype=torch.float64)
    found = [NoiseErrors(trial, theta, shapes, spread, x).missing(x)["p"] for spread in (others, others + constant)]
    assert torch.allclose(*found, rtol=1e-10) and float(found[0].min()) > 0
