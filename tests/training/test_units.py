"""A problem in other units is solved as well, with nothing but its units changed."""

import re
from functools import partial

import h5py
import numpy as np
import pytest
import torch

import pinn
from pinn.networks.mlp import MLP
from pinn.optimizers.first_order import Adam
from pinn.sampling.sequences import SobolSampler
from pinn.scaling.measuring import measure_sizes
from pinn.scaling.sizes import Sizes
from pinn.solution_file.contents import FIELD_SIZES
from tests.scaling.test_measuring import Layers, Rod

SMALL = {
    "network": partial(MLP, width=8, depth=2),
    "sampler": SobolSampler(interior=100, boundary=15),
    "output": pinn.Output(figures=False, resolution=9, estimate=False),
    "compile": "never",
}
UNITS = {
    "lengths and times": {"length": 1e-3, "time": 3600.0},
    "level": {"level": 273.15},
    "equation": {"factor": 1e7},
    "all": {"length": 1e3, "time": 3600.0, "level": 273.15, "rise": 1e-3, "factor": 1e-7},
}


def error(problem, constraints, steps=20, **settings):
    """The largest error by the range of the solution."""
    training = pinn.Training(steps=steps, held_out=50)
    solution = pinn.solve(problem, **SMALL, training=training, constraints=constraints, **settings)
    x, t = torch.rand(2, 300, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    x, t = x * problem.length, t * problem.time
    return float((torch.as_tensor(solution(x=x, t=t)) - problem.exact(x, t)).norm() / 300**0.5 / problem.rise)


@pytest.fixture(scope="module")
def plain():
    return {constraints: error(Rod(), constraints) for constraints in ("hard", "soft")}


@pytest.mark.parametrize(("unit", "constraints"), [*((unit, "soft") for unit in UNITS), ("all", "hard")])
def test_the_error_does_not_depend_on_units(unit, constraints, plain):
    """To a factor of three and a little: with other sizes training takes other ways."""
    assert error(Rod(**UNITS[unit]), constraints) < 4 * plain[constraints]


def test_units_spoil_what_is_not_scaled(plain):
    assert error(Rod(**UNITS["all"]), "soft", scaling="none") > 10 * plain["soft"]


def test_a_file_holds_the_sizes(tmp_path):
    training = pinn.Training(steps=3, held_out=50)
    solution = pinn.solve(Layers(), **SMALL, training=training, folder=tmp_path)
    with h5py.File(tmp_path / "solution.h5") as file:
        assert "u" in file.attrs[FIELD_SIZES]
    again = pinn.load(tmp_path, trust=True, problem=Layers())
    at = {"x": np.linspace(0, 1, 5), "y": np.linspace(0, 2, 5)}
    assert np.array_equal(again(**at)["u"], solution(**at)["u"])
    assert again.trial.sizes == solution.trial.sizes


def test_a_file_without_sizes_has_those_of_its_problem(tmp_path):
    training = pinn.Training(steps=3, held_out=50)
    solution = pinn.solve(Rod(), **SMALL, training=training, folder=tmp_path)
    with h5py.File(tmp_path / "solution.h5") as file:
        assert FIELD_SIZES not in file.attrs  # of order one: as files were before
    assert pinn.load(tmp_path, trust=True, problem=Rod()).trial.sizes is None
    assert solution.trial.sizes is None


def test_windows_of_time_have_a_level_once(tmp_path):
    training = pinn.Training(steps=3, held_out=50, windows=2)
    settings = {**SMALL, "training": training, "constraints": "soft", "folder": tmp_path}
    solution = pinn.solve(Rod(level=293.0, rise=1e-2), **settings)
    levels = [window.sizes["T"][0] for window in solution.trial.windows]
    assert levels == [pytest.approx(293.0, abs=0.1), 0.0]
    at = {"x": 0.5, "t": np.linspace(0.0, 1.0, 9)}
    assert np.abs(solution(**at) - 293.0).max() < 0.1  # the jump that a level told twice would make is 293
    again = pinn.load(tmp_path, trust=True, problem=Rod(level=293.0, rise=1e-2))
    assert np.array_equal(again(**at), solution(**at))


def test_the_pre_flight_tells_the_sizes(caplog):
    training = pinn.Training(steps=1, held_out=50)
    with caplog.at_level("WARNING"):
        pinn.solve(Rod(level=293.0, rise=100.0, factor=1e7), **SMALL, training=training)
    (told,) = [record.getMessage() for record in caplog.records if "sizes:" in record.getMessage()]
    assert re.fullmatch(r"pre-flight: sizes: T 3\d\d.* \+- 100; equations: heat 1e\+0[89]", told)
    assert not any("weights" in record.getMessage() for record in caplog.records)


def test_residuals_are_told_in_the_equations_own_units():
    training = pinn.Training(steps=1, held_out=50)
    plain, large = (pinn.solve(Rod(factor=f), **SMALL, training=training).history for f in (1.0, 1e7))
    assert large["residual/heat"][-1] / plain["residual/heat"][-1] == pytest.approx(1e7, rel=1e-3)
    assert large["held_out"][-1] / plain["held_out"][-1] == pytest.approx(1.0, rel=1e-3)


def test_a_solution_of_other_sizes_is_a_start(tmp_path):
    training = pinn.Training(steps=3, held_out=50)
    settings = {**SMALL, "constraints": "soft"}
    before = pinn.solve(Rod(level=293.0), **settings, training=training, folder=tmp_path)
    after = pinn.solve(
        Rod(level=293.0),
        **settings,
        training=pinn.Training(steps=1, held_out=50),
        optimizer=Adam(learning_rate=1e-12),
        scaling="none",
        initial_guess=str(tmp_path),
    )
    at = {"x": np.linspace(0, 1, 5), "t": np.linspace(0, 1, 5)}
    assert before.trial.sizes is not None
    assert after.trial.sizes is None
    assert after(**at) == pytest.approx(before(**at), abs=1e-6)  # one step of 1e-12 in each of some 100 parameters


def test_fields_at_which_an_equation_fails_do_not_end_a_run(caplog):
    class Careful(Rod):
        def heat(self, T_t, T_xx):
            if float(T_xx.detach().abs().max()) > 1e3:
                raise ValueError("too hot")
            return super().heat(T_t, T_xx)

    with caplog.at_level("WARNING"):
        assert measure_sizes(Careful(rise=1e4)) == Sizes()
    assert "sizes are not measured: ValueError: too hot" in caplog.text
