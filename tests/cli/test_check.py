"""`pinn check`: what it prints and its exit status, with a run's options."""

import re
from pathlib import Path

import pytest

import pinn.trial.function
from pinn.cli import main

ROD = '''
"""A rod."""
from torch import cumsum

from pinn import Box, Interior, Problem, derived


class Rod(Problem):
    """Steady heat conduction."""

    def __init__(self, conductivity: float = 2.0, summed: bool = False):
        self.conductivity = conductivity
        self.summed = summed
        self.domain = Box(x=(0, 1))
        self.fields = ("u",)

    def terms(self):
        return {"balance": Interior(self.balance)}

    def balance(self, flux_x, u):
        return flux_x + self.conductivity * u

    @derived
    def flux(self, u_x):
        return cumsum(u_x, 0) if self.summed else self.conductivity * u_x
'''


@pytest.fixture
def run(folder_of_own, capsys):
    """Run `pinn check` with words in an empty folder: (status, stdout, stderr)."""
    return lambda *words: (main(["check", *words]), *capsys.readouterr())


def names(table: str) -> list[str]:
    """The first column, without header and closing lines."""
    lines = table.splitlines()[1:]
    return [line.split()[0] for line in lines if not line.startswith(("passed", "FAILED", "note", "pre-flight"))]


def test_the_default_problem_passes_and_nothing_is_written(run, tmp_path):
    status, out, err = run()
    assert (status, err) == (0, "")
    assert set(names(out)) == {"u", "u_t", "u_x", "u_xx", "x"}
    assert out.splitlines()[-2].startswith("passed: 5 names")
    assert out.splitlines()[-1] == "pre-flight: momentum, walls (exact), start (exact); nothing found"
    assert list(tmp_path.iterdir()) == []


def test_findings_of_the_pre_flight(run, tmp_path):
    status, out, _ = run("problem=allen_cahn")
    assert status == 0
    assert "note: start and seam disagree: u_x differs by 4 at x.min and x.max" in out
    (tmp_path / "rod.py").write_text(ROD + "\n    def exact(self, x):\n        return x**2\n", encoding="utf-8")
    status, out, _ = run("problem=rod.py", "constraints=soft")
    assert status == 1
    assert "FAILED: the exact solution does not satisfy balance: off by" in out
    assert "a value that is not zero is missing" in out


def test_options_are_those_of_a_run(run, tmp_path):
    status, out, _ = run("problem=kdv", "network=siren", "constraints=soft", "network.width=8", "seed=4")
    assert status == 0
    assert {"u_xxx", "u_t", "u"} <= set(names(out))
    assert run("problem=kdv", "network=siren", "constraints=soft", "network.width=8", "seed=4")[1] == out
    assert run("problem=kdv", "network=siren", "constraints=soft", "network.width=8", "seed=5")[1] != out
    assert run("problem=kdv", "network=mlp", "constraints=soft", "network.width=8", "seed=4")[1] != out
    group = tmp_path / "mine" / "problem"
    group.mkdir(parents=True)
    (group / "thick.yaml").write_text("_target_: pinn.problems.Burgers\nnu: 0.5\n", encoding="utf-8")
    status, out, err = run("--config-dir", "mine", "problem=thick")
    assert (status, err) == (0, "")
    assert set(names(out)) == {"u", "u_t", "u_x", "u_xx", "x"}


def test_wrong_derivatives_have_exit_status_one(run, monkeypatch):
    right = pinn.trial.function.taylor

    def wrong(*args, **kwargs):
        return {name: 1.01 * value for name, value in right(*args, **kwargs).items()}

    monkeypatch.setattr(pinn.trial.function, "taylor", wrong)
    status, out, err = run()
    assert (status, err) == (1, "")
    pattern = r"FAILED: u_xx: taylor and \w+ differ by 0\.0\d+ > 1e-12 \(interior\); taylor is wrong by the numbers"
    assert re.search(pattern, out)


def test_a_problem_in_a_file_and_an_operation_without_a_rule(run, tmp_path):
    (Path(tmp_path) / "rod.py").write_text(ROD, encoding="utf-8")
    status, out, _ = run("problem=rod.py", "problem.conductivity=3")
    assert status == 0
    assert set(names(out)) == {"flux_x", "u", "u_x"}
    status, out, _ = run("problem=rod.py", "problem.summed=true")
    assert status == 1  # derivatives=taylor, the default, cannot run it
    assert "FAILED: reverse mode alone was checked, because Taylor mode has no rule for 'cumsum'" in out
    status, out, _ = run("problem=rod.py", "problem.summed=true", "derivatives=auto")
    assert status == 0
    assert "note: reverse mode alone was checked" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["problem=burger"], "no choice 'burger' of problem (did you mean 'burgers'?)"),
        (["problem.mu=1"], "no option 'problem.mu'"),
        (["network.width=wide"], "network.width must be a whole number, got 'wide'"),
        (["problem.nu=-1"], "nu must be > 0"),
        (["problem=nothing.py"], "no file 'nothing.py'"),
        (["-m", "seed=1,2"], "check: unrecognized arguments: -m; see pinn check --help"),
        (["--config-dir", "nowhere"], "no folder 'nowhere' for --config-dir"),
        (["--fast"], "check: unrecognized arguments: --fast"),
    ],
)
def test_mistakes_are_told_in_one_line(run, words, message):
    status, out, err = run(*words)
    assert (status, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert message in err


def test_help_is_short(run):
    status, out, err = run("--help")
    assert (status, err) == (0, "")
    assert out.startswith("usage: pinn check ")


def test_the_points_are_drawn(run, tmp_path):
    status, out, err = run("problem=heat", "--figure", "points.png")
    assert (status, err) == (0, "")
    assert out.splitlines()[-1] == "points.png"
    assert (tmp_path / "points.png").stat().st_size > 10_000
