"""`pinn resume`: a run goes on in its folder, with its saved configuration and the given changes."""

import errno
import json
import os
import shutil
import sys
from pathlib import Path

import h5py
import pytest
import yaml

import pinn
from pinn.basis.disk import held, replacing
from pinn.basis.errors import UserError
from pinn.cli import main
from pinn.cli.mistakes import explain

SMALL = [
    "network.width=4",
    "network.depth=1",
    "sampler.interior=60",
    "training.held_out=50",
    "training.time_limit=null",
    "output.figures=false",
    "output.resolution=9",
]


@pytest.fixture(scope="module")
def solved(tmp_path_factory):
    """The folder of a run, solved once."""
    folder = tmp_path_factory.mktemp("solved")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr("pinn.solving.examination._asked", lambda *arguments: None)  # no estimate, as in tests
        assert main([*SMALL, "training.steps=5", "hydra.run.dir=run"]) == 0
    return folder / "run"


@pytest.fixture
def run(solved, tmp_path, monkeypatch):
    """A copy of the run, in the working directory."""
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copytree(solved, tmp_path / "run"))


def test_a_run_goes_on_in_its_folder(run, capsys):
    with h5py.File(run / "solution.h5", "r+") as file:
        file.attrs["wall_seconds"] = 1e4
    assert main(["resume", "run", "training.steps=9"]) == 0
    assert "error of u" in capsys.readouterr().out
    steps = [json.loads(line)["step"] for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert steps == list(range(1, 10))
    solution = pinn.load(run)
    assert solution.history["step"].tolist() == steps
    assert solution.configuration["training"]["steps"] == 9
    assert solution.attributes["wall_seconds"] > 1e4  # of all parts
    assert solution.configuration["network"]["width"] == 4
    assert (run / "pinn.log").read_text().count("error of u") == 2
    assert yaml.safe_load((run / ".hydra" / "config.yaml").read_text())["training"]["steps"] == 5


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "resume: the following arguments are required: RUN"),
        (["nowhere"], "no run to resume in nowhere"),
        (["run", "training.stepz=9"], "no option 'training.stepz' (did you mean 'training.steps'?)"),
        (["run", "9"], "KEY=VALUE"),
        (["run", "network.width=5"], "belongs to another network"),
        (["run", "network.depth=1000000"], "belongs to another network"),  # before they are made, which takes a minute
    ],
)
def test_mistakes_are_told_in_one_line(run, capsys, words, message):
    assert main(["resume", *words]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error
    assert error.count("\n") == 1


def test_help(capsys):
    assert main(["resume", "--help"]) == 0
    assert "usage: pinn resume [-h] [--strict] [--trust] RUN" in capsys.readouterr().out


def test_a_run_without_its_solution_is_finished(run, capsys):
    """As one that was killed, or that had no space, between its last step and its solution."""
    before = pinn.load(run)
    (run / "solution.h5").unlink()
    assert main(["show", "run"]) == 2
    assert "did not get as far as saving one; go on with it by: pinn resume run\n" in capsys.readouterr().err
    assert main(["resume", "run"]) == 0
    assert "all steps done; to go on: more training.steps" in capsys.readouterr().out
    assert pinn.load(run).errors() == before.errors()
    assert pinn.load(run).attributes["status"] == before.attributes["status"] == "steps"


def test_a_run_without_a_checkpoint_begins_anew(run, capsys):
    before = pinn.load(run)
    for name in ("solution.h5", "checkpoint.h5"):
        (run / name).unlink()
    assert main(["resume", "run"]) == 0
    assert "run holds no checkpoint yet: the run begins anew" in capsys.readouterr().out
    assert pinn.load(run).errors() == before.errors()


def test_a_folder_that_another_process_holds_is_left_alone(run, capsys):
    with held(run):
        assert main(["resume", "run", "training.steps=9"]) == 2
        assert f"error: run is in use by process {os.getpid()} on " in capsys.readouterr().err
        assert main([*SMALL, "training.steps=7", "hydra.run.dir=run"]) == 2
        assert f"error: run is in use by process {os.getpid()} on " in capsys.readouterr().err
    assert len((run / "metrics.jsonl").read_text().splitlines()) == 5
    assert yaml.safe_load((run / ".hydra" / "config.yaml").read_text())["training"]["steps"] == 5


def test_a_folder_that_cannot_be_written_is_told_in_one_line(run, capsys):
    (run / "pinn.log").unlink()
    (run / "pinn.log").mkdir()
    assert main(["resume", "run"]) == 2
    error = capsys.readouterr().err
    assert error == "error: cannot write run/pinn.log: Is a directory; resume needs to write to the run's folder\n"


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (MemoryError(), "not enough memory: make something smaller: network.width"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "not enough memory: make something smaller"),
        (OSError(24, "Too many open files"), "too many open files: raise the limit, such as by ulimit -n 1024"),
    ],
)
def test_what_is_scarce_is_told_with_what_to_try(error, message):
    told, status = explain(error)
    assert told.startswith(message)
    assert status == 1


def test_too_few_files_are_not_told_as_a_file_that_cannot_be_written(tmp_path):
    with pytest.raises(UserError, match="free the space") as raised, replacing(tmp_path / "a"):
        raise OSError(errno.EMFILE, "Too many open files")
    assert explain(raised.value)[0].startswith("too many open files: raise the limit")


PAGE = """
import pinn

class Rod(pinn.Problem):
    def __init__(self):
        self.domain = pinn.Box(x=(0, 1)) * pinn.Time(t=(0, 1))
        self.fields = ("u",)

    def terms(self):
        heat = pinn.Interior(lambda u_t, u_xx: u_t - u_xx)
        return {"heat": heat, "start": pinn.Initial(u=lambda x: 0.25 + 0 * x)}
"""


def test_a_run_goes_on_with_the_page_that_it_began_with(folder_of_own, capsys):
    page = folder_of_own / "rod.py"
    page.write_text(PAGE, encoding="utf-8")
    words = [*SMALL, "optimizer=least_damping", "hydra.run.dir=run"]
    assert main(["problem=rod.py", *words, "training.steps=2"]) == 0
    sys.modules.pop("rod")
    page.write_text(PAGE.replace("0.25", "0.75"), encoding="utf-8")
    assert main(["resume", "run", "training.steps=4"]) == 0
    solution = pinn.load("run", trust=True)
    assert solution(x=0.5, t=0.0) == pytest.approx(0.25, abs=1e-15)  # hard
    assert len(solution.history["step"]) == 4
    (folder_of_own / "run" / "page" / "rod.py").write_text(PAGE.replace("0.25", "0.5"), encoding="utf-8")
    capsys.readouterr()
    assert main(["resume", "run", "training.steps=6"]) == 2
    assert "the page in run/page is not what a run of yours has written there; --trust" in capsys.readouterr().err


def test_a_sweep_goes_on_with_the_page_that_it_began_with(folder_of_own, capsys):
    """Not a rerun by its command, which means today's page and is told what was made of another."""
    page, sweep = folder_of_own / "rod.py", folder_of_own / "sweep"
    page.write_text(PAGE, encoding="utf-8")
    words = ["-m", "problem=rod.py", *SMALL, "training.steps=1", "seed=0,1", "hydra.sweep.dir=sweep"]
    words += ["compile=never", "output.estimate=false"]  # jobs are processes of their own
    assert main(words) == 0

    def again(*words: str, job: str) -> str:
        (sweep / job / "status.json").unlink()  # as of one that was never begun
        sys.modules.pop("rod", None)
        capsys.readouterr()
        assert main(list(words)) == 0
        return capsys.readouterr().out

    page.unlink()
    again("resume", "sweep", job="0")
    page.write_text(PAGE.replace("0.25", "0.75"), encoding="utf-8")
    assert "the page of sweep has changed since (rod.py in" in again("resume", "sweep", job="1")
    of_both = [pinn.load(sweep / job, trust=True)(x=0.5, t=0.0) for job in "01"]
    assert of_both == pytest.approx([0.25, 0.25], abs=1e-15)  # hard
    told = "rod.py has changed since the sweep in sweep was begun: jobs that are done stay as they are"
    sys.meta_path[:] = [finder for finder in sys.meta_path if not hasattr(finder, "page")]  # a new process
    assert told in again(*words, job="1")
    assert pinn.load(sweep / "1", trust=True)(x=0.5, t=0.0) == pytest.approx(0.75, abs=1e-15)
    (sweep / "pages" / "rod" / "page" / "rod.py").write_text(PAGE, encoding="utf-8")
    assert main(["resume", "sweep"]) == 2
    assert "the page in sweep/pages/rod/page is not what a run of yours has written" in capsys.readouterr().err


# From elsewhere


@pytest.fixture
def elsewhere(run):
    """The run as a stranger sends it: without a seal."""
    (run / ".seals.json").unlink()
    return run


def changed(run, **parts):
    path = run / ".hydra" / "config.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | parts))


@pytest.mark.parametrize(
    ("end", "told"), [("  estim", "ends within a line: it was cut short"), ("", "lacks constraints, derivatives, ")]
)
def test_a_configuration_that_was_cut_short_is_not_filled_up_with_defaults(run, capsys, end, told):
    path = run / ".hydra" / "config.yaml"
    path.write_text(path.read_text().partition("  estimate")[0] + end)
    assert main(["resume", "run", "training.steps=6"]) == 2
    assert told in capsys.readouterr().err


def test_a_run_from_elsewhere_goes_on_where_it_names_what_comes_with_pinn(elsewhere):
    assert main(["resume", "run", "training.steps=6"]) == 0


COPY = {"_target_": "shutil.copy", "src": "secret", "dst": "copied"}


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ({"network": COPY}, "shutil.copy, which is not a class of pinn; with trust=True (--trust)"),
        ({"problem": {"_target_": "pinn.problems.Heat", "diffusivity": COPY}}, "not a class of pinn"),
        ({"weights": COPY}, "not a class of pinn"),
        ({"problem": {"_target_": "pinn.problems.HeatSink", "stl": "secret"}}, "open a file of its choice"),
        ({"optimizer": {"_target_": "pinn.solution.Output"}}, "no Optimizer or Stages"),
        ({"problem": {"_target_": "${oc.env:HOME}"}}, "filled in"),
    ],
)
def test_a_run_from_elsewhere_runs_nothing_else(elsewhere, capsys, parts, told):
    (elsewhere.parent / "secret").write_text("secret")
    changed(elsewhere, **parts)
    assert main(["resume", "run", "training.steps=6"]) == 2
    assert told in capsys.readouterr().err
    assert not (elsewhere.parent / "copied").exists()


def test_a_run_of_ones_own_that_was_changed_is_ones_own_no_more(run, capsys):
    changed(run, network=COPY)
    assert main(["resume", "run", "training.steps=6"]) == 2
    assert "not a class of pinn" in capsys.readouterr().err


def test_trust_lets_a_run_from_elsewhere_name_anything(elsewhere, capsys):
    (elsewhere.parent / "secret").write_text("secret")
    changed(elsewhere, problem=COPY)
    assert main(["resume", "run", "training.steps=6", "--trust"]) == 2
    assert "its problem is 'copied'" in capsys.readouterr().err
    assert (elsewhere.parent / "copied").read_text() == "secret"


@pytest.mark.parametrize("name", ["metrics.jsonl", "checkpoint.h5", "figures", ".hydra/config.yaml"])
def test_nothing_is_written_through_a_link(run, capsys, name, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "own"
    outside.write_text("own")
    (run / name).unlink(missing_ok=True)
    (run / name).symlink_to(outside)
    assert main(["resume", "run", "training.steps=6"]) == 2
    error = capsys.readouterr().err
    assert "is a link that leads out of the folder" in error or "no run to resume" in error
    assert outside.read_text() == "own"


def test_a_sweep_from_elsewhere_waits_for_trust(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "page.py").write_text("from pathlib import Path\n\nPath('ran').touch()")
    sweep = tmp_path / "sweep"
    sweep.mkdir()
    words = ["-m", "problem=page.py", "hydra.sweep.dir=other", "hydra.run.dir=other"]
    (sweep / "command.json").write_text(json.dumps(words))
    assert main(["resume", "sweep"]) == 2
    assert "was not begun here by you; --trust runs what its command names: pinn -m problem=page.py" in (
        capsys.readouterr().err
    )
    assert not (tmp_path / "ran").exists()
    assert main(["resume", "sweep", "--trust"]) == 2
    assert "page.py defines no Problem" in capsys.readouterr().err
    assert (tmp_path / "ran").exists()
    assert not (tmp_path / "other").exists()
    (sweep / "command.json").write_text('{"a": 1}')
    assert main(["resume", "sweep"]) == 2
    assert "must be a list of words" in capsys.readouterr().err
