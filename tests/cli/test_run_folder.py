"""Each run has a folder of its own."""

import os
import sys
import threading
from pathlib import Path

import pytest

from pinn.basis.disk import held
from pinn.basis.seals import seal
from pinn.cli import main
from pinn.cli.run_folder import new_folder

QUICK = (
    *("training.steps=2", "training.held_out=20", "sampler.interior=40", "sampler.boundary=10", "compile=never"),
    *("network.width=4", "network.depth=1", "output.resolution=9", "output.figures=false", "output.estimate=false"),
)


def test_many_that_ask_for_one_folder_get_one_each(tmp_path):
    got = []
    threads = [threading.Thread(target=lambda: got.append(new_folder(f"{tmp_path}/runs/a"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == sorted([f"{tmp_path}/runs/a"] + [f"{tmp_path}/runs/a_{number}" for number in range(1, 8)])
    assert all(Path(folder).is_dir() for folder in got)


def test_runs_of_one_second_do_not_share_a_folder(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    clock = ["hydra.run.dir=${new_folder:runs/now}", "hydra.sweep.dir=${new_folder:runs/sweep}"]
    for words in (["seed=0"], ["seed=1"], ["-m", "seed=0"], ["-m", "seed=1"]):
        assert main([*QUICK, *clock, *words]) == 0
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["now", "now_1", "sweep", "sweep_1"]
    for folder in (tmp_path / "runs").glob("now*"):
        assert {".hydra", "solution.h5", "pinn.log"} <= {path.name for path in folder.iterdir()}
    assert [path.name for path in (tmp_path / "runs/sweep_1").iterdir() if path.is_dir()] == ["0"]
    capsys.readouterr()
    assert main(["--cfg", "hydra", "--resolve"]) == 0
    assert "dir: runs/burgers/2" in capsys.readouterr().out
    assert not (tmp_path / "runs" / "burgers").exists()


def test_a_folder_that_cannot_be_made_is_told(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("runs").touch()
    assert main([*QUICK]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: cannot write the run folder: ")
    assert error.count("\n") == 1


@pytest.mark.parametrize("words", [["-m", "seed=0,1", "hydra.sweep.dir=sweep"], ["resume", "sweep"]])
def test_a_sweep_that_goes_on_is_not_begun_again(tmp_path, monkeypatch, capsys, words):
    monkeypatch.chdir(tmp_path)
    Path("sweep").mkdir()
    Path("sweep/command.json").write_text('["-m", "seed=0,1"]\n')
    seal(Path("sweep"), "command.json")
    with held(Path("sweep")):
        assert main(words) == 2
    assert f"error: sweep is in use by process {os.getpid()} on " in capsys.readouterr().err
    assert {path.name for path in Path("sweep").iterdir()} == {"command.json", ".seals.json"}
