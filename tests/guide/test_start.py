"""The first page of the guide: its problem passes its check as printed there, and is solved."""

import re
import shlex
import sys
from pathlib import Path

import pytest
from pages import PAGES, commands, python_blocks

from pinn.cli import main
from pinn.solution import load

TUTORIAL = PAGES["start"]
(PAGE,) = python_blocks(TUTORIAL)
SMALL = ("network.width=8", "network.depth=2", "sampler.interior=300", "output.figures=false")


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run `pinn` with words in an empty folder that holds the tutorial's page: (status, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "fisher", raising=False)
    (tmp_path / "fisher.py").write_text(PAGE, encoding="utf-8")
    yield lambda *words: (main(words), *capsys.readouterr())
    sys.modules.pop("fisher", None)


def test_readme_shows_the_same():
    """Its example and what it prints, as far as that is shown."""
    readme = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
    example = readme.partition("## An equation of your own")[2].partition("\n## ")[0]
    assert python_blocks(example) == [PAGE]
    (printed,) = (block for block in example.split("```") if "$ pinn" in block)
    assert set(printed.splitlines()) <= {"…", *TUTORIAL.splitlines()}


def test_check_prints_what_the_tutorial_shows(run):
    (check,) = (command for command in commands(TUTORIAL) if command.startswith("check"))
    status, out, err = run(*shlex.split(check))
    assert (status, err) == (0, "")
    assert out.splitlines()[-1] in TUTORIAL.splitlines()


def test_the_page_is_solved(run, tmp_path):
    """Its mean grows as the tutorial's does; a small network knows it to three digits after 60 steps."""
    assert run("problem=fisher.py", *SMALL, "training.steps=60", "hydra.run.dir=run")[0] == 0
    solution = load(tmp_path / "run" / "solution.h5", trust=True)
    x = solution.grid()["x"]
    means = [float(solution(x=x, t=time).mean()) for time in (0.0, 1.0, 2.0)]
    told = [float(number) for number in re.search(r"array\(\[(.*)\]\)", TUTORIAL)[1].split(",")]
    assert means == pytest.approx(told, abs=5e-3)
