"""A run that was stopped after its last step, or between the methods that it tries, is finished by a resume."""

import json
import signal
from functools import partial

import numpy as np
import pytest
import torch

import pinn
from pinn.networks import MLP
from pinn.optimizers import Adam, LeastDamping
from pinn.problems import Burgers, Convection, Heat
from pinn.sampling import SobolSampler
from pinn.solving import choosing, run
from pinn.training import Stage, Stages

TINY = partial(MLP, width=4, depth=1)


class Killed(BaseException):
    """What a test raises where a process would have ended."""


def solve(folder, resume=False, problem=None, optimizer=None, network=TINY, time_limit=None, **training):
    return pinn.solve(
        problem or Burgers(nu=0.1),
        network,
        optimizer,
        SobolSampler(interior=80, boundary=10, redraw_every=4),
        pinn.Training(**{"time_limit": time_limit, "check_every": 3, "held_out": 50} | training),
        output=pinn.Output(figures=False, resolution=9),
        compile="never",
        scaling="none",
        folder=folder,
        resume=resume,
    )


def assert_same_ending(found, whole, timed=False):
    for name, value in whole.trial.parameters().items():
        assert torch.equal(value, found.trial.parameters()[name]), name
    for name, column in whole.history.items():
        if name != "seconds":
            np.testing.assert_array_equal(column, found.history[name], err_msg=name)
    for name in ("status", "outcome", "window_ends"):
        assert found.attributes.get(name) == whole.attributes.get(name), name


STAGES = Stages([Stage(Adam(), steps=3), Stage(LeastDamping(), steps=4)])
ENDINGS = {
    "steps": {"optimizer": LeastDamping(), "steps": 5},
    "stages": {"optimizer": STAGES},
    "tolerance": {"optimizer": LeastDamping(), "steps": 50, "tolerance": 1e-1},
    "time": {"optimizer": Adam(), "steps": 100000, "time_limit": 1.0},
    "windows": {"optimizer": LeastDamping(), "steps": 4, "windows": 2},
    "windows cut short": {"optimizer": Adam(), "steps": 100000, "windows": 2, "time_limit": 1.5},
    "windows as long as they are solved": {
        "problem": Convection(speed=1.0),
        "optimizer": LeastDamping(),
        "steps": 3,
        "windows": "auto",
    },
}


@pytest.mark.parametrize("name", ENDINGS)
def test_a_run_at_its_end_is_written_again(tmp_path, name, caplog):
    whole = solve(tmp_path, **ENDINGS[name])
    (tmp_path / "solution.h5").unlink()
    lines = (tmp_path / "metrics.jsonl").read_bytes()
    with caplog.at_level("INFO", logger="pinn"):
        again = solve(tmp_path, resume=True, **ENDINGS[name])
    assert_same_ending(again, whole)
    assert "to go on: more training.steps, or a larger training.time_limit" in caplog.text
    assert (tmp_path / "metrics.jsonl").read_bytes() == lines
    assert pinn.load(tmp_path).attributes["status"] == whole.attributes["status"]


FEATURES = {"network": None, "problem": Heat(), "steps": None}  # several methods: features first


@pytest.mark.slow
def test_a_choice_that_was_interrupted_is_made_again(tmp_path, monkeypatch):
    """Killed when each method in its turn has ended: what was tried is not tried again, and the ending is the same."""
    monkeypatch.setattr(choosing, "_estimate", estimated := _Estimated())
    monkeypatch.setattr(choosing, "_is_worth_it", lambda *arguments: True)
    monkeypatch.setattr(LeastDamping, "default_steps", 6)
    whole, methods = solve(tmp_path / "whole", **FEATURES), estimated.names
    assert len(methods) == 4
    assert not (tmp_path / "whole" / "tried").exists()
    for number in (2, 4):
        folder = tmp_path / str(number)
        estimated.restart(killed_at=number)
        with pytest.raises(Killed):
            solve(folder, **FEATURES)
        steps = _Steps(monkeypatch)
        estimated.restart()
        assert_same_ending(solve(folder, resume=True, **FEATURES), whole)
        assert estimated.names == methods
        assert steps.of_kept == 0
        assert not (folder / "tried").exists()
        recorded = [json.loads(line)["step"] for line in (folder / "metrics.jsonl").read_text().splitlines()]
        assert recorded == whole.history["step"].tolist()


class _Estimated:
    """In place of an estimate of a method's error, which takes its time: none; it ends the run where it is told to."""

    def __init__(self):
        self.restart()

    def restart(self, killed_at=None):
        self.names, self.killed_at = [], killed_at

    def __call__(self, one, output, spent, plan):
        self.names.append(one.method.name)
        if len(self.names) == self.killed_at:
            raise Killed


class _Steps:
    """Counts the steps that are made in the recall of methods."""

    def __init__(self, monkeypatch):
        self.of_kept = 0
        recalled = choosing.Choice._recalled

        def counted(choice, number, method):
            one = recalled(choice, number, method)
            if one is not None:
                stored = (choice.folder / "tried" / str(number) / "metrics.jsonl").read_text().splitlines()
                self.of_kept += one.run.at.step - len(stored)
            return one

        monkeypatch.setattr(choosing.Choice, "_recalled", counted)


def test_a_kill_while_the_best_is_put_in_its_place_loses_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(choosing, "_estimate", lambda *arguments: None)
    monkeypatch.setattr(LeastDamping, "default_steps", 6)
    monkeypatch.setattr(choosing, "the_best", lambda tried: max(tried, key=lambda one: one.method.name))
    whole = solve(tmp_path / "whole", **FEATURES)
    keep = choosing._keep

    def killed(one, folder, number=None):
        if number is None:
            raise Killed
        keep(one, folder, number)

    monkeypatch.setattr(choosing, "_keep", killed)
    with pytest.raises(Killed):
        solve(tmp_path / "parts", **FEATURES)
    monkeypatch.setattr(choosing, "_keep", keep)
    assert_same_ending(solve(tmp_path / "parts", resume=True, **FEATURES), whole)


def test_a_kill_before_the_first_method_is_kept_ends_the_choice_no_earlier(tmp_path, monkeypatch):
    monkeypatch.setattr(choosing, "_estimate", lambda *arguments: None)
    monkeypatch.setattr(LeastDamping, "default_steps", 6)
    whole = solve(tmp_path / "whole", **FEATURES)
    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(choosing, "_keep", lambda *arguments: (_ for _ in ()).throw(Killed()))
        solve(tmp_path / "parts", **FEATURES)
    assert_same_ending(solve(tmp_path / "parts", resume=True, **FEATURES), whole)


def test_a_new_run_in_a_folder_is_not_continued_from_the_old_one(tmp_path, monkeypatch):
    solve(tmp_path, optimizer=LeastDamping(), steps=3)
    monkeypatch.setattr(run, "_trained", lambda *arguments: (_ for _ in ()).throw(Killed()))
    with pytest.raises(Killed):
        solve(tmp_path, optimizer=LeastDamping(), steps=9)
    assert not (tmp_path / "checkpoint.h5").exists()
    assert (tmp_path / "solution.h5").exists()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
