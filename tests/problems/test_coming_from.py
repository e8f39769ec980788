"""The page for those who come from other packages: our side of its examples solves what it says."""

import re
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from pinn.cli import main
from pinn.problems import Burgers
from pinn.solution import load

PAGE = Path(__file__).resolve().parents[2] / "problems" / "coming_from.md"
OURS = {
    re.search(r"class (\w+)", block)[1].lower(): block
    for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    if "(pinn.Problem)" in block
}
COMMANDS = re.findall(r"^pinn (problem=.*)$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
SMALL = ("network.width=12", "network.depth=2", "sampler.interior=800")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with the examples as files, and the modules' names free again afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name, block in OURS.items():
        (tmp_path / f"{name}.py").write_text(block, encoding="utf-8")
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield tmp_path
    for name in OURS:
        sys.modules.pop(name, None)


def test_both_are_there():
    assert set(OURS) == {"burgers", "helmholtz"}
    assert len(COMMANDS) == 3


def test_burgers(folder):
    """The same problem as the package's, which has a reference; with nu = 0.01 small networks come near it soon."""
    first, second = (command.split() for command in COMMANDS[:2])
    assert main((*first, *SMALL, "training.steps=2", "hydra.run.dir=first", "output.figures=false")) == 0
    assert load(folder / "first" / "solution.h5", trust=True).problem.nu == Burgers().nu
    assert main((*second, *SMALL, "training.steps=60", "hydra.run.dir=second", "output.figures=false")) == 0
    x, t = (axis.ravel() for axis in np.meshgrid(np.linspace(-1, 1, 41), np.linspace(0, 1, 11)))
    solution = load(folder / "second" / "solution.h5", trust=True)
    error = solution(x=x, t=t) - Burgers(nu=0.01).reference(x, t)
    assert np.sqrt(np.mean(error**2)) < 0.03  # 1e-2; u itself is 0.6


def test_helmholtz(folder):
    assert main((*COMMANDS[2].split(), "hydra.run.dir=run", "output.figures=false")) == 0
    with h5py.File(folder / "run" / "solution.h5") as file:
        assert file.attrs["relative_l2_u"] < 1e-10  # 2e-14
