"""`pinn verdict`, and the exit status that `strict` gives to answers that are not to be used."""

import json
import subprocess
import sys
from pathlib import Path

import h5py
import pytest

import pinn
from pinn.cli import main
from pinn.diagnosis.verdict import Verdict, Word

SMALL = (
    *("training.held_out=50", "sampler.interior=60", "sampler.boundary=10", "output.resolution=9"),
    *("output.figures=false", "network.depth=1", "output.estimate=false"),
)
BAD = ("training.steps=2", "network.width=4", "problem=burgers")


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def bad(tmp_path_factory):
    """A run that has not solved its equation."""
    folder = tmp_path_factory.mktemp("bad") / "run"
    assert main([*SMALL, *BAD, f"hydra.run.dir={folder}"]) == 0
    return folder


def only_line(text):
    assert text.count("\n") == 1
    return text


def test_a_strict_run_tells_by_its_status(here, capsys):
    assert main([*SMALL, *BAD, "--strict", "hydra.run.dir=bad"]) == 3
    out, err = capsys.readouterr()
    assert only_line(err).startswith("strict: bad: not solved: ")
    assert "bad/solution.h5" in out
    assert "strict" not in pinn.load("bad").configuration  # it changes no run
    assert main(["resume", "bad", "training.steps=3"]) == 3  # as it was saved
    assert main(["resume", "bad", "training.steps=4", "strict=false"]) == 0
    saved = Path("bad/.hydra/config.yaml")
    saved.write_text(saved.read_text().replace("strict: true\n", ""))  # of a run before there was the key
    capsys.readouterr()
    assert main(["resume", "bad", "training.steps=5", "--strict"]) == 3
    assert only_line(capsys.readouterr().err).startswith("strict: bad: not solved: ")


def test_a_good_answer_has_the_status_0(here, monkeypatch):
    monkeypatch.setattr("pinn.solving.examination.verdict", lambda *_: Verdict(Word.PLAUSIBLE, ("it looks good",)))
    assert main([*SMALL, *BAD, "--strict", "hydra.run.dir=good"]) == 0


def test_mistakes_keep_their_status(here, capsys):
    assert main([*SMALL, *BAD, "--strict", "network.width=0"]) == 2
    assert main([*SMALL, "strict=perhaps"]) == 2
    assert "strict must be true or false, got 'perhaps'" in capsys.readouterr().err


@pytest.mark.slow
def test_a_sweep_is_strict_by_any_of_its_jobs(here, capsys):
    sweep = ["-m", *SMALL, *BAD, "seed=0,1", "hydra.sweep.dir=sweep"]
    assert main([*sweep, "--strict"]) == 3
    out, err = capsys.readouterr()
    assert only_line(err).startswith("strict: 2 of 2 answers are not to be used, the first is sweep/0: not solved: ")
    assert "2 jobs: 2 done" in out
    assert main(sweep) == 0  # the same jobs, which are done
    assert "#1 done before: not solved, error" in capsys.readouterr().out
    assert main(["resume", "sweep", "--strict"]) == 3
    with h5py.File("sweep/summary.h5") as file:
        assert set(file["verdict"].asstr()[()]) == {"not solved"}


def test_the_verdict_is_told_again(bad, capsys):
    assert main(["verdict", str(bad)]) == 0
    text = " ".join(capsys.readouterr().out.split())
    with h5py.File(bad / "solution.h5") as file:
        error = file.attrs["relative_l2_u"]
        outcome = file.attrs["outcome"]
    assert f"{bad}/solution.h5 burgers: {outcome} verdict not solved " in text
    assert f" error of u {error:.2e} relative L2 to the reference" in text
    assert " residual of momentum " in text
    assert main(["verdict", str(bad), str(bad), "--strict"]) == 3
    assert only_line(capsys.readouterr().err).startswith("strict: ")


def test_programs_read_it_as_json(bad, tmp_path, capsys):
    copy = tmp_path / "solution.h5"
    copy.write_bytes((bad / "solution.h5").read_bytes())
    with h5py.File(copy, "r+") as file:
        file.attrs["estimated_relative_l2_u"], file.attrs["estimate_left"] = float("nan"), 0.1
    assert main(["verdict", "--json", str(bad), str(copy)]) == 0
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert first["file"] == str(bad / "solution.h5")
    assert (first["problem"], first["status"], first["word"]) == ("burgers", "steps", "not solved")
    assert first["fields"]["u"]["error"] > 0
    assert second["fields"]["u"]["estimated_error"] is None  # JSON has no number for it
    assert first["terms"]["momentum"]["residual"] > 0


@pytest.mark.parametrize(
    ("words", "told"), [(["verdict"], "required: RUN"), (["verdict", "absent"], "no such file or folder: absent")]
)
def test_mistakes_are_told_in_a_line(words, told, capsys):
    assert main(words) == 2
    assert told in only_line(capsys.readouterr().err)


def test_neither_torch_nor_hydra_is_needed(bad):
    code = (
        "import sys; from pinn.cli import main; main(['verdict', sys.argv[1]]); "
        "print({'torch', 'hydra', 'matplotlib'} & set(sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", code, str(bad)], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout.splitlines()[-1] == "set()"
