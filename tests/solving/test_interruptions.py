"""Signals anywhere in a command: what is done is saved and summed up, and no file is broken off."""

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
import torch
from torture.test_kills import CASES, TINY
from torture.victim import OUTPUT, Blow, run

import pinn
from pinn.networks import MLP
from pinn.optimizers import LeastDamping
from pinn.problems import Burgers
from pinn.report.show import describe
from pinn.training.interruption import SECOND, Interruption

WORDS = (*TINY, *CASES["least damping"])


@pytest.mark.parametrize(
    ("site", "call", "number", "saved"),
    [("start", 1, signal.SIGTERM, False), ("step", 3, signal.SIGTERM, True), ("nodes", 1, signal.SIGINT, True)],
)
def test_a_signal_is_the_exit_status_and_what_is_done_is_there(tmp_path, site, call, number, saved):
    """Twice, as from a person without patience: no traceback, and no other ending."""
    status = run(tmp_path, WORDS, Blow(site, call, number, times=2))
    said = (tmp_path / OUTPUT).read_text()
    assert status == 128 + number, said
    assert said.endswith("interrupted\n")
    assert "Traceback" not in said
    assert (tmp_path / "run" / "solution.h5").exists() == saved
    assert ("continue with: pinn resume run" in said) == saved
    if site == "step":
        assert f"goes on by            pinn resume {tmp_path / 'run'}\n" in describe(tmp_path / "run")
    assert not list(tmp_path.rglob("*.tmp"))


class Twice(LeastDamping):
    """Sends two signals in the middle of its third step."""

    steps_made = 0

    def step(self, theta, state, least_squares):
        Twice.steps_made += 1
        if Twice.steps_made == 3:
            for _ in range(2):
                os.kill(os.getpid(), signal.SIGINT)
        return super().step(theta, state, least_squares)


def test_a_second_signal_breaks_off_a_step_as_if_it_had_not_been_begun(tmp_path):
    def solve(folder, optimizer, resume=False):
        return pinn.solve(
            Burgers(nu=0.1),
            lambda inputs, outputs: MLP(inputs, outputs, width=4, depth=1),
            optimizer,
            pinn.sampling.SobolSampler(interior=80, boundary=10, redraw_every=2),  # also before the third step
            pinn.Training(steps=6, time_limit=None, held_out=50),
            output=pinn.Output(figures=False, resolution=9),
            compile="never",
            folder=folder,
            resume=resume,
        )

    whole = solve(tmp_path / "whole", LeastDamping())
    stopped = solve(tmp_path / "parts", Twice())
    assert (stopped.attributes["status"], len(stopped.history["step"])) == ("interrupted", 2)
    again = solve(tmp_path / "parts", LeastDamping(), resume=True)
    for name, value in whole.trial.parameters().items():
        assert torch.equal(value, again.trial.parameters()[name]), name


def test_before_there_is_anything_to_save_a_signal_ends_the_run():
    with pytest.raises(KeyboardInterrupt), Interruption().watched():
        os.kill(os.getpid(), signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_later_only_what_may_be_broken_off_is():
    interruption = Interruption()
    interruption.begun = True
    with interruption.watched():
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)
        assert (interruption.requested, interruption.signal) == (True, signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt), interruption.breakable(SECOND):
            os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)


def test_an_optimizer_does_not_change_what_it_is_given():
    """Else a step that is broken off would leave its traces."""
    from pinn.residuals.exact_terms import make_residuals
    from pinn.residuals.execution import Execution
    from pinn.trial.making import make_trial

    residuals = make_residuals(make_trial(Burgers(), partial(MLP, width=4, depth=1)))
    points = residuals.draw(pinn.sampling.SobolSampler(interior=40), torch.Generator().manual_seed(0))
    least_squares = Execution().bind(residuals, points)
    for kind in ("LeastDamping", "Adam", "SSBroyden", "SOAP", "LBFGS"):
        optimizer = getattr(pinn.optimizers, kind)()
        theta = residuals.theta()
        state = optimizer.init(theta)
        theta, state, _ = optimizer.step(theta, state, least_squares)
        before = (theta.clone(), str(state))
        optimizer.step(theta, state, least_squares)
        assert torch.equal(theta, before[0])
        assert str(state) == before[1], type(optimizer).__name__


WORKER = """
import os, subprocess, sys, time, socket
from pinn.sweeps.isolation import end_with
if len(sys.argv) == 1:
    worker = subprocess.Popen([sys.executable, __file__, str(os.getpid())])
    print(worker.pid, flush=True)
    time.sleep(60)
end_with(int(sys.argv[1]), "elsewhere")
end_with(int(sys.argv[1]), socket.gethostname())
print("works", flush=True)
time.sleep(60)
"""


def test_a_worker_ends_with_the_sweep_that_is_killed(tmp_path):
    (tmp_path / "worker.py").write_text(WORKER)
    with subprocess.Popen([sys.executable, tmp_path / "worker.py"], stdout=subprocess.PIPE, text=True) as sweep:
        worker = int(sweep.stdout.readline())
        assert sweep.stdout.readline() == "works\n"
        sweep.kill()
        sweep.wait()
        stat = Path(f"/proc/{worker}/stat")
        for _ in range(100):
            if not stat.exists() or " Z " in stat.read_text():
                break
            time.sleep(0.1)
        else:
            os.kill(worker, signal.SIGKILL)
            pytest.fail("the worker goes on")
