"""The two engines on problems: named derivatives, derived quantities, operators, ansatz."""

import gc
from functools import partial

import pytest
import torch
from agreement import assert_agree
from torch import sin

from pinn.basis.errors import UserError
from pinn.domains import Box, Time
from pinn.networks import ACTIVATIONS, MLP
from pinn.problem import Problem, derived
from pinn.problems import Burgers
from pinn.terms import Interior
from pinn.trial.making import make_trial


class Everything(Problem):
    """Two fields in two space dimensions and time, with derived quantities and an ansatz."""

    def __init__(self) -> None:
        self.domain = Box(x=(0, 2), y=(-1, 1)) * Time(t=(0, 1))
        self.fields = ("u", "v")
        self.unknowns = {"k": 0.7}
        self.operators = {"anisotropic": {"xx": 2.0, "xy": -1.0, "yy": 0.5}}

    def terms(self):
        return {"nothing": Interior(lambda u: u)}

    def ansatz(self, x, t, u):
        return {"u": sin(x) + t * u}

    @derived
    def flux(self, u, u_x, k, x):
        return (1 + u * u) * u_x * k + x

    @derived
    def speed(self, u, v):
        return (u * u + v * v + 1.0).sqrt()

    @derived
    def flux_norm(self, flux, flux_y, speed):
        return flux * flux_y + speed


NAMES = (
    *("x", "t", "u", "v", "k", "u_x", "u_t", "v_xx", "u_xy", "v_yyt", "u_xxyy"),
    *("laplacian_u", "laplacian_v", "biharmonic_v", "anisotropic_u"),
    *("flux", "flux_x", "flux_xt", "speed_yy", "flux_norm", "flux_norm_x", "laplacian_speed"),
    *("jacobian", "hessian"),
)


@pytest.fixture
def points() -> torch.Tensor:
    return torch.rand(4, 3, dtype=torch.float64) * torch.tensor([2.0, 2.0, 1.0]) - torch.tensor([0.0, 1.0, 0.0])


def evaluate(problem, names, points, engine, collapse=True, **settings):
    torch.manual_seed(3)
    trial = make_trial(problem, partial(MLP, **({"width": 6, "depth": 2} | settings)), derivatives=engine)
    return trial.evaluate(trial.request(names, collapse=collapse), points.to(trial.dtype))


@pytest.mark.parametrize("engine", ["taylor", "reverse"])
def test_nothing_is_left_for_the_garbage_collector(points, engine):
    """Of large blocks of points that would be much memory."""
    evaluate(Everything(), NAMES, points, engine)  # what is made once
    gc.collect()
    gc.disable()
    try:
        evaluate(Everything(), NAMES, points, engine)
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        assert not [left for left in gc.garbage if isinstance(left, torch.Tensor)]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


@pytest.mark.parametrize("collapse", [True, False])
def test_engines_agree_on_every_kind_of_name(points, collapse):
    taylor = evaluate(Everything(), NAMES, points, "taylor", collapse)
    reverse = evaluate(Everything(), NAMES, points, "reverse")
    for name in NAMES:
        assert taylor[name].shape == reverse[name].shape
        assert_agree(taylor[name], reverse[name], name)


@pytest.mark.parametrize("name", NAMES)
def test_each_name_alone_gives_what_it_gives_among_others(points, name):
    together = evaluate(Everything(), NAMES, points, "taylor")
    assert_agree(evaluate(Everything(), [name], points, "taylor")[name], together[name], name)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_engines_agree_for_every_activation(activation):
    points = torch.rand(5, 2, dtype=torch.float64)
    names = ("u", "u_x", "u_t", "u_xx", "u_xxx", "u_xxt", "u_xxxx")
    taylor = evaluate(Burgers(), names, points, "taylor", activation=activation)
    reverse = evaluate(Burgers(), names, points, "reverse", activation=activation)
    for name in names:
        assert_agree(taylor[name], reverse[name], name)


def test_jacobian_rows_are_fields_and_columns_coordinates(points):
    found = evaluate(Everything(), ("jacobian", "hessian", "v_y", "u_xt"), points, "taylor")
    assert found["jacobian"].shape == (4, 2, 3)
    assert torch.equal(found["jacobian"][:, 1, 1], found["v_y"])
    assert torch.equal(found["hessian"][:, 0, 0, 2], found["u_xt"])
    assert torch.equal(found["hessian"], found["hessian"].mT)


def test_unknown_names_are_errors_before_anything_is_computed(points):
    with pytest.raises(UserError, match=r"'u_z'.*coordinates are x, y, t"):
        evaluate(Everything(), ["u_z"], points, "taylor")


class Recurrent(torch.nn.Module):
    """Uses an operation without a jet rule."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.layer = torch.nn.Linear(inputs, outputs)

    def forward(self, x):
        return torch.cumsum(torch.tanh(self.layer(x)), -1)


def test_auto_falls_back_to_reverse_and_says_so_once(caplog):
    with caplog.at_level("INFO", logger="pinn"):
        trial = make_trial(Burgers(), Recurrent, derivatives="auto")
    assert trial.derivatives == "reverse"
    assert [r.getMessage() for r in caplog.records if "cumsum" in r.getMessage()] != []
    assert len(caplog.records) == 1
    assert make_trial(Burgers(), MLP, derivatives="auto").derivatives == "taylor"
    assert trial.evaluate(["u_xx"], torch.rand(3, 2, dtype=torch.float64))["u_xx"].shape == (3,)


class Cumulative(Recurrent):
    """The same by a method of tensors."""

    def forward(self, x):
        return torch.tanh(self.layer(x)).cumsum(-1)


def test_auto_falls_back_for_a_method_too():
    assert make_trial(Burgers(), Cumulative, derivatives="auto").derivatives == "reverse"


class Flux(Burgers):
    """A derived quantity that uses the normal."""

    @derived
    def outflow(self, u_x, u_t, normal_x, normal_t):
        return u_x * normal_x + u_t * normal_t


def test_derived_quantities_see_the_normal_of_their_own_point():
    trials = [make_trial(Flux(), MLP, derivatives=engine) for engine in ("taylor", "reverse")]
    trials[1].load_parameters(trials[0].parameters())
    x, normal = torch.rand(4, 2, dtype=torch.float64), torch.randn(4, 2, dtype=torch.float64)
    a, b = (t.evaluate_with(t.request(["outflow"]), x, t.parameters(), normal)["outflow"] for t in trials)
    assert_agree(a, b)


def test_an_ansatz_that_asks_for_what_is_not_there():
    class Wrong(Burgers):
        def ansatz(self, x, z, u):
            return {"u": u}

    with pytest.raises(UserError, match="ansatz asks for z; it may use coordinates and fields: x, t, u"):
        make_trial(Wrong(), MLP)
