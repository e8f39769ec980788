"""Fields that are functions of some of the coordinates: what they see, how they are solved for, and their file."""

from functools import partial

import h5py
import numpy as np
import pytest
import torch

import pinn
from pinn.basis.errors import UserError
from pinn.diagnosis.preflight import preflight
from pinn.domains import Box, Disc, Time
from pinn.networks import MLP, RandomFeatures
from pinn.optimizers import LinearLeastSquares
from pinn.problem import Problem
from pinn.report.figures import plot
from pinn.residuals.assembly import Assembly
from pinn.residuals.exact_terms import make_residuals
from pinn.residuals.least_squares import bind
from pinn.sampling import SobolSampler
from pinn.solution.output import Output
from pinn.terms import Boundary, Dirichlet, Initial, Interior
from pinn.training.settings import Training
from pinn.trial.making import make_trial, make_windows


class Film(Problem):
    """u_t = u_xx - q + (1 - t),  q' = -u(0, t),  a_x = x with fields of x and t, of t, and of x: u = 1, q = 1 - t."""

    def __init__(self, fields=None):
        self.domain = Box(x=(0, 1)) * Time(t=(0, 1))
        self.fields = fields or {"u": ("x", "t"), "q": ("t",), "a": "x"}

    def terms(self):
        return {
            "heat": Interior(lambda t, u_t, u_xx, q: u_t - u_xx + q - (1 - t)),
            "profile": Interior(lambda x, a_x: a_x - x),
            "growth": Boundary(lambda q_t, u: q_t + u, on="x.min"),
            "ends": Dirichlet(u=1.0, on=("x.min", "x.max")),
            "left": Dirichlet(a=0.5, on="x.min"),
            "start": Initial(u=1.0, q=1.0),
        }

    def exact(self, x, t):
        return {"u": 1 + 0 * x, "q": 1 - t, "a": 0.5 + x**2 / 2}


SMALL = partial(MLP, width=8, depth=2)


def trial(constraints="hard", derivatives="taylor", network=SMALL):
    torch.manual_seed(0)
    made = make_trial(Film(), network, constraints=constraints, derivatives=derivatives)
    with torch.no_grad():
        for parameter in made.network.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return made


@pytest.mark.parametrize("derivatives", ["taylor", "reverse"])
@pytest.mark.parametrize("constraints", ["hard", "soft"])
@pytest.mark.parametrize("network", [partial(MLP, width=8, depth=2), partial(RandomFeatures, width=30)])
def test_a_field_does_not_change_along_what_it_is_no_function_of(network, constraints, derivatives):
    made = trial(constraints, derivatives, network)
    x = torch.tensor([[0.1, 0.3], [0.9, 0.3], [0.1, 0.8]], dtype=torch.float64)
    with torch.no_grad():
        u, q, a, q_t = (v.tolist() for v in made.evaluate(("u", "q", "a", "q_t"), x).values())
    assert q[0] == q[1] != q[2]
    assert q_t[0] == q_t[1] != q_t[2]
    assert a[0] == a[2] != a[1]
    assert len(set(u)) == 3


@pytest.mark.parametrize("constraints", ["hard", "soft"])
def test_engines_and_assemblies_agree(constraints):
    found = []
    for derivatives, jacobian in (("taylor", "captured"), ("reverse", "reference")):
        residuals = make_residuals(trial(constraints, derivatives))
        points = residuals.draw(SobolSampler(interior=20, boundary=5), torch.Generator().manual_seed(0))
        found.append(bind(residuals, points, Assembly(jacobian=jacobian)).jacobian(residuals.theta()))
    for one, other in zip(*found, strict=True):
        assert float((one - other).abs().max()) <= 1e-12 * max(1.0, float(other.abs().max()))  # rounding


def test_initial_values_of_all_hold_exactly():
    made = trial("hard")
    x = torch.tensor([[0.2, 0.0], [0.7, 0.0]], dtype=torch.float64)
    with torch.no_grad():
        values = made.evaluate(("u", "q"), x)
    assert [v.tolist() for v in values.values()] == [[1.0, 1.0], [1.0, 1.0]]


def test_pre_flight_has_nothing_to_say():
    assert [finding.text for finding in preflight(trial("soft")).findings] == []


@pytest.mark.parametrize(
    ("name", "told"), [("q_x", "q is a function of t and not of x"), ("q_normal", "q is a function of t and not of x")]
)
def test_derivatives_that_are_zero_are_refused(name, told):
    with pytest.raises(UserError, match=f"'{name}' in .* is zero: {told}; leave it out"):
        trial().request([name], {name: "an equation"})


@pytest.mark.parametrize("own", [("y",), ()])
def test_coordinates_that_are_none_are_refused(own):
    with pytest.raises(UserError, match="field q must name some of the coordinates x, t, got"):
        _ = Film({"u": ("x", "t"), "q": own}).vocabulary


@pytest.mark.parametrize("constraints", ["hard", "soft"])
def test_it_is_solved_and_its_file_has_the_fields_own_dimensions(tmp_path, constraints):
    xarray = pytest.importorskip("xarray")
    torch.manual_seed(0)
    solution = pinn.solve(
        Film(),
        network=partial(RandomFeatures, width=100, scale=3.0),
        optimizer=LinearLeastSquares(),
        sampler=SobolSampler(interior=400, boundary=40),
        training=Training(steps=5),
        constraints=constraints,
        output=Output(resolution={"x": 9, "t": 7}, figures=False, estimate=False),
        folder=tmp_path,
    )
    with xarray.open_dataset(tmp_path / "solution.h5") as data:
        assert {name: data[name].dims for name in ("u", "q", "a")} == {"u": ("t", "x"), "q": ("t",), "a": ("x",)}
        # 100 features of few waves, fitted to rounding times the condition
        np.testing.assert_allclose(data["q"], 1 - data["t"], atol=1e-6)
        np.testing.assert_allclose(data["a"], 0.5 + data["x"] ** 2 / 2, atol=1e-6)
    with h5py.File(tmp_path / "solution.h5") as file:
        assert file["error/q"].shape == file["reference/q"].shape == (7,)
        assert set(file["VTKHDF/PointData"]) >= {"u"} and "q" not in file["VTKHDF/PointData"]
        assert file["plot"].attrs["signal"] == "u"
    loaded = pinn.load(tmp_path / "solution.h5", trust=True)
    assert loaded(x=0.3, t=0.25)["q"] == solution(x=0.9, t=0.25)["q"]
    assert solution.errors()["q"]["relative_l2"] < 1e-6
    contents = loaded.contents()
    assert contents.fields["q"].shape == (7, 9)  # in memory each is on all nodes
    assert loaded.to_xarray()["error_q"].dims == ("t",)
    titles = [axes.get_title() for axes in plot(contents).axes if axes.lines]
    assert titles == ["q", "a"]  # curves; the others are maps


def test_windows_go_on_with_what_a_field_was():
    torch.manual_seed(0)
    fields = {"u": ("x", "t"), "q": ("t",)}

    class Two(Film):
        def terms(self):
            return {name: term for name, term in super().terms().items() if name not in ("profile", "left")}

    made = make_windows(Two(fields), partial(MLP, width=6, depth=1), 2)
    x = torch.tensor([[0.2, 0.5], [0.7, 0.5], [0.2, 0.5 + 1e-9]], dtype=torch.float64)
    with torch.no_grad():
        q = made.evaluate(("q",), x)["q"].tolist()
    assert q[0] == q[1]
    assert q[2] == pytest.approx(q[0], abs=1e-7)


def test_a_mesh_keeps_its_nodes_for_a_field_of_space():
    from pinn.solution.nodes import make_nodes

    nodes = make_nodes(Disc() * Time(t=(0, 1)), {"cells": 4, "t": 3})
    assert nodes.dimensions_of(("t",)) == ("t",)
    assert nodes.dimensions_of(("x", "y")) == ("node",)
    assert nodes.dimensions_of(("x", "y", "t")) == ("t", "node")
