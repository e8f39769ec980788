"""A run that has met noisy data goes on from its checkpoint as if it had not stopped: weights and the way back."""

import numpy as np
import pytest
import torch

import pinn
from pinn.networks.mlp import MLP
from pinn.optimizers.gauss_newton import LeastDamping
from pinn.sampling.sequences import SobolSampler
from pinn.training.trainer import Trainer

NOISE, COUNT = 0.1, 400


class Slope(pinn.Problem):
    """u_x = a, both unknown, u seen with noise; a at both ends."""

    def __init__(self) -> None:
        self.domain = pinn.Box(x=(0, 1))
        self.fields = ("u", "a")

    def terms(self):
        x = np.linspace(0, 1, COUNT)
        values = np.sin(3 * x) + np.random.default_rng(0).normal(scale=NOISE, size=COUNT)
        return {
            "slope": pinn.Interior(lambda u_x, a: u_x - a),
            "seen": pinn.Data(at={"x": x}, u=values, noise=NOISE),
            "ends": pinn.Dirichlet(a=lambda x: 3 * torch.cos(3 * x), on=("x.min", "x.max")),
        }


def solve(folder, resume=False, initial_guess=None):
    return pinn.solve(
        Slope(),
        lambda inputs, outputs: MLP(inputs, outputs, width=8, depth=1),
        LeastDamping(),
        SobolSampler(interior=50, boundary=10, redraw_every=1),
        pinn.Training(steps=200, time_limit=None, checkpoint_seconds=None, check_every=5, held_out=50),
        output=pinn.Output(figures=False, resolution=9),
        compile="never",
        weights={"slope": 100.0},  # so that they change once more before the end
        folder=folder,
        resume=resume,
        initial_guess=initial_guess,
    )


def assert_same(found, whole):
    for name, value in whole.trial.parameters().items():
        assert torch.equal(value, found.trial.parameters()[name]), name
    for name, column in whole.history.items():
        if name != "seconds":
            np.testing.assert_array_equal(column, found.history[name], err_msg=name)
    assert found.attributes["status"] == whole.attributes["status"] == "noise"


@pytest.fixture(scope="module")
def told():
    """What each step of the whole run was called with: how often weights had changed, whether noise is fitted."""
    return []


@pytest.fixture(scope="module")
def whole(tmp_path_factory, told):
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        redraw = Trainer._redraw_if_due
        patch.setattr(
            Trainer,
            "_redraw_if_due",
            lambda self, stage: (redraw(self, stage), told.append((self.at.weighed, self.at.fits_noise)))[0],
        )
        return folder, solve(folder)


def test_it_is_finished_again(whole):
    folder, before = whole
    lines = (folder / "metrics.jsonl").read_bytes()
    (folder / "solution.h5").unlink()
    assert_same(solve(folder, resume=True), before)
    assert (folder / "metrics.jsonl").read_bytes() == lines


@pytest.mark.parametrize("change", ["weights", "noise is fitted"])
def test_a_step_that_is_broken_off_after_a_change_is_made_again(whole, told, tmp_path, monkeypatch, change):
    changed = [weighed > 0 if change == "weights" else fits for weighed, fits in told].index(True)
    calls, step = [], LeastDamping.step

    def broken(*arguments):
        calls.append(None)
        if len(calls) == changed + 1:
            raise KeyboardInterrupt
        return step(*arguments)

    monkeypatch.setattr(LeastDamping, "step", broken)
    assert solve(tmp_path).attributes["status"] == "interrupted"
    assert len(calls) == changed + 1
    assert_same(solve(tmp_path, resume=True), whole[1])


def test_a_run_that_begins_where_the_data_are_met_has_a_step_to_go_back_to(tmp_path):
    solve(tmp_path / "first")
    again = solve(tmp_path / "again", initial_guess=str(tmp_path / "first"))
    assert again.history["step"][0] == 1 and again.history["loss"][0] > 0
