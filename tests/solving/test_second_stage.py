"""Runs whose solution is corrected: saved as one, loaded, continued, and started from."""

import json
import shutil
from functools import cache, partial

import h5py
import numpy as np
import pytest
import torch
import yaml
from torch import nn

import pinn
from pinn.networks import MLP, CorrectedNetwork
from pinn.problems import Heat
from pinn.report.record import read_record
from pinn.report.show import describe
from pinn.sampling import SobolSampler
from pinn.solution_file.measured import ErrorEstimate, ErrorGrowth
from pinn.training.checkpoint import load_tree

pytestmark = pytest.mark.estimates
OUTPUT = {"figures": False, "resolution": 17}


@pytest.fixture(scope="module", autouse=True)
def _brief():
    """One fit of few features, and one after each correction; no bound. The mean is asked for."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pinn.solving.examination.LEAST_SECONDS", 0.0)
        patch.setattr("pinn.solving.examination.SHARE", 0.0)
        patch.setattr("pinn.solving.examination.bound_errors", lambda trial: None)
        patch.setattr(Heat, "results", lambda self: {"mean": pinn.Average("u", at={"t": 0.5})})
        yield


SMALL = partial(MLP, width=8, depth=2)


def solve(folder=None, network=SMALL, steps=4, windows=1, output=OUTPUT, **settings):
    training = pinn.Training(steps=steps, time_limit=None, held_out=50, windows=windows)
    options = {"training": training, "compile": "never", "folder": folder, "output": pinn.Output(**output)}
    return pinn.solve(Heat(), network, sampler=SobolSampler(interior=300, boundary=30), **options, **settings)


def error(solution) -> float:
    return solution.errors()["u"]["relative_l2"]


PLAIN = {**OUTPUT, "second_stage": False}


@pytest.fixture(scope="module")
def solved(tmp_path_factory):
    """Windows and whether it is corrected -> a solution and its folder, each solved once."""

    @cache
    def of(windows, is_corrected=True):
        folder = tmp_path_factory.mktemp(f"{windows}_{is_corrected}")
        torch.manual_seed(0)
        return solve(folder, windows=windows, output=OUTPUT if is_corrected else PLAIN), folder

    return of


@pytest.mark.parametrize("windows", [1, 2])
def test_a_corrected_solution_is_saved_and_loaded_as_one(solved, windows):
    (solution, folder), (plain, _) = solved(windows), solved(windows, False)
    assert not isinstance(plain.trial.network.core, CorrectedNetwork)
    assert error(solution) < 0.1 * error(plain)
    losses, corrected = np.split(solution.history["loss"], [-windows])  # measured again, a record a window
    assert np.array_equal(losses, plain.history["loss"])
    assert corrected.max() < losses.min()
    loaded = pinn.load(folder)
    assert all(isinstance(window.network.core, CorrectedNetwork) for window in loaded.trial.windows)
    x = {"x": np.linspace(0, 1, 7), "t": 0.6}
    assert np.array_equal(loaded(**x), solution(**x))
    estimate = ErrorEstimate.of(loaded.attributes)
    assert estimate.corrections == 1
    assert 0 < estimate.fallen < 0.25
    assert "a second stage: the residual" in describe(folder)
    assert read_record(folder / "solution.h5").settings["network.width"] == 8


def test_the_estimate_is_kept_on_the_nodes(solved, tmp_path):
    """Of an uncorrected solution, whose error is not that of rounding; 2 % is between the nodes and other points."""
    solution, folder = solved(1, False)
    with h5py.File(folder / "solution.h5") as file:
        estimate, true = file["estimate/u"][()], -file["error/u"][()]
        assert file["estimate/u"].attrs["long_name"] == "estimated error of u"
        assert file["estimate/u"].dims[0][0] == file["t"]
    assert np.linalg.norm(estimate - true) < 0.02 * np.linalg.norm(true)
    loaded = pinn.load(folder)
    loaded.save(tmp_path / "again.h5")
    with h5py.File(tmp_path / "again.h5") as file:
        assert np.array_equal(file["estimate/u"][()], estimate)
    assert "estimate" not in loaded.contents(pinn.Output(resolution=5)).on_nodes()  # other nodes than the file's
    assert "estimate/u" in solution.contents(pinn.Output(resolution=5)).on_nodes()
    growth = ErrorGrowth.of(loaded.diagnosis)
    assert growth.errors["u"].shape == growth.time.shape == (20,)
    assert "estimate_u" in loaded.to_xarray()


def test_what_is_asked_has_the_error_that_the_corrected_field_shows(solved):
    """Of an uncorrected solution; the corrected one, and what its errors are scaled by, differ by a few per cent."""
    solution, folder = solved(1, False)
    mean = solution.results["mean"]
    truth = 2 / np.pi * np.exp(-(np.pi**2) / 8)
    assert mean.true == pytest.approx(truth, rel=1e-10)
    assert mean.error == pytest.approx(abs(mean.number - truth), rel=0.1)
    assert pinn.load(folder).results["mean"].error == mean.error


def test_training_goes_on_from_the_checkpoint_and_from_the_trained_part(solved, tmp_path):
    solution, folder = solved(1)
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    with (tmp_path / "metrics.jsonl").open() as lines:
        steps = [json.loads(line)["step"] for line in lines]
    assert steps[-1] == 4
    assert not any("corrections" in name for name in load_tree(tmp_path / "checkpoint.h5"))
    further = solve(tmp_path, steps=6, resume=True)
    assert list(further.history["step"][:6]) == [1, 2, 3, 4, 5, 6]
    assert all(further.history["step"][6:] == 6)  # of the corrected solution, if there is one
    started = solve(None, steps=1, initial_guess=str(tmp_path), output={**OUTPUT, "estimate": False})
    assert started.history["loss"][0] < solution.history["loss"][-2]


class Own(nn.Module):
    """A network that does not say how it was built."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(inputs, 8), nn.Tanh(), nn.Linear(8, outputs))

    def forward(self, x):
        return self.layers(x)


def test_a_network_of_ones_own_is_corrected_and_given_again(tmp_path):
    solution = solve(tmp_path, network=Own)
    assert isinstance(solution.trial.network.core, CorrectedNetwork)
    with pytest.raises(pinn.UserError, match="pass network="):
        pinn.load(tmp_path)
    loaded = pinn.load(tmp_path, network=Own)
    assert np.array_equal(loaded(x=0.3, t=0.4), solution(x=0.3, t=0.4))


def test_single_precision_is_restored(tmp_path, monkeypatch):
    monkeypatch.setattr("pinn.solving.examination.LEAST_SECONDS", 2.5)
    solution = solve(tmp_path, dtype="float32")
    loaded = pinn.load(tmp_path)
    assert isinstance(loaded.trial.network.core, CorrectedNetwork)
    assert loaded.trial.dtype == torch.float32
    assert np.array_equal(loaded(x=0.3, t=0.4), solution(x=0.3, t=0.4))
    assert "trained" in yaml.safe_load(loaded.contents().configuration)["network"]
