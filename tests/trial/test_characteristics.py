"""Kinks that travel: lines from the problems' own equations and data, and answers against d'Alembert's formula."""

from functools import partial

import numpy as np
import pytest
import torch
from torch import exp, where

import pinn
from pinn import Boundary, Box, Dirichlet, Initial, Interior, Neumann, Periodic, Problem, Time
from pinn.networks.parted import PartedFeatures
from pinn.optimizers.linear import LinearLeastSquares
from pinn.problems.burgers import Burgers
from pinn.problems.wave import Wave
from pinn.sampling.sequences import ChebyshevSampler
from pinn.trial.characteristics import find_characteristics, parts_of
from pinn.trial.making import make_trial


class String(Problem):
    """u_tt = c^2 u_xx, plucked at a third of its length or as it is given."""

    def __init__(self, c=2.0, end=0.5, start=None, rate=0.0, left=0.0):
        self.c, self.left, self.rate = c, left, rate
        self.start = start or (lambda x: where(x < 1 / 3, 3 * x, 1.5 * (1 - x)))
        self.domain, self.fields = Box(x=(0, 1)) * Time(t=(0, end)), ("u",)

    def terms(self):
        return {
            "string": Interior(lambda u_tt, u_xx: u_tt - self.c**2 * u_xx),
            "left": Dirichlet(u=self.left, on="x.min"),
            "right": Dirichlet(u=0.0, on="x.max"),
            "start": Initial(u=self.start, u_t=self.rate),
        }


class Carried(Problem):
    """u_t + 2 u_x = 0 with a triangle at the start, and inflow."""

    def __init__(self, inflow=0.0, periodic=False):
        self.inflow, self.periodic = inflow, periodic
        self.domain, self.fields = Box(x=(0, 1)) * Time(t=(0, 0.6)), ("u",)

    def start(self, x):
        return where((x - 0.3).abs() < 0.1, 1 - 10 * (x - 0.3).abs(), 0.0)

    def terms(self):
        side = Periodic("x", ("u",)) if self.periodic else Dirichlet(u=self.inflow, on="x.min")
        return {"flow": Interior(lambda u_t, u_x: u_t + 2 * u_x), "side": side, "start": Initial(u=self.start)}


class Line(Problem):
    """V_x = -L I_t, I_x = -C V_t, switched on at one end."""

    def __init__(self, source):
        self.source = source
        self.domain, self.fields = Box(x=(0, 1)) * Time(t=(0, 1)), ("V", "I")

    def terms(self):
        return {
            "voltage": Interior(lambda V_x, I_t: V_x + 2.0 * I_t),
            "current": Interior(lambda I_x, V_t: I_x + 0.5 * V_t),
            "source": Dirichlet(V=self.source, on="x.min"),
            "load": Boundary(lambda V, I: V - 2.0 * I, on="x.max"),  # noqa: E741
            "start": Initial(V=0.0, I=0.0),
        }


class Bar(Problem):
    """Pulled at once at its free end."""

    def __init__(self):
        self.domain, self.fields = Box(x=(0, 1)) * Time(t=(0, 0.9)), ("u",)

    def terms(self):
        return {
            "bar": Interior(lambda u_tt, u_xx: u_tt - u_xx),
            "fixed": Dirichlet(u=0.0, on="x.min"),
            "pulled": Neumann(u=1.0, on="x.max"),
            "start": Initial(u=0.0, u_t=0.0),
        }


class Heated(Problem):
    """Kinks do not travel where they are smoothed."""

    def __init__(self):
        self.domain, self.fields = Box(x=(0, 1)) * Time(t=(0, 0.1)), ("u",)

    def terms(self):
        return {
            "heat": Interior(lambda u_t, u_xx: u_t - u_xx),
            "sides": Dirichlet(u=0.0, on=("x.min", "x.max")),
            "start": Initial(u=lambda x: where(x < 0.5, x, 1 - x)),
        }


class Nonlinear(Carried):
    """Speeds that hang on the field."""

    def terms(self):
        return super().terms() | {"flow": Interior(lambda u, u_t, u_x: u_t + u * u_x)}


def lines_of(problem):
    lines = find_characteristics(problem).keys.lines
    return sorted((round(line.x, 9), round(line.t, 9), round(line.speed, 9)) for line in lines)


def test_lines_go_from_a_kink_at_both_speeds_and_are_thrown_back():
    third = round(1 / 3, 9)
    expected = [(third, 0.0, -2.0), (third, 0.0, 2.0), (0.0, round(1 / 6, 9), 2.0), (1.0, third, -2.0)]
    assert lines_of(String()) == sorted(expected)


def test_a_corner_where_data_disagree_is_where_a_line_begins():
    assert lines_of(String(start=lambda x: 0.0 * x, left=lambda t: torch.sin(3 * t), end=0.4)) == [(0.0, 0.0, 2.0)]
    assert lines_of(Bar()) == [(1.0, 0.0, -1.0)]


def test_a_rate_that_jumps_makes_a_kink():
    struck = String(start=lambda x: 0.0 * x, rate=lambda x: where(x > 0.5, 1.0, 0.0) * (1 - x), end=0.2)
    assert lines_of(struck) == [(0.5, 0.0, -2.0), (0.5, 0.0, 2.0)]


def test_breaks_of_a_flow_are_carried_out_or_around():
    assert {line for line in lines_of(Carried()) if line[1] == 0.0 and line[0] > 0} == {
        (0.2, 0.0, 2.0),
        (0.3, 0.0, 2.0),
        (0.4, 0.0, 2.0),
    }
    around = lines_of(Carried(periodic=True))
    assert (0.0, 0.3, 2.0) in around  # 0.4 at the start is at the end at 0.3


def test_a_flow_that_is_switched_on_is_found_by_what_the_equations_say_in_the_corner():
    smooth = Line(lambda t: 0.0 * t)
    assert find_characteristics(smooth) is None
    assert (0.0, 0.0, 1.0) in lines_of(Line(lambda t: 1 - exp(-t)))


@pytest.mark.parametrize(
    "problem",
    [Heated(), Nonlinear(), String(start=lambda x: torch.sin(torch.pi * x)), Wave(), Burgers()],
    ids=lambda problem: problem.name,
)
def test_what_is_smooth_or_does_not_travel_has_no_lines(problem):
    assert parts_of(problem) is None


def test_too_many_lines_are_none():
    assert find_characteristics(String(end=20.0)) is None


def test_fields_are_continuous_across_the_lines_and_that_alone():
    trial = make_trial(String(), PartedFeatures, constraints="soft")
    assert list(trial.interfaces.equations()) == ["u"]
    assert trial.parts.count == 5
    assert trial.parts.told.startswith("5 parts between lines from x = 0.3333, t = 0")


def odd(f, y):
    """The odd continuation of f on [0, 1] with period 2."""
    y = np.mod(y + 1, 2) - 1
    return np.sign(y) * f(np.abs(y))


def solved(problem, width=600):
    return pinn.solve(
        problem,
        network=partial(PartedFeatures, width=width),
        optimizer=LinearLeastSquares(),
        sampler=ChebyshevSampler(interior=1500, boundary=300),
        training=pinn.Training(steps=3, check_every=1),
        constraints="soft",
        initial_guess="features",
        output=pinn.Output(estimate=False),
    )


def test_a_plucked_string_is_dalemberts():
    solution = solved(String())
    x, t = np.random.default_rng(0).random((2, 500)) * [[1.0], [0.5]]
    exact = 0.5 * sum(odd(lambda y: np.where(y < 1 / 3, 3 * y, 1.5 * (1 - y)), x + s * 2.0 * t) for s in (-1, 1))
    assert np.abs(solution(x=x, t=t) - exact).max() < 1e-7  # 1e-10 measured; without parts 1e-2


def test_a_triangle_that_is_carried_keeps_its_corners():
    solution = solved(Carried())
    x, t = np.random.default_rng(0).random((2, 500)) * [[1.0], [0.6]]
    exact = np.maximum(1 - 10 * np.abs(x - 2 * t - 0.3), 0.0)
    assert np.abs(solution(x=x, t=t) - exact).max() < 1e-7
