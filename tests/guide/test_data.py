"""From a CSV to a number: the guide's page as it is printed there is solved, and k is what the cup was made with."""

import sys

import numpy as np
import pytest
from pages import PAGES, python_blocks

import pinn
from pinn.networks.mlp import MLP
from pinn.optimizers.gauss_newton import LeastDamping
from pinn.sampling.sequences import SobolSampler

RATE = 0.05


@pytest.mark.estimates
def test_the_number_and_its_error(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    t = np.linspace(0, 60, 61)
    readings, page, use = python_blocks(PAGES["data"])
    names = {"__name__": "cooling"}
    monkeypatch.setitem(sys.modules, "cooling", type(sys)("cooling"))
    exec(readings, names)
    exec(page, names)
    solve = pinn.solve

    def small(problem):
        network = lambda inputs, outputs: MLP(inputs, outputs, width=10, depth=1)  # noqa: E731
        sampler = SobolSampler(interior=100)
        return solve(
            problem,
            network,
            LeastDamping(),
            sampler,
            output=pinn.Output(figures=False, second_stage=False),
            compile="never",
        )

    monkeypatch.setattr(pinn, "solve", small)
    exec(use, names)
    k = names["k"]
    # du = -70 t e^(-k t) dk and du = e^(-k t) du_0: least squares in both, with noise 0.2
    slopes = np.stack([-70 * t * np.exp(-RATE * t), np.exp(-RATE * t)])
    error = np.sqrt(np.linalg.inv(slopes @ slopes.T)[0, 0]) * 0.2
    assert k.standard_error == pytest.approx(error, rel=0.25)
    assert abs(k - RATE) < 3.5 * error
