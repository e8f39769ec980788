"""Mistakes in a problem of the user's own: one line that says what, where, and what to try."""

import pytest

from pinn.cli import main

PAGE = '''
import math

import pinn
from torch import sin


class Rod(pinn.Problem):
    """A rod."""

    def __init__(self, k: float = 1.0):
        self.k = k
        self.domain = pinn.Box(x=(0, 1)) * pinn.Time(t=(0, 1))
        self.fields = ("u",)

    def terms(self):
        return {
            "heat": pinn.Interior(self.heat),
            "ends": pinn.Dirichlet(u=0.0, on=("x.min", "x.max")),
            "start": pinn.Initial(u=lambda x: x * (1 - x)),
        }

    def heat(self, u_t, u_xx, u):
        return u_t - self.k * u_xx
'''
LINES = {line.strip(): number for number, line in enumerate(PAGE.splitlines(), 1)}


@pytest.fixture
def check(folder_of_own, capsys):
    """Run `pinn check` on the page with one piece replaced: (status, stderr)."""

    def call(old: str, new: str) -> tuple[int, str]:
        assert old in PAGE
        (folder_of_own / "rod.py").write_text(PAGE.replace(old, new), encoding="utf-8")
        return main(["check", "problem=rod.py"]), capsys.readouterr().err

    return call


def test_the_page_itself_passes(check):
    assert check("A rod", "A rod") == (0, "")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("self.domain = ", "domain = ", "Rod sets no domain; write self.domain = Box(x=(0, 1)) in its constructor"),
        ("self.fields = ", "fields = ", 'Rod sets no fields; write self.fields = ("u",) in its constructor'),
        ("        return {\n", "        found = {\n", "Rod.terms must return a dict of terms by name, got None"),
        (
            "pinn.Interior(self.heat)",
            "self.heat",
            "'heat' in Rod.terms must be a term, such as Interior(self.equation)",
        ),
        ("def terms", "def term", "Rod in rod.py has no method terms(self)"),
        ("self.k = k", "self.k = {}['k']", f"KeyError: 'k' (rod.py, line {LINES['self.k = k']}, in __init__)"),
        (
            "- self.k * u_xx",
            "+ math.sin(u)",
            f"rod.py, line {LINES['return u_t - self.k * u_xx']}, in heat: math.sin met a field",
        ),
        ("- self.k * u_xx", "+ math.sin(u)", "use torch.sin"),
        ("u_xx, u):", "u_yy, u):", "'u_yy' in Rod.heat: no coordinate 'y'; fields are u; coordinates are x, t"),
        ('"heat": ', '"data": pinn.Data("probe.csv", u=0),"heat": ', 'a file is read by pinn.Data.read("probe.csv")'),
        ('"heat": ', '"data": pinn.Data({"x": [float("nan")], "t": 0}, u=0),"heat": ', "may be a file's header"),
        ("lambda x: x * (1 - x)", "lambda x: math.sin(x)", "in <lambda>: math.sin met"),
        ("- self.k * u_xx", "+ (u if u > 0 else 0)", "use torch.where in place of if"),
    ],
)
def test_mistakes_are_told_in_one_line(check, old, new, message):
    status, err = check(old, new)
    assert status == 2
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert message in err


def test_a_reference_in_torch(tmp_path, check, capsys):
    check("    def heat", "    def reference(self, x):\n        return sin(x)\n\n    def heat")
    assert main(["problem=rod.py", "training.steps=2", "output.figures=false"]) == 2
    assert "in reference: TypeError" in (err := capsys.readouterr().err)
    assert "use numpy's functions in it" in err


def test_a_fault_of_the_program_stays_one(check, monkeypatch):
    """An error raised by pinn's own code is not blamed on the page that it was called from."""

    def broken(*_, **__):
        raise ValueError("broken")

    monkeypatch.setattr("pinn.problem.Problem.check_complete", broken)
    status, err = check("A rod", "A rod")
    assert status == 1
    assert "rod.py" not in err
