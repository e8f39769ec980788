"""Quantities of other places: their values, Jacobians by every path, kinks that come again, and whole solutions."""

from functools import partial
from math import factorial

import numpy as np
import pytest
import torch
from agreement import assert_agree

import pinn
from pinn.basis.errors import UserError
from pinn.diagnosis.derivatives import check_derivatives
from pinn.diagnosis.elsewhere import unresolved
from pinn.diagnosis.exact import exact_trial
from pinn.diagnosis.preflight import preflight
from pinn.networks.mlp import MLP
from pinn.networks.parted import PartedFeatures
from pinn.networks.random_features import RandomFeatures
from pinn.optimizers.linear import LinearLeastSquares
from pinn.problem import Problem, derived
from pinn.residuals.assembly import Assembly
from pinn.residuals.exact_terms import make_residuals
from pinn.residuals.least_squares import bind
from pinn.sampling.sequences import ChebyshevSampler
from pinn.trial.making import make_trial
from pinn.trial.parts import find_parts

network = partial(MLP, width=6, depth=2)
W = 3**0.5 / 2


class Memory(Problem):
    """u' + int_0^x exp(s - x) u(s) ds = 1, u(0) = 0; with v the integral v'' + v' + v = 1, u = v + v'."""

    def __init__(self) -> None:
        self.domain = pinn.Box(x=(0, 3))
        self.fields = ("u",)

    def terms(self):
        return {"balance": pinn.Interior(self.balance), "start": pinn.Dirichlet(u=0.0, on="x.min")}

    @pinn.integral(s="x", start=0.0)
    def memory(self, x, s, u):
        return torch.exp(s - x) * u

    def balance(self, u_x, memory):
        return u_x + memory - 1.0

    def exact(self, x):
        decay = torch.exp(-0.5 * x)
        v = 1 - decay * (torch.cos(W * x) + torch.sin(W * x) / (2 * W))
        return v + decay * torch.sin(W * x) / W


class Abel(Problem):
    """u + the integral of (x - s)^(-1/2) u(s) over s from 0 to x = f; u = x^2, whose integral is 16/15 x^(5/2)."""

    def __init__(self) -> None:
        self.domain, self.fields = pinn.Box(x=(0, 3)), ("u",)

    def terms(self):
        return {"balance": pinn.Interior(self.balance)}

    @pinn.integral(s="x", start=0.0, power=-0.5)
    def rest(self, u):
        return u

    def balance(self, x, u, rest):
        return u + rest - x**2 - 16 / 15 * x**2.5

    def exact(self, x):
        return x**2


class Coarse(Memory):
    """The same with too few nodes."""

    @pinn.integral(s="x", start=0.0, nodes=2)
    def memory(self, x, s, u):
        return torch.exp(s - x) * u


class Delayed(Problem):
    """u'(x) = -u(x - 1), u = 1 for x <= 0: by the method of steps a sum of (k + 1 - x)^k / k!, Driver 1977."""

    def __init__(self, end=3.0) -> None:
        self.domain = pinn.Box(x=(0, end))
        self.fields = ("u",)

    def terms(self):
        return {"balance": pinn.Interior(self.balance), "start": pinn.Dirichlet(u=1.0, on="x.min")}

    @pinn.at("u", outside="history")
    def past(self, x):
        return {"x": x - 1.0}

    def history(self, x):
        return 1.0 + 0.0 * x

    def balance(self, u_x, past):
        return u_x + past

    def true(self, x):
        return sum((-np.clip(x - k + 1, 0, None)) ** k / factorial(k) for k in range(8))


class Fading(Problem):
    """u_t = a u_xx - int_0^t exp(r - t) u_xx dr + ...: memory of a derivative, a delayed slope, an unknown in both."""

    def __init__(self) -> None:
        self.domain = pinn.Box(x=(0, 1)) * pinn.Time(t=(0, 2))
        self.fields = ("u",)
        self.unknowns = {"a": 0.7}

    def terms(self):
        return {
            "heat": pinn.Interior(self.heat),
            "ends": pinn.Dirichlet(u=0.0, on=("x.min", "x.max")),
            "start": pinn.Initial(u=lambda x: x * (1 - x)),
        }

    @derived
    def flux(self, u, u_x):
        return (1 + u**2) * u_x

    @pinn.integral(r="t", start=0.0, nodes=5)
    def faded(self, x, t, r, u_xx, flux, a):
        return torch.exp(a * (r - t)) * (u_xx + x * flux)

    @pinn.integral(y="x", start=0.0, end=1.0, nodes=4)
    def whole(self, x, y, u):
        return (x - y) * u**2

    @pinn.at("u_x", outside="calm")
    def slope(self, x, t):
        return {"t": t - 0.5, "x": 1 - x}

    def calm(self, x):
        return 1 - 2 * x

    def heat(self, u_t, u_xx, faded, whole, slope, a):
        return u_t - a * u_xx + faded + whole + slope**2


def bound(problem, assembly=None, derivatives="taylor", constraints="soft"):
    torch.manual_seed(0)
    residuals = make_residuals(make_trial(problem, network, constraints=constraints, derivatives=derivatives))
    points = residuals.draw(ChebyshevSampler(interior=30, boundary=5), torch.Generator().manual_seed(0))
    return bind(residuals, points, assembly), residuals.theta()


@pytest.mark.parametrize("constraints", ["soft", "hard"])
def test_jacobians_are_one_by_tape_by_engine_and_by_chunks(constraints):
    least_squares, theta = bound(Fading(), constraints=constraints)
    r, j = (values.clone() for values in least_squares.jacobian(theta))
    w = torch.linspace(-1, 1, len(r), dtype=torch.float64)
    assert_agree(least_squares.vjp(theta, w), j.mT @ w, "vjp")
    assert_agree(least_squares.loss_and_gradient(theta)[1], 2 * j.mT @ r, "gradient")
    for name, others in {
        "reference": {"assembly": Assembly(jacobian="reference")},
        "chunks": {"assembly": Assembly(chunk=7)},
        "reverse": {"derivatives": "reverse"},
    }.items():
        other, at = bound(Fading(), constraints=constraints, **others)
        other_r, other_j = other.jacobian(at)
        assert_agree(other_r, r, name)
        assert_agree(other_j, j, name)


def test_both_engines_agree_on_every_name():
    assert check_derivatives(Fading(), network=network).passed


def test_the_exact_solution_satisfies_an_equation_with_memory():
    found = preflight(exact_trial(Memory()))
    # its integrand is analytic: sixteen nodes leave rounding; `preflight` allows 1e-8 of the largest term
    assert not [finding for finding in found.findings if "exact" in finding.text]
    x = torch.linspace(0, 3, 7, dtype=torch.float64)[:, None]
    trial = exact_trial(Memory())
    memory = trial.evaluate(["memory"], x)["memory"]
    decay = torch.exp(-0.5 * x[:, 0])
    v = 1 - decay * (torch.cos(W * x[:, 0]) + torch.sin(W * x[:, 0]) / (2 * W))
    assert (memory - v).abs().max() < 1e-13  # rounding of a sum of sixteen


def test_a_weakly_singular_kernel_costs_no_accuracy():
    """Gauss and Jacobi's rule is exact for polynomials; Legendre's with as many nodes misses 1e-2 of it."""
    x = torch.linspace(0.1, 2, 9, dtype=torch.float64)[:, None]
    found = exact_trial(Abel()).evaluate(["rest"], x)["rest"]
    torch.testing.assert_close(found, 16 / 15 * x[:, 0] ** 2.5, rtol=1e-13, atol=0)


def test_a_delayed_field_is_the_history_before_the_domain():
    trial = make_trial(Delayed(), network, constraints="soft")
    x = torch.tensor([[0.0], [0.5], [0.999], [1.5], [3.0]], dtype=torch.float64)
    past, u = trial.evaluate(["past"], x)["past"], trial.evaluate(["u"], x - 1.0)["u"]
    assert past[:3].tolist() == [1.0, 1.0, 1.0]
    assert torch.equal(past[3:], u[3:])


def test_kinks_come_again_after_each_delay():
    parts = find_parts(Delayed())
    assert parts is not None and parts.count == 3
    assert sorted(float(face.below.mean()) for face in parts.faces) == pytest.approx([1.0, 2.0], abs=1e-6)
    assert find_parts(Memory()) is None


@pytest.mark.parametrize(
    ("problem", "known", "error"), [(Memory(), Memory.exact, 1e-8), (Abel(), Abel.exact, 1e-8), (Delayed(), None, 1e-6)]
)
def test_few_features_solve_it(problem, known, error):
    """Asked are 1e-8 of the integral equations and 1e-6 of the delay; sixty features a part give far more."""
    solution = pinn.solve(
        problem,
        network=partial(PartedFeatures if known is None else RandomFeatures, width=60),
        optimizer=LinearLeastSquares(),
        sampler=ChebyshevSampler(interior=200),
        initial_guess="features",
        training=pinn.Training(steps=2),
    )
    x = np.linspace(0, 3, 61)
    truth = problem.true(x) if known is None else known(problem, torch.as_tensor(x)).numpy()
    assert np.abs(solution(x=x) - truth).max() < error


@pytest.mark.slow
@pytest.mark.estimates
@pytest.mark.parametrize(("problem", "error"), [(Memory(), 1e-8), (Delayed(), 1e-6)])
def test_the_default_solves_it_and_says_so(problem, error):
    solution = pinn.solve(problem, training=pinn.Training(time_limit=30))
    x = np.linspace(0, 3, 61)
    truth = problem.true(x) if isinstance(problem, Delayed) else problem.exact(torch.as_tensor(x)).numpy()
    assert np.abs(solution(x=x) - truth).max() < error
    assert solution.attributes["verdict_word"] == "trusted"


def test_what_it_costs_is_told_before():
    (told,) = (f.text for f in preflight(make_trial(Memory(), network)).findings if "times the work" in f.text)
    assert told.startswith("memory asks for u at 16 places for each point: 17 times the work")


def test_too_few_nodes_are_told_after():
    (reason,) = unresolved(exact_trial(Coarse()))
    assert reason.text.startswith("2 nodes leave") and "nodes=4" in reason.action
    assert not list(unresolved(exact_trial(Memory())))


class Ahead(Delayed):
    """A place that leaves the domain, where nothing is told."""

    @pinn.at("u")
    def past(self, x):
        return {"x": x - 1.0}


class Elsewhere(Delayed):
    """A place along no coordinate."""

    @pinn.at("u", outside="history")
    def past(self, x):
        return {"y": x}


class Unknown(Delayed):
    """A quantity that is none."""

    @pinn.at("w", outside="history")
    def past(self, x):
        return {"x": x - 1.0}


class Unwritten(Delayed):
    """A history that is not there."""

    @pinn.at("u", outside="before")
    def past(self, x):
        return {"x": x - 1.0}


class OfFields(Delayed):
    """A place that depends on the solution."""

    @pinn.at("u", outside="history")
    def past(self, x, u):
        return {"x": x - u}


class Beyond(Memory):
    """An integral from before the domain."""

    @pinn.integral(s="x", start=-1.0)
    def memory(self, s, u):
        return s * u


class Twice(Memory):
    """A variable that is a coordinate."""

    @pinn.integral(x="x", start=0.0)
    def memory(self, x, u):
        return x * u


class Nested(Memory):
    """An integral of an integral."""

    @pinn.integral(s="x", start=0.0)
    def outer(self, s, memory):
        return s * memory

    def balance(self, u_x, outer):
        return u_x + outer


class Differentiated(Memory):
    """A derived quantity of an integral."""

    @derived
    def flux(self, memory):
        return 2 * memory

    def balance(self, u_x, flux_x):
        return u_x + flux_x


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        (Ahead, r"past is asked for at x = -1, beyond the domain \[0, 3\]"),
        (Elsewhere, r'past must return places by coordinate, such as \{"x": ...\}'),
        (Unknown, r"'w' in past\(\): not a name this problem knows"),
        (Unwritten, "told by 'before' outside of the domain: no such method"),
        (OfFields, "OfFields.past asks for u; a place is a function of x"),
        (Beyond, "reaches x = -1, outside of the domain"),
        (Twice, "variable of the integral memory is a coordinate, x"),
        (Nested, "memory in outer"),
        (Differentiated, r"'memory' in flux\(\): known to residuals only"),
    ],
)
def test_what_cannot_be_meant_is_told_before_training(kind, told):
    with pytest.raises(UserError, match=told):
        preflight(make_trial(kind(), network, constraints="soft"))


@pytest.mark.parametrize(
    ("marked", "told"),
    [
        (lambda: pinn.integral(start=0.0), "one variable and its coordinate"),
        (lambda: pinn.integral(s="x", r="t", start=0.0), "one variable and its coordinate"),
        (lambda: pinn.integral(s="x", start=0.0, nodes=0), "nodes of an integral must be >= 1, got 0"),
    ],
)
def test_an_integral_of_no_variable_is_told(marked, told):
    with pytest.raises(UserError, match=told):
        marked()
