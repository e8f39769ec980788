"""The check of derivatives: it passes what is right, and finds and blames what is made wrong."""

from functools import partial
from math import pi

import pytest
import torch
from torch import Tensor, nn, sin

import pinn.diagnosis.derivatives
from pinn.basis.errors import UserError
from pinn.derivatives.differences import Estimate, differentiate
from pinn.derivatives.jets import RULES, Jet
from pinn.diagnosis.derivatives import check_derivatives
from pinn.domains import Box, Time
from pinn.networks import MLP
from pinn.problem import Problem, derived
from pinn.problems import Burgers
from pinn.terms import Boundary, Dirichlet, Initial, Interior
from pinn.trial import function
from pinn.trial.making import make_trial


class Diffusion(Problem):
    """Two fields, a derived flux, an operator of its own, and derivatives of all kinds."""

    def __init__(self, size: float = 1.0) -> None:
        self.size = size
        self.domain = Box(x=(0, 2), y=(-1, 1)) * Time(t=(0, 1))
        self.fields = ("u", "v")
        self.unknowns = {"k": 0.7}
        self.operators = {"tilted": {"xx": 2.0, "xy": -1.0, "yy": 0.5}}

    def terms(self):
        return {
            "first": Interior(lambda u_t, flux_x, tilted_v: u_t - flux_x - tilted_v),
            "second": Interior(lambda v_t, jacobian, biharmonic_u: v_t + jacobian[:, 0, 0] - biharmonic_u),
            "outflow": Boundary(lambda u_x, normal_x: u_x * normal_x, on=("x.min", "x.max")),
            "walls": Dirichlet(u=0.0, on=("y.min", "y.max")),
            "start": Initial(u=0.0, v_t=0.0),
        }

    def ansatz(self, y, t, u, v):
        return {"u": self.size * (1 - y**2) * t * u, "v": self.size * v}

    @derived
    def flux(self, u, u_x, k):
        return (self.size + u) * u_x * k


def wrong_rule(function, order: int, factor: float):
    """The jet rule of a function with its channels of this order multiplied by a factor."""
    right = RULES[function]

    def rule(jet: Jet, *args, **kwargs) -> Jet:
        result = right(jet, *args, **kwargs)
        factors = [factor if symbol.order == order else 1.0 for symbol in result.channels.symbols]
        scale = torch.tensor(factors, dtype=torch.float64)
        return result.with_coefficients(result.coefficients * scale.reshape(-1, *[1] * result.ndim))

    return rule


def wrong_engine(engine, name: str, factor: float):
    """The engine with one quantity multiplied by a factor wherever it is asked for."""

    def evaluate(*args, **kwargs):
        found = engine(*args, **kwargs)
        return {key: value * (factor if key == name else 1.0) for key, value in found.items()}

    return evaluate


def failed(check) -> set[tuple[str, str, str]]:
    return {(c.name, c.engine, c.against) for c in check.comparisons if not c.passed}


@pytest.mark.parametrize("constraints", ["hard", "soft"])
def test_what_is_right_passes(constraints):
    found = check_derivatives(Burgers(), constraints=constraints)
    assert found.passed
    assert set(found.names) == {"u", "u_t", "u_x", "u_xx", "x"}
    methods = {(c.name, c.against) for c in found.comparisons if c.engine == "taylor"}
    assert {("u_x", "reverse"), ("u_x", "complex step"), ("u_xx", "reverse"), ("u_xx", "differences")} <= methods
    assert ("u_xx", "complex step") not in methods
    for comparison in found.comparisons:
        # rounding for all but the differences of second order, whose steps allow about eps^(8/10) = 3e-13 of some tens
        assert comparison.bound <= (1e-9 if comparison.against == "differences" else 1e-12)


def test_every_name_of_every_term_is_compared_with_its_ingredients():
    found = check_derivatives(Diffusion(), network=partial(MLP, width=7, depth=2))
    assert found.passed, str(found)
    asked = {"u_t", "flux_x", "tilted_v", "v_t", "jacobian", "biharmonic_u", "u_x", "normal_x", "u"}
    ingredients = {"u", "u_x", "u_y", "v_x", "v_y"}  # of the flux and of the Jacobian
    assert asked | ingredients == set(found.names)
    by_numbers = {c.name for c in found.comparisons if c.against in ("complex step", "differences")}
    assert by_numbers == set(found.names) - {"u", "jacobian", "normal_x"}
    assert {c.where for c in found.comparisons} == {"interior", "x.min+x.max", "y.min+y.max", "t.min"}
    assert all(found.largest[name].name == name for name in found.names)


@pytest.mark.parametrize("size", [1.0, 1e-9, 1e6])
@pytest.mark.parametrize(
    ("order", "wrong"), [(1, {"u_x", "u_t", "flux_x", "tilted_v"}), (2, {"flux_x", "tilted_v"}), (4, {"biharmonic_u"})]
)
def test_a_wrong_jet_rule_fails_whatever_the_size_of_the_fields(monkeypatch, order, wrong, size):
    monkeypatch.setitem(RULES, torch.tanh, wrong_rule(torch.tanh, order, 1.0 + 1e-4))
    found = check_derivatives(Diffusion(size), network=partial(MLP, width=7, depth=2))
    assert not found.passed
    for name in wrong:
        assert {(name, "taylor", "reverse")} <= failed(found)
        assert (name, "reverse", "differences") not in failed(found)
        assert f"{name}: taylor and " in str(found)
    assert {engine for _, engine, _ in failed(found)} == {"taylor"}
    assert "taylor is wrong by the numbers" in str(found)
    assert "passed" not in str(found)


def test_a_rule_wrong_in_second_order_leaves_the_first_right(monkeypatch):
    monkeypatch.setitem(RULES, torch.tanh, wrong_rule(torch.tanh, 2, 1.0 + 1e-9))
    found = check_derivatives(Burgers())
    assert {name for name, _, _ in failed(found)} == {"u_xx"}


@pytest.mark.parametrize("engine", ["taylor", "reverse"])
def test_a_wrong_engine_fails_and_is_named(monkeypatch, engine):
    monkeypatch.setattr(pinn.trial.function, engine, wrong_engine(getattr(function, engine), "u_x", 1.0 + 1e-10))
    found = check_derivatives(Burgers())
    assert failed(found) == {("u_x", "taylor", "reverse"), ("u_x", engine, "complex step")}
    assert f"{engine} is wrong by the numbers" in str(found)


def test_two_engines_wrong_in_the_same_way_are_found_by_the_numbers(monkeypatch):
    for engine in ("taylor", "reverse"):
        monkeypatch.setattr(pinn.trial.function, engine, wrong_engine(getattr(function, engine), "u_xx", -1.0))
    found = check_derivatives(Burgers())
    assert failed(found) == {("u_xx", "taylor", "differences"), ("u_xx", "reverse", "differences")}


def test_derivatives_that_are_not_numbers_fail(monkeypatch):
    monkeypatch.setattr(function, "taylor", wrong_engine(function.taylor, "u_x", float("nan")))
    found = check_derivatives(Burgers())
    assert not found.passed
    assert found.largest["u_x"].ratio == float("inf")


def test_an_engine_that_gives_another_shape_fails(monkeypatch):
    right = function.taylor

    def columns(*args, **kwargs):
        return {name: value.unsqueeze(-1) for name, value in right(*args, **kwargs).items()}

    class Constant(Burgers):  # so that broadcasting would see no difference
        def ansatz(self, u):
            return {"u": 0.0 * u}

    monkeypatch.setattr(function, "taylor", columns)
    assert ("u_x", "taylor", "reverse") in failed(check_derivatives(Constant()))


class Gated(nn.Module):
    """A network whose nonlinear part starts switched off."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.linear, self.curved = nn.Linear(inputs, outputs), MLP(inputs, outputs, width=5, depth=1)
        self.gate = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x) + self.gate * self.curved(x)


def test_parts_that_start_at_zero_are_checked(monkeypatch):
    monkeypatch.setitem(RULES, torch.tanh, wrong_rule(torch.tanh, 2, 1.01))
    assert not check_derivatives(Burgers(), network=Gated).passed


class Cumulative(nn.Module):
    """Uses an operation without a jet rule."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.layer = nn.Linear(inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cumsum(torch.tanh(self.layer(x)), -1)


def test_without_a_jet_rule_reverse_mode_is_compared_with_numbers():
    found = check_derivatives(Burgers(), network=Cumulative)
    assert found.passed
    assert {c.engine for c in found.comparisons} == {"reverse"}
    assert "note: reverse mode alone was checked, because Taylor mode has no rule for 'cumsum'" in str(found)
    strict = check_derivatives(Burgers(), network=Cumulative, derivatives="taylor")
    assert not strict.passed
    assert "FAILED: reverse mode alone" in str(strict)


class Flat(Burgers):
    """Fields that vanish on the walls, with all their derivatives along them."""

    def terms(self):
        return {"walls": Boundary(lambda u, u_t, u_tt: u + u_t + u_tt, on=("x.min", "x.max"))}


def test_a_zero_is_judged_by_the_size_of_its_quantity_elsewhere():
    found = check_derivatives(Flat())
    assert found.passed, str(found)


class Ripples(Problem):
    """Short waves, of which the wall sees a node: there u_xx is the rounding of something large."""

    def __init__(self) -> None:
        self.domain = Box(x=(0, 1))
        self.fields = ("u",)

    def terms(self):
        return {"wall": Boundary(lambda u_xx: u_xx, on="x.max")}

    def ansatz(self, x, u):
        return {"u": sin(100 * pi * x) + 1e-9 * u}


def test_a_node_is_judged_by_the_waves_around_it():
    found = check_derivatives(Ripples())
    assert found.passed, str(found)


def test_numbers_that_say_too_little_are_left_out(monkeypatch):
    def vague(values, complex_values, points, symbol, lengths):
        estimate = differentiate(values, points, symbol, lengths)
        return Estimate(estimate.values, 0.5 * float(estimate.values.abs().max())), "differences"

    monkeypatch.setattr(pinn.diagnosis.derivatives, "numerical", vague)
    found = check_derivatives(Burgers())
    assert found.passed
    assert {c.against for c in found.comparisons} == {"reverse"}
    assert "note: differences do not resolve u_xx (interior)" in str(found)


def test_a_trial_function_is_checked_as_it_is_and_left_alone():
    trial = make_trial(Burgers(), MLP, dtype=torch.float32)
    before = {name: value.clone() for name, value in trial.parameters().items()}
    found = check_derivatives(trial)
    assert found.passed
    assert found.largest["u_x"].discrepancy < 1e-13  # in double precision
    assert trial.dtype == torch.float32
    assert all(torch.equal(value, before[name]) for name, value in trial.parameters().items())


def test_the_seed_decides_and_torchs_generator_is_left_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first, again, other = (check_derivatives(Burgers(), seed=seed) for seed in (1, 1, 2))
    assert torch.equal(torch.rand(3), expected)
    assert first == again
    assert first != other


def test_points_replace_those_of_the_interior(monkeypatch):
    seen = []
    engine = function.taylor
    monkeypatch.setattr(
        pinn.trial.function, "taylor", lambda r, f, x, g, tape=None: seen.append(x) or engine(r, f, x, g, tape)
    )
    points = torch.tensor([[0.25, 0.5], [-0.5, 0.75]])
    assert check_derivatives(Burgers(), points).passed
    assert any(torch.equal(x, points.double()) for x in seen)


POINTS = torch.linspace(0.1, 1.0, 12, dtype=torch.float64).reshape(4, 3)


def test_functions_are_checked_up_to_the_order():
    def f(x: Tensor) -> Tensor:
        return torch.stack([x[0] ** 3 * sin(x[1]), torch.exp(x[2]) / x[0]])

    found = check_derivatives(f, POINTS, order=3)
    assert found.passed, str(found)
    assert len(found.names) == 2 * (1 + 3 + 6 + 10)
    assert found.largest["f1_x1x1x2"].passed
    one = check_derivatives(lambda x: sin(x[0]), POINTS[:, :1], order=6)
    assert one.passed, str(one)
    assert one.names == ("f", "f_x", "f_xx", "f_xxx", "f_xxxx", "f_xxxxx", "f_xxxxxx")


def test_modules_are_checked_as_batches():
    module = nn.Sequential(nn.Linear(3, 6), nn.Tanh(), nn.Linear(6, 2))
    found = check_derivatives(module, POINTS.float())
    assert found.passed, str(found)
    assert {c.engine for c in found.comparisons} == {"taylor", "reverse"}
    assert next(module.parameters()).dtype == torch.float32
    assert any(c.against == "complex step" for c in found.comparisons)


def test_functions_that_are_not_analytic_are_checked_by_differences():
    found = check_derivatives(lambda x: (x[0] - 0.05).abs() * x[1], POINTS)
    assert found.passed, str(found)
    assert {c.against for c in found.comparisons if c.name == "f_x1"} == {"reverse", "differences"}


def test_constants_and_methods_without_a_rule():
    assert check_derivatives(lambda x: torch.ones((), dtype=torch.float64), POINTS).passed
    found = check_derivatives(lambda x: x.norm(), POINTS)
    assert found.passed
    assert {c.engine for c in found.comparisons} == {"reverse"}


@pytest.mark.parametrize(("function", "order", "name"), [(torch.sin, 1, "f_x1"), (torch.exp, 2, "f_x2x2")])
def test_a_wrong_rule_fails_for_a_function(monkeypatch, function, order, name):
    monkeypatch.setitem(RULES, function, wrong_rule(function, order, 1.0 + 1e-6))
    found = check_derivatives(lambda x: torch.sin(x[0]) + torch.exp(x[1] * x[2]), POINTS)
    assert (name, "taylor", "reverse") in failed(found)
    assert {engine for _, engine, against in failed(found)} == {"taylor"}


def test_a_wrong_backward_fails_for_a_function():
    class Doubled(torch.autograd.Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(x):
            return x**2

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(inputs[0])

        @staticmethod
        def backward(ctx, g):
            return 2.001 * ctx.saved_tensors[0] * g

    found = check_derivatives(lambda x: Doubled.apply(x).sum(), POINTS, order=1)
    assert failed(found) == {(f"f_x{i}", "reverse", "complex step") for i in (1, 2, 3)}


def test_what_nothing_resolves_fails():
    def rough(x: Tensor) -> Tensor:  # steps
        scaled = x * 1e3 + 0.5
        return torch.cumsum(scaled - torch.remainder(scaled, 1.0), 0)[0]

    found = check_derivatives(rough, POINTS + 0.0005, order=1)
    assert not found.passed
    assert "nothing to compare f_x1 with" in str(found)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: check_derivatives(Burgers), "a function is checked at points"),
        (lambda: check_derivatives(3.0), "takes a problem, a trial function or a function, got float"),
        (lambda: check_derivatives(torch.sin, POINTS[0]), r"must have the shape \(n, d\)"),
        (lambda: check_derivatives(torch.sin, POINTS, order=7), "order must be 1 to 6, got 7"),
        (lambda: check_derivatives(torch.sin, POINTS, derivatives="fast"), "must be one of taylor, reverse, auto"),
        (lambda: check_derivatives(Burgers(), POINTS), r"must have 2 columns \(x, t\), got the shape \(4, 3\)"),
    ],
)
def test_what_does_not_fit_is_refused(call, message):
    with pytest.raises(UserError, match=message):
        call()
