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


@pytest.fixture
def quick(tmp_path, monkeypatch):
    """An empty working directory, where `pinn.solve` takes a small network."""
    monkeypatch.chdir(tmp_path)
    solve = pinn.solve

    def small(problem):
        network = lambda inputs, outputs: MLP(inputs, outputs, width=10, depth=1)  # noqa: E731
        return solve(
            problem,
            network,
            LeastDamping(),
            SobolSampler(interior=100),
            pinn.Training(steps=400, time_limit=None),
            output=pinn.Output(figures=False, second_stage=False),
            compile="never",
        )

    monkeypatch.setattr(pinn, "solve", small)
    return monkeypatch


@pytest.mark.estimates
def test_the_number_and_its_error(quick):
    t = np.linspace(0, 60, 61)
    readings, page, use, *_ = python_blocks(PAGES["data"])
    names = {"__name__": "cooling"}
    quick.setitem(sys.modules, "cooling", type(sys)("cooling"))
    exec(readings, names)
    exec(page, names)
    exec(use, names)
    k = names["k"]
    # du = -70 t e^(-k t) dk and du = e^(-k t) du_0: least squares in both, with noise 0.2
    slopes = np.stack([-70 * t * np.exp(-RATE * t), np.exp(-RATE * t)])
    error = np.sqrt(np.linalg.inv(slopes @ slopes.T)[0, 0]) * 0.2
    assert k.standard_error == pytest.approx(error, rel=0.25)
    assert abs(k - RATE) < 3.5 * error


@pytest.mark.estimates
def test_a_function_and_where_to_measure_it_next(quick):
    *_, page, use = python_blocks(PAGES["data"])
    names = {"__name__": "rod"}
    quick.setitem(sys.modules, "rod", type(sys)("rod"))
    exec(page, names)
    exec(use, names)
    solution, asked, x = names["solution"], names["asked"], np.linspace(0, 1, 21)
    m, band = solution(x=x)["m"], solution.band(x=x)["m"]
    assert np.mean(np.abs(m - np.log(1 + x)) <= 1.5 * band + 1e-9) > 0.9  # of one draw, three standard errors
    assert solution.derivative("k", x=x) == pytest.approx(np.exp(m), rel=1e-12)
    assert 0.3 < asked.best["x"] < 1.0 and asked.left.min() < 0.98
