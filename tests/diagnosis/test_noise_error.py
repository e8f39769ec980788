"""What the noise of data leaves open: the slope of a curve that is seen with noise, against the truth."""

import math

import numpy as np
import pytest
import torch

import pinn
from pinn.diagnosis.verdict import Verdict
from pinn.networks.mlp import MLP
from pinn.optimizers.gauss_newton import LeastDamping
from pinn.solution_file.measured import ErrorEstimate
from pinn.training.settings import Training

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
