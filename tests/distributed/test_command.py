"""`pinn devices=2`, and processes that a launcher started: one run's files, one ending for all."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import pytest
from distributed.test_ranks import environments

QUICK = (
    *("training.held_out=20", "sampler.interior=40", "sampler.boundary=10", "output.resolution=9"),
    *("network.width=4", "network.depth=1", "output.figures=false", "hydra.run.dir=run"),
)
SPAWNED = ("devices=2", "training.steps=20", "optimizer=least_damping")
BRIEF = ("training.steps=20", "output.estimate=false")
ROD = '''
"""Heat."""
import torch.distributed as dist
from pinn import Box, Dirichlet, Interior, Problem, Time


class Rod(Problem):
    """Heat equation, by a residual that fails in one of the processes."""

    def __init__(self, kappa: float = 1.0):
        self.kappa = kappa
        self.domain = Box(x=(0, 1)) * Time(t=(0, 1))
        self.fields = ("u",)

    def terms(self):
        return {"heat": Interior(self.heat), "walls": Dirichlet(u=0.0, on=("x.min", "x.max"))}

    def heat(self, u_t, u_xx):
        if dist.is_initialized() and dist.get_rank() == 1:
            raise ArithmeticError("only here")
        return u_t - self.kappa * u_xx
'''


def started(folder: Path, *words: str, env: dict[str, str] | None = None) -> subprocess.Popen:
    """`pinn WORDS`, in a process group of its own."""
    command = [sys.executable, "-c", "import sys; from pinn.cli import main; sys.exit(main())", *words, *QUICK]
    return subprocess.Popen(
        command,
        cwd=folder,
        env=env or {**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def assert_nothing_is_left(process: subprocess.Popen) -> None:
    """No process of its group lives on; the last ones may take a moment to go."""
    for _ in range(100):
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    pytest.fail("processes were left behind")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Name -> folder and processes of runs that go on side by side: start-up is most of their time."""
    folders = {name: tmp_path_factory.mktemp(name) for name in ("spawned", "launched", "failing")}
    (folders["failing"] / "rod.py").write_text(ROD)
    return {
        "spawned": (
            folders["spawned"],
            [started(folders["spawned"], *SPAWNED)],
        ),
        "failing": (folders["failing"], [started(folders["failing"], "problem=rod.py", "devices=2")]),
        "launched": (
            folders["launched"],
            [started(folders["launched"], *BRIEF, env=env) for env in environments(2)],
        ),
    }


def test_two_processes_make_one_run(runs):
    folder, (process,) = runs["spawned"]
    out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, "")
    assert out.count("2 processes share the rows") == 1
    records = [json.loads(line) for line in (folder / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [record["step"] for record in records] == list(range(1, 21))
    with h5py.File(folder / "run" / "solution.h5") as file:
        assert file.attrs["status"] == "steps"
    assert_nothing_is_left(process)


def test_a_launchers_processes_make_one_run(runs):
    folder, processes = runs["launched"]
    told = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], told
    assert "20 steps" in told[0][0]
    assert told[1] == ("", "")
    assert {path.name for path in folder.iterdir()} == {"run"}
    steps = [json.loads(line)["step"] for line in (folder / "run" / "metrics.jsonl").read_text().splitlines()]
    assert steps == list(range(1, 21))


def test_an_error_in_another_process_ends_the_run(runs):
    folder, (process,) = runs["failing"]
    _, err = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "rank 1 failed: ArithmeticError: only here" in err
    assert err.count("\n") == 1
    assert "rod.py" in (folder / "run" / "pinn.log").read_text()  # the traceback
    assert_nothing_is_left(process)


@pytest.mark.slow
def test_an_interrupted_run_saves_and_leaves_no_process(tmp_path):
    process = started(tmp_path, "devices=2", "training.steps=1000000", "output.estimate=false")
    metrics, deadline = tmp_path / "run" / "metrics.jsonl", time.monotonic() + 60
    while not (metrics.exists() and metrics.read_text().count("\n") > 3) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does, to all of them
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "pinn resume run" in out
    assert (tmp_path / "run" / "checkpoint.h5").exists()
    with h5py.File(tmp_path / "run" / "solution.h5") as file:
        assert file.attrs["status"] == "interrupted"
    assert_nothing_is_left(process)
