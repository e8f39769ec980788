"""What is asked of a solution: its estimated error, its way into the file and out of it, and how it is told."""

import functools
import json

import h5py
import numpy as np
import pytest
import torch

import pinn
from pinn.basis.errors import UserError
from pinn.cli import main
from pinn.diagnosis.exact import exact_trial
from pinn.domains import Box, Time
from pinn.functionals import Average, Maximum, Profile
from pinn.networks.mlp import MLP
from pinn.problem import Problem
from pinn.report.closing import closing_table
from pinn.report.results import results_figure
from pinn.solution.output import Output
from pinn.solution.results import Doubt, measured
from pinn.solution.solution import Solution
from pinn.sweeps.table import rows_below, table_text
from pinn.terms import Interior
from pinn.trial.making import make_trial


class Warming(Problem):
    """u = size x t."""

    def __init__(self, size: float = 1.0):
        self.size = size
        self.domain = Box(x=(0, 1)) * Time(t=(0, 2))
        self.fields = ("u",)
        self.units = {"t": "s"}

    def terms(self):
        return {"equation": Interior(lambda u_t, x: u_t - self.size * x)}

    def exact(self, x, t):
        return self.size * x * t


MEAN, END, TOP = Average("u", unit="K", number=np.max), Average("u", at={"t": 2.0}), Maximum("u")
CUT = Profile("u", start={"x": 0}, end={"x": 1})


def test_the_error_is_what_other_functions_differ_by():
    """By 0.1 and 0.2 of the field each: together the root of their squares; quadratures are exact here."""
    trial, others = exact_trial(Warming()), (exact_trial(Warming(1.1)), exact_trial(Warming(0.8)))
    result = measured(MEAN, trial, Doubt(others, factor=3.0, is_lower_bound=True))
    assert result.how == "max over t"
    assert abs(result.number - 1.0) < 1e-12
    assert abs(result.error - 3 * np.hypot(0.1, 0.2)) < 1e-12
    np.testing.assert_allclose(result.errors, 3 * np.hypot(0.1, 0.2) * result.values, atol=1e-12)
    assert result.is_lower_bound
    assert measured(MEAN, trial).error is None


def test_a_quadrature_that_does_not_resolve_adds_to_the_error():
    jump = Average(lambda x: (x > 0.4321).double(), at={"t": 1.0})
    result = measured(jump, exact_trial(Warming()), Doubt(()))
    assert 1e-5 < abs(result.number - 0.5679) <= 3 * result.error


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    torch.manual_seed(0)
    trial = make_trial(Warming(), functools.partial(MLP, width=4, depth=1))
    doubt = Doubt((exact_trial(Warming()),))
    asked = {"mean": MEAN, "end": END, "top": TOP, "cut": CUT}
    results = {name: measured(one, trial, doubt) for name, one in asked.items()}
    history = {"step": np.array([1]), "loss": np.array([1.0])}
    attributes = {"seed": 0, "wall_seconds": 1.0, "status": "steps", "outcome": "all steps done"}
    solution = Solution(trial, history=history, attributes=attributes, results=results, output=Output(resolution=9))
    folder = tmp_path_factory.mktemp("runs") / "run"
    folder.mkdir()
    solution.save(folder)
    return folder, solution


def test_results_come_back_from_the_file(saved):
    folder, solution = saved
    loaded = pinn.load(folder, problem=Warming())
    assert list(loaded.results) == ["mean", "end", "top", "cut"]
    for name, result in solution.results.items():
        again = loaded.results[name]
        assert (again.number, again.error, again.how, again.along) == (
            *(result.number, result.error, result.how, result.along),
        )
        np.testing.assert_array_equal(again.values, result.values)
        np.testing.assert_array_equal(again.errors, result.errors)
    np.testing.assert_array_equal(loaded.results["top"].parts["x"], solution.results["top"].parts["x"])
    with h5py.File(folder / "solution.h5") as file:
        assert file["results/mean"].attrs["value"] == solution.results["mean"].number
        assert file["results/mean"].attrs["units"] == "K"
        assert file["results/mean/values"].dims[0][0].name == "/results/mean/places"


def test_results_are_told(saved, capsys):
    folder, solution = saved
    rows = rows_below(folder.parent)
    assert rows[0]["result_end"] == solution.results["end"].number
    assert rows[0]["error_of_result_end"] == solution.results["end"].error
    assert "result_cut" not in rows[0]  # it has no number
    assert " end " in table_text(rows)
    text = closing_table(solution, [])
    assert "mean (K)" in text
    assert solution.results["end"].text in text
    for command in ("show", "verdict"):
        assert main([command, str(folder)]) == 0
        assert "mean (K)" in capsys.readouterr().out
    assert main(["verdict", "--json", str(folder)]) == 0
    told = json.loads(capsys.readouterr().out)["results"]["end"]
    assert (told["value"], told["estimated_error"]) == (solution.results["end"].number, solution.results["end"].error)
    page = solution.report(folder / "page.html").read_text()
    assert "mean (K)" in page
    assert "What is asked of the solution" in page


def test_curves_are_drawn(saved):
    contents = saved[1].contents()
    panels = [axes for axes in results_figure(contents).axes if axes.axison]
    assert [axes.get_ylabel() for axes in panels] == ["mean (K)", "top", "cut"]
    assert [axes.get_xlabel() for axes in panels] == ["t (s)", "t (s)", "x"]
    np.testing.assert_array_equal(panels[1].lines[0].get_ydata(), contents.results["top"].values)
    contents.results = {"end": contents.results["end"]}
    assert results_figure(contents) is None


def test_a_solution_is_asked_afterwards(saved):
    result = saved[1].measure(END)
    assert result.number == saved[1].results["end"].number
    with pytest.raises(UserError, match="'w' in this functional"):
        saved[1].measure(Average("w"))
