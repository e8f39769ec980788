"""Tables of runs and the commands on finished runs."""

import csv
import functools
import sys

import h5py
import numpy as np
import pytest
import torch

from pinn.cli import main
from pinn.cli.subcommands import SUBCOMMANDS
from pinn.networks import MLP
from pinn.problems import Burgers, Kovasznay
from pinn.solution import Output, Solution, load
from pinn.sweeps.report import link
from pinn.sweeps.table import rows_below, table_text
from pinn.trial.making import make_trial

HISTORY = {
    "step": np.arange(1, 4),
    "seconds": np.array([0.5, 1.0, 1.5]),
    "loss": np.array([1.0, 0.1, 0.01]),
    "loss/momentum": np.array([1.0, 0.1, 0.01]),
    "loss/walls": np.array([0.5, 0.1, 0.02]),
    "damping": np.array([1.0, 0.3, 0.1]),
    "held_out": np.array([2.0, 0.3, 0.4]),
    "error/u": np.array([0.5, 0.2, 0.05]),
}


def save(problem, folder, seed):
    torch.manual_seed(seed)
    trial = make_trial(problem, functools.partial(MLP, width=4, depth=1))
    folder.mkdir(parents=True)
    attributes = {"seed": seed, "wall_seconds": 1.5, "status": "steps"}
    solution = Solution(trial, history=HISTORY, attributes=attributes, output=Output(resolution=9))
    solution.save(folder)
    return solution


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    root = tmp_path_factory.mktemp("runs")
    return root, [save(Burgers(), root / "burgers" / str(seed), seed) for seed in (1, 2)]


def test_rows_are_sorted_by_error_and_written(runs, tmp_path, capsys):
    root, solutions = runs
    rows = rows_below(root)
    errors = sorted(solution.errors()["u"]["relative_l2"] for solution in solutions)
    assert [row["error"] for row in rows] == errors
    assert {row["held_out"] for row in rows} == {0.3}  # of the step whose parameters are kept
    assert main(["table", str(root), "--to", str(tmp_path / "t.csv"), str(tmp_path / "t.h5")]) == 0
    assert f"{errors[0]:.2e}" in capsys.readouterr().out
    with open(tmp_path / "t.csv", newline="") as file:
        assert [float(row["error"]) for row in csv.DictReader(file)] == errors
    with h5py.File(tmp_path / "t.h5") as file:
        assert file["error"][()].tolist() == errors
        assert file["run"].asstr()[()].tolist() == [row["run"] for row in rows]
    assert "problem" in table_text(rows)


def test_compare_measures_on_the_nodes_of_the_first(runs, tmp_path, capsys):
    root, (first, second) = runs
    difference = first.compare(second)["u"]["relative_l2"]
    x, t = np.meshgrid(*(first.grid()[name] for name in ("x", "t")))
    u, v = first(x=x, t=t), second(x=x, t=t)
    assert difference == pytest.approx(np.linalg.norm(u - v) / np.linalg.norm(v), rel=1e-12)
    folders = [str(root / "burgers" / seed) for seed in "12"]
    assert main(["compare", *folders, "--to", str(tmp_path / "compared.png")]) == 0
    assert f"{difference:.2e}" in capsys.readouterr().out
    assert (tmp_path / "compared.png").stat().st_size > 10_000


def test_a_solution_in_xarray_and_as_a_figure(runs, tmp_path):
    xarray = pytest.importorskip("xarray")
    root, (first, _) = runs
    data = load(root / "burgers" / "1").to_xarray()
    assert isinstance(data, xarray.Dataset)
    assert np.array_equal(data.error_u, data.u - data.reference_u)
    assert data.u.sel(x=0.0, t=0.0) == first(x=0.0, t=0.0)
    assert first.plot(tmp_path / "u.png").axes[0].get_title() == "u"
    assert (tmp_path / "u.png").exists()


def test_figures_and_exports_of_a_run(runs, capsys):
    run = str(runs[0] / "burgers" / "1")
    assert main(["plot", run, "--to", "pdf"]) == 0
    assert main(["export", run, "--to", "csv"]) == 0
    written = capsys.readouterr().out.split()
    assert [path.rsplit("/", 1)[1] for path in written] == ["solution.pdf", "training.pdf", "solution.csv"]


@pytest.mark.parametrize("command", sorted(SUBCOMMANDS))
def test_help_has_examples(command, capsys):
    assert main([command, "--help"]) == 0
    assert f"examples:\n  pinn {command}" in capsys.readouterr().out


ROD = """
import pinn

class Rod(pinn.Problem):
    def __init__(self):
        self.domain = pinn.Box(x=(0, 1))
        self.fields = ("u",)
    def terms(self):
        return {"rod": pinn.Interior(self.rod), "ends": pinn.Dirichlet(u=0.0, on=("x.min", "x.max"))}
    def rod(self, u_xx):
        return u_xx + 1
"""


SMALL = (
    *("training.steps=2", "training.held_out=20", "sampler.interior=40", "sampler.boundary=10"),
    *("network.width=4", "network.depth=1", "output.resolution=9", "output.figures=false"),
)


def test_a_file_of_ones_own_is_run_only_with_trust(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "own_rod.py").write_text(ROD, encoding="utf-8")
    assert main(["problem=own_rod.py", *SMALL, "hydra.run.dir=run"]) == 0
    sys.modules.pop("own_rod")
    sys.path.remove(str(tmp_path))
    capsys.readouterr()
    for words in (["export", "run", "--to", "pt2"], ["compare", "run", "run"]):
        assert main(words) == 2
        assert "own_rod.Rod, which is not a class of pinn; with trust=True (--trust)" in capsys.readouterr().err
        assert "own_rod" not in sys.modules
        assert main([*words, "--trust"]) == 0
        assert sys.modules.pop("own_rod").Rod
    for words in (
        ["export", "run", "--to", "csv"],
        ["plot", "run"],
        ["show", "run"],
        ["table", "."],
        ["report", "run"],
    ):
        assert main(words) == 0  # from the numbers alone
        assert "own_rod" not in sys.modules


def test_mistakes_are_told_in_a_line(runs, tmp_path, capsys):
    run = str(runs[0] / "burgers" / "1")
    save(Kovasznay(), tmp_path / "other", 0)
    for words, told in (
        (["compare", run], "two runs or more"),
        (["compare", run, str(tmp_path / "other")], "do not compare"),
        (["table", str(tmp_path / "absent")], "no such folder"),
        (["export", run, "--to", "xls"], "the formats are vtu, csv, npz, pt2"),
        (["export", run], "see pinn export --help"),
        (["table", str(runs[0]), "--to", "t.txt"], "written as .csv or .h5"),
    ):
        assert main(words) == 2
        error = capsys.readouterr().err
        assert told in error
        assert error.count("\n") == 1


def test_values_are_no_markup_and_steer_no_terminal():
    rows = [{"run": "[/x]", "output.derivatives": "[u_x]", "comment": "\x1b[31m[red]"}]
    text = table_text(rows)
    for value in ("[/x]", "[u_x]", "[31m[red]"):
        assert value in text
    assert "\x1b" not in text


def test_links_are_paths_whatever_the_folders_are_called(tmp_path):
    for name in ("javascript:alert(1)", "a b", "#1", "100%"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "report.html").write_text("")
    links = {path.name: link(path, tmp_path) for path in tmp_path.iterdir()}
    assert links == {
        "javascript:alert(1)": "./javascript%3Aalert%281%29/report.html",
        "a b": "./a%20b/report.html",
        "#1": "./%231/report.html",
        "100%": "./100%25/report.html",
    }


def test_a_narrow_table_gives_up_columns_and_says_so():
    row = {"run": "a/rather/long/path/of/a/run", "verdict": "not solved", "error": 0.125, "residual": 1e-3, "steps": 3}
    full = table_text([row])
    assert max(map(len, full.splitlines())) > 60
    assert "not shown" not in full
    narrow = table_text([row], 60)
    assert max(map(len, narrow.splitlines())) <= 60
    assert "not shown in 60 columns: steps" in narrow
    for kept in ("a/rather/long/path/of/a/run", "1.25e-01", "not solved"):
        assert kept in narrow
    least = table_text([row], 20)  # what a run is and how far off is never left out, nor broken
    assert "a/rather/long/path/of/a/run  1.25e-01" in least
    assert "not shown in 20 columns: verdict, residual, steps" in least
