"""Processes of jobs."""

import os
import signal
import subprocess
import sys

from pinn.cli.sweeping.job import PRELOADED
from pinn.sweeps.isolation import run_isolated


def test_a_process_ends_with_its_exit_code(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run_isolated(os.mkdir, "here") == 0
    assert (tmp_path / "here").is_dir()  # in this process's working directory
    assert run_isolated(sys.exit, 3) == 3
    assert run_isolated(signal.raise_signal, signal.SIGKILL) == -signal.SIGKILL


def test_jobs_fork_from_a_process_that_has_asked_for_no_gpu():
    """CUDA cannot be used in a fork of a process that has used it."""
    code = f"""
import torch

def asked(*arguments):
    raise SystemExit("CUDA was asked for")

torch.cuda.device_count = torch.cuda.is_available = torch.cuda.init = torch.cuda._lazy_init = asked
import {", ".join((*PRELOADED, "optuna", "pinn.sweeps.pruning"))}
"""
    assert subprocess.run([sys.executable, "-c", code], timeout=100).returncode == 0
