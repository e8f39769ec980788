"""Observations from a file: which columns are what, whose rows are left out, and what is missing."""

import sys
from functools import partial

import pytest
import torch

import pinn
from pinn.basis.errors import UserError
from pinn.networks.mlp import MLP
from pinn.problem import Problem
from pinn.residuals.exact_terms import make_residuals
from pinn.sampling.sequences import UniformSampler
from pinn.terms.data import Data
from pinn.trial.making import make_trial

TEXT = "T [K];t [s];x [m];sigma\n300;0,5;0,25;0,1\n310;1;;0,1\n320;1;0,75;0,2\n"


class Rod(Problem):
    """T_t = T_xx with a probe."""

    def __init__(self, probe):
        self.domain = pinn.Box(x=(0, 1)) * pinn.Time(t=(0, 1))
        self.fields = ("T",)
        self.probe = probe

    def terms(self):
        return {"heat": pinn.Interior(lambda T_t, T_xx: T_t - T_xx), "probe": self.probe}


def rows(probe):
    """The residual of the observations at the fields as they start, and where they are."""
    torch.manual_seed(0)
    trial = make_trial(Rod(probe), partial(MLP, width=4, depth=1), constraints="soft")
    residuals = make_residuals(trial)
    points = residuals.draw(UniformSampler(interior=4, boundary=4), torch.Generator().manual_seed(0))["data"]
    return residuals.region_values(residuals.regions["data"], points, trial.parameters())[0], points.x


@pytest.mark.parametrize(
    ("read", "written"),
    [({"noise": "sigma"}, [0.1, 0.2]), ({"noise": 0.3}, None)],
)
def test_observations_from_a_file_are_those_of_its_arrays(tmp_path, read, written):
    text = TEXT if written else "\n".join(line.rpartition(";")[0] for line in TEXT.splitlines())
    (tmp_path / "probe.csv").write_text(text)
    found = rows(Data.read(tmp_path / "probe.csv", **read))
    known = rows(Data(at={"t": [0.5, 1.0], "x": [0.25, 0.75]}, T=[300.0, 320.0], noise=written or 0.3))
    assert torch.equal(found[0], known[0]) and torch.equal(found[1], known[1])
    assert found[1].tolist() == [[0.25, 0.5], [0.75, 1.0]]


def test_a_coordinate_without_a_column_is_said(tmp_path):
    (tmp_path / "probe.csv").write_text("x,T\n0.25,300\n")
    assert rows(Data.read(tmp_path / "probe.csv", at={"t": 0.5}))[1].tolist() == [[0.25, 0.5]]


@pytest.mark.parametrize(
    ("text", "options", "told"),
    [
        ("x,T\n0,1\n", {}, r"probe.csv has no column t; its columns are x, T; or say at="),
        ("x,t\n0,1\n", {}, "no column of values"),
        ("x,t,T\n0,1,\n", {}, "each row of .* lacks a number"),
        ("x,t,T\n0,1,1\n", {"noise": "sigma"}, "no column 'sigma' of the noise"),
        ("x,t,T\n0,1,1\n", {"at": {"t": 1.0}}, "t is a column of .* and in at="),
        ("x,t,S\n0,1,1\n", {}, "'S' in data of S: not a name this problem knows"),
        ("x,t,T\n0,2,1\n", {}, "1 of 1 places of data lie outside the domain"),
        ("x,t,T\n0,1,warm\n", {}, "line 2, column T: 'warm' is no number"),
    ],
)
def test_what_does_not_fit_the_problem_is_told(tmp_path, text, options, told):
    (tmp_path / "probe.csv").write_text(text)
    with pytest.raises(UserError, match=told):
        rows(Data.read(tmp_path / "probe.csv", **options))


def test_a_relative_path_starts_at_the_page_whose_terms_ask_for_it(tmp_path, monkeypatch):
    (tmp_path / "probe.csv").write_text("x,t,T\n0,1,1\n")
    page = 'import pinn\n\n\ndef probe():\n    return pinn.Data.read("probe.csv")\n'
    (tmp_path / "page_with_a_probe.py").write_text(page)
    monkeypatch.syspath_prepend(tmp_path)
    import page_with_a_probe

    del sys.modules["page_with_a_probe"]
    assert rows(page_with_a_probe.probe())[1].tolist() == [[0.0, 1.0]]
