"""`pinn -m`: isolated jobs, reruns that finish what is left, summaries, and the launchers."""

import csv
import json
import logging
import os
import sys

import pytest
import torch
import xarray

import pinn
from pinn.cli import main
from pinn.sweeps.records import Status, records_below

QUICK = (
    *("training.steps=3", "training.held_out=20", "sampler.interior=40", "sampler.boundary=10"),
    *("network.width=4", "network.depth=1", "output.resolution=9", "output.figures=false", "output.estimate=false"),
)
# A problem that signals to a process after five steps of a given job, once.
ACTING = '''
import multiprocessing, os, pathlib, signal, time
import torch
from pinn import Box, Dirichlet, Interior, Problem


class Rod(Problem):
    """Heat conduction in a rod."""

    def __init__(self, source: float = 1.0):
        self.source = source
        self.domain = Box(x=(0, 1))
        self.fields = ("u",)
        pathlib.Path(f"threads_{{os.getpid()}}").write_text(str(torch.get_num_threads()))

    def terms(self):
        return {{"rod": Interior(self.rod), "ends": Dirichlet(u=0.0, on=("x.min", "x.max"))}}

    def rod(self, u_xx):
        metrics, acted = pathlib.Path("sweep/{job}/metrics.jsonl"), pathlib.Path("acted")
        written = len(metrics.read_text().splitlines()) if metrics.exists() else 0
        first = os.environ.get("RANK", "0") == "0"
        if first and self.source == 2.0 and written >= 5 and not acted.exists():
            acted.touch()
            os.kill({process}, signal.{number})
            time.sleep(3)  # for the answer, on a busy machine, too
        return u_xx + self.source
'''
SELF, PARENT = "os.getpid()", "multiprocessing.parent_process().pid"


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("rod_")]:
        del sys.modules[name]


def statuses(sweep):
    return {folder.name: record.status for folder, record in records_below(sweep).items()}


def acting_sweep(name, job, process, number, *words, steps=12):
    """A sweep of two jobs, the second of which acts, with a checkpoint after every step; its exit status."""
    with open(f"{name}.py", "w") as file:
        file.write(ACTING.format(job=job, process=process, number=number))
    settings = ["training.checkpoint_seconds=0", f"training.steps={steps}", "derivatives=taylor"]
    return main(["-m", *QUICK, *settings, f"problem={name}.py", "problem.source=1,2", "hydra.sweep.dir=sweep", *words])


def test_a_failing_job_leaves_its_traceback_and_a_rerun_finishes_the_rest(here, capsys):
    words = ["-m", *QUICK, "seed=0,1,-1", "hydra.sweep.dir=sweep"]
    assert main(words) == 2
    told = capsys.readouterr()
    assert told.err == (
        "error: 1 of 3 jobs failed, the first is sweep/2: seed must be an integer >= 0, got -1; see sweep/2/pinn.log\n"
    )
    done, failed = Status.DONE, Status.FAILED
    assert list(statuses(here / "sweep").values()) == [done, done, failed]
    saved = json.loads((here / "sweep/2/status.json").read_text())
    assert saved["traceback"].startswith("Traceback")
    assert "seed must be" in saved["traceback"]
    assert "3 jobs: 2 done, 1 failed (means over seeds ± standard deviations)" in told.out
    assert "what is not done: pinn resume sweep" in told.out
    logs = [(here / f"sweep/{job}/pinn.log").read_text() for job in range(3)]
    assert [text.count("step 1/3") for text in logs] == [1, 1, 0]
    (here / "sweep/1/status.json").unlink()
    before = [(here / f"sweep/{job}/solution.h5").stat().st_mtime_ns for job in (0, 1)]
    assert main(["resume", "sweep"]) == 2
    after = [(here / f"sweep/{job}/solution.h5").stat().st_mtime_ns for job in (0, 1)]
    assert [new > old for old, new in zip(before, after, strict=True)] == [False, True]
    assert "#0 done before: not solved, error" in capsys.readouterr().out


@pytest.mark.slow
def test_the_summary_has_the_swept_keys_as_dimensions(here, capsys):
    assert main(["-m", *QUICK, "problem=burgers,allen_cahn", "seed=1,0", "hydra.sweep.dir=sweep"]) == 0
    out = capsys.readouterr().out
    (here / "sweep" / "3" / "status.json").unlink()  # as of a job that was never begun
    assert main(["table", "sweep"]) == 0
    assert capsys.readouterr().out != out
    with open("sweep/summary.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["problem"], row["seed"]) for row in rows] == [("burgers", "1"), ("burgers", "0"), ("allen_cahn", "1")]
    for engine in ("h5netcdf", "netcdf4"):
        with xarray.open_dataset("sweep/summary.h5", engine=engine) as found:
            assert found.error.dims == ("problem", "seed")
            assert found.problem.values.tolist() == ["burgers", "allen_cahn"]
            assert found.seed.values.tolist() == [0, 1]
            expected = pinn.load("sweep/1").errors()["u"]["relative_l2"]
            assert float(found.error.sel(problem="burgers", seed=0)) == pytest.approx(expected, rel=1e-12)
            assert bool(found.error.sel(problem="allen_cahn", seed=0).isnull())
            assert found.status.sel(problem="allen_cahn").values.tolist() == ["", "done"]


def test_a_folder_of_another_sweep_is_refused(here, capsys):
    before = list(logging.getLogger().handlers)
    assert main(["-m", *QUICK, "seed=0", "hydra.sweep.dir=sweep"]) == 0
    left = [handler for handler in logging.getLogger().handlers if handler not in before]
    assert not [handler for handler in left if isinstance(handler, logging.FileHandler)]
    assert main(["-m", *QUICK, "seed=1,0", "hydra.sweep.dir=sweep"]) == 2
    assert "sweep holds another sweep (training.steps=3" in capsys.readouterr().err
    assert json.loads((here / "sweep/0/status.json").read_text())["overrides"]["seed"] == "0"


@pytest.mark.slow
def test_a_killed_job_does_not_stop_the_others_and_goes_on_from_its_checkpoint(here, capsys):
    assert acting_sweep("rod_killed", 2, SELF, "SIGKILL", "seed=0,1") == 1
    assert "1 of 4 jobs failed, the first is sweep/2: killed by SIGKILL; out of memory?" in capsys.readouterr().err
    assert list(statuses(here / "sweep").values()) == [Status.DONE] * 2 + [Status.FAILED, Status.DONE]
    recorded = (here / "sweep/2/metrics.jsonl").read_text().splitlines()
    assert 5 <= len(recorded) < 12
    assert main(["resume", "sweep/2"]) == 0  # the job alone
    assert "#2 done before" not in capsys.readouterr().out
    assert statuses(here / "sweep")["2"] is Status.DONE
    assert main(["resume", "sweep"]) == 0
    assert "#2 done before" in capsys.readouterr().out
    assert list(statuses(here / "sweep").values()) == [Status.DONE] * 4
    lines = (here / "sweep/2/metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == list(range(1, 13))
    assert lines[: len(recorded) - 1] == recorded[:-1]  # not run again, to the bit


def test_ctrl_c_sums_up_what_is_done(here, capsys):
    assert acting_sweep("rod_interrupted", 1, PARENT, "SIGINT", steps=30) == 130
    told = capsys.readouterr()
    assert told.err.endswith("interrupted\n")
    assert "2 jobs: 1 done, 1 interrupted" in told.out
    assert pinn.load("sweep/1", trust=True).attributes["status"] == "interrupted"


@pytest.mark.slow
def test_jobs_in_parallel_share_the_cores(here, capsys):
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
    words = ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]
    assert acting_sweep("rod_parallel", None, SELF, "SIGKILL", *words) == 0
    assert list(statuses(here / "sweep").values()) == [Status.DONE] * 2
    share = max(1, len(os.sched_getaffinity(0)) // 2)
    assert {int(path.read_text()) for path in here.glob("threads_*")} <= {share, torch.get_num_threads()}
    for job in "01":
        log = (here / "sweep" / job / "pinn.log").read_text()
        assert log.count("step 1/12") == 1
        assert f"sweep/{1 - int(job)}" not in log


@pytest.mark.slow  # its processes each import torch
@pytest.mark.parametrize("tasks", [1, 2])
def test_a_job_that_is_preempted_is_queued_again_and_goes_on(here, capsys, tasks):
    """By submitit's local executor, which requeues as on Slurm: SIGUSR2 is what Slurm sends."""
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    words = ["hydra/launcher=submitit_local", f"hydra.launcher.tasks_per_node={tasks}"]
    assert acting_sweep("rod_preempted", 1, PARENT, "SIGUSR2", *words, steps=30) == 0
    assert list(statuses(here / "sweep").values()) == [Status.DONE] * 2
    submitit = "".join(path.read_text() for path in (here / "sweep/.submitit").rglob("*.err"))
    submitit += "".join(path.read_text() for path in (here / "sweep/.submitit").rglob("*.out"))
    assert "Requeued job" in submitit
    lines = (here / "sweep/1/metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == list(range(1, 31))
    log = (here / "sweep/1/pinn.log").read_text()
    assert log.count("step 1/30") == 1  # it went on; it did not start again
    assert log.count("2 processes share the rows") == 2 * (tasks - 1)


@pytest.mark.slow  # its processes each import torch
def test_the_tasks_of_a_job_are_the_ranks_of_one_run(here):
    """Equal to one process to rounding; a rerun knows that it is done."""
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    words = ["-m", *QUICK, "problem=burgers", "seed=0"]
    tasks = ["hydra/launcher=submitit_local", "hydra.launcher.tasks_per_node=2"]
    assert main([*words, "hydra.sweep.dir=one"]) == 0
    assert main([*words, "hydra.sweep.dir=two", *tasks]) == 0
    assert "2 processes share the rows" in (here / "two/0/pinn.log").read_text()
    one, two = (json.loads((here / name / "0/metrics.jsonl").read_text().splitlines()[-1]) for name in ("one", "two"))
    assert two["step"] == one["step"] == 3
    assert two["loss"] == pytest.approx(one["loss"], rel=1e-8)
    before = (here / "two/0/solution.h5").stat().st_mtime_ns
    assert main(["resume", "two"]) == 0
    assert (here / "two/0/solution.h5").stat().st_mtime_ns == before


def test_a_launcher_that_is_not_installed_is_told(here, capsys, monkeypatch):
    from hydra.core.plugins import Plugins

    known = Plugins.instance().class_name_to_class
    monkeypatch.delitem(known, "hydra_plugins.hydra_joblib_launcher.joblib_launcher.JoblibLauncher")
    assert main(["-m", *QUICK, "seed=0,1", "hydra/launcher=joblib"]) == 2
    error = capsys.readouterr().err
    assert "JoblibLauncher is not installed; pip install 'pinn[sweeps]'" in error
    assert error.count("\n") == 1
