"""Windows of time whose equations look back: what was before is that of the earlier windows, and whole solutions."""

from functools import partial

import numpy as np
import pytest
import torch

import pinn
from pinn.basis.errors import UserError
from pinn.networks import MLP, RandomFeatures
from pinn.networks.parted import PartedFeatures
from pinn.optimizers import LinearLeastSquares
from pinn.problem import Problem
from pinn.residuals.assembly import Assembly
from pinn.residuals.exact_terms import make_residuals
from pinn.residuals.least_squares import bind
from pinn.sampling import ChebyshevSampler
from pinn.trial.making import make_trial, make_windows, time_orders

SMALL = partial(MLP, width=6, depth=2, activation="sin")


class Heat(Problem):
    """u_t = u_xx - int_0^t exp(r - t) u_x dr + u_x(t - 0.3): a remembered and a delayed slope."""

    def __init__(self) -> None:
        self.domain = pinn.Box(x=(0, 1)) * pinn.Time(t=(0, 2))
        self.fields = ("u",)

    def terms(self):
        return {
            "heat": pinn.Interior(lambda u_t, u_xx, faded, late: u_t - u_xx + faded - late),
            "ends": pinn.Dirichlet(u=0.0, on=("x.min", "x.max")),
            "start": pinn.Initial(u=lambda x: x * (1 - x)),
        }

    @pinn.integral(r="t", start=0.0, nodes=5)
    def faded(self, t, r, u_x):
        return torch.exp(r - t) * u_x

    @pinn.at("u_x", outside="history")
    def late(self, t):
        return {"t": t - 0.3}

    def history(self, x):
        return 1 - 2 * x


class Memory(Problem):
    """u_t = -u + the integral of exp(s - t) u(s) over s from 0 to t; u = (1 + exp(-2 t)) / 2."""

    def __init__(self) -> None:
        self.domain, self.fields = pinn.Time(t=(0, 3)), ("u",)

    def terms(self):
        return {"balance": pinn.Interior(lambda u, u_t, m: u_t + u - m), "start": pinn.Initial(u=1.0)}

    @pinn.integral(s="t", start=0.0)
    def m(self, t, s, u):
        return torch.exp(s - t) * u

    def exact(self, t):
        return (1 + torch.exp(-2 * t)) / 2


class Late(Problem):
    """u_t = -u(t - 1), u = 1 for t <= 0: by steps, 1 - t, then 1 - t + (t - 1)^2 / 2, ..."""

    def __init__(self) -> None:
        self.domain, self.fields = pinn.Time(t=(0, 2)), ("u",)

    def terms(self):
        return {"balance": pinn.Interior(lambda u_t, past: u_t + past), "start": pinn.Initial(u=1.0)}

    @pinn.at("u", outside="history")
    def past(self, t):
        return {"t": t - 1.0}

    def history(self, t):
        return 1.0 + 0 * t

    def exact(self, t):
        return 1 - t + torch.relu(t - 1) ** 2 / 2


def shaken(problem, windows, **settings):
    """A trial function in windows, all its parameters random."""
    torch.manual_seed(0)
    trial = make_windows(problem, SMALL, windows, **settings)
    for window in trial.windows:
        window.load_parameters({name: v + 0.3 * torch.randn_like(v) for name, v in window.parameters().items()})
    return trial


@pytest.mark.parametrize("engine", ["taylor", "reverse"])
def test_what_was_before_is_that_of_the_earlier_windows(engine):
    """Against the same sums with the field of each place asked of the window it lies in."""
    trial = shaken(Heat(), 4, derivatives=engine)
    x = torch.as_tensor(Heat().domain.interior(40, lambda n, k: np.random.default_rng(0).random((n, k))))
    found = trial.evaluate(["faded", "late"], x)
    nodes, weights = np.polynomial.legendre.leggauss(5)
    total = torch.zeros(len(x), dtype=torch.float64)
    for s, w in zip(0.5 * (nodes + 1), 0.5 * weights, strict=True):
        r = s * x[:, 1]
        total += w * x[:, 1] * torch.exp(r - x[:, 1]) * trial.evaluate(["u_x"], torch.stack([x[:, 0], r], 1))["u_x"]
    place = torch.stack([x[:, 0], (x[:, 1] - 0.3).clamp_min(0.0)], 1)
    delayed = torch.where(x[:, 1] < 0.3, 1 - 2 * x[:, 0], trial.evaluate(["u_x"], place)["u_x"])
    torch.testing.assert_close(found["faded"], total, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(found["late"], delayed, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("constraints", ["hard", "soft"])
def test_jacobians_of_a_later_window_are_one_by_tape_and_by_reverse(constraints):
    """Earlier windows give no derivative in this one's parameters; rounding of sums of some ten terms of order 10."""
    found = []
    for settings in ({"derivatives": "taylor"}, {"derivatives": "reverse"}):
        trial = shaken(Heat(), 3, constraints=constraints, **settings)
        residuals = make_residuals(trial.windows[2])
        points = residuals.draw(ChebyshevSampler(interior=30, boundary=5), torch.Generator().manual_seed(0))
        found.append(bind(residuals, points, Assembly()).jacobian(residuals.theta()))
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("problem", [Memory(), Late()], ids=["memory", "delay"])
def test_windows_solve_it(problem):
    """On 40 features a window, found 1e-12 and 6e-11; the delay's kinks are at the seams."""
    solution = pinn.solve(
        problem,
        partial(RandomFeatures, width=40, scale=3.0),
        optimizer=LinearLeastSquares(),
        sampler=ChebyshevSampler(interior=60, boundary=1),
        training=pinn.Training(steps=8, windows=2),
        output=pinn.Output(figures=False, estimate=False),
        compile="never",
    )
    assert solution.errors()["u"]["relative_l2"] < 1e-8


def test_parts_that_meet_in_another_window_are_no_term_of_this_one():
    """The delay's parts meet at t = 1, in the second and third of four windows at most."""
    trial = make_windows(Late(), partial(PartedFeatures, width=5), 4)
    terms = [{name.partition(".")[0] for name in make_residuals(window).blocks} for window in trial.windows]
    assert "interface" not in terms[0] | terms[3]
    assert "interface" in terms[1] | terms[2]


class Ahead(Late):
    @pinn.at("u", outside="history")
    def past(self, t):
        return {"t": t + 1.0}


class AllOfTime(Memory):
    @pinn.integral(s="t", start=0.0, end=3.0)
    def m(self, t, s, u):
        return torch.exp(s - t) * u


@pytest.mark.parametrize(("problem", "name"), [(Ahead(), "past"), (AllOfTime(), "m")])
def test_what_looks_ahead_is_refused(problem, name):
    with pytest.raises(UserError, match=f"{name} looks ahead, to times that come later; set windows=1"):
        time_orders(problem)
    make_trial(problem, SMALL)  # without windows it is none of their business
