"""The defect of a window: nothing of its units, and what a wrong answer has."""

import math

import pytest
import torch

import pinn
from pinn.problem import Problem
from pinn.residuals.exact_terms import make_residuals
from pinn.residuals.residuals import Residuals
from pinn.terms import Boundary, Initial, Interior
from pinn.training.defect import asked_sizes, defect, field_sizes
from pinn.trial.making import make_trial


class Given(torch.nn.Module):
    """A network that is a function of scaled time s in [-1, 1] with one parameter, which multiplies it."""

    def __init__(self, function):
        super().__init__()
        self.function = function
        self.factor = torch.nn.Parameter(torch.ones(()))

    def forward(self, x):
        return self.factor * self.function(x)


class Decay(Problem):
    """y' = -rate y in other units: y of size `size`, time of length `length`."""

    def __init__(self, size: float = 1.0, length: float = 1.0) -> None:
        self.size, self.length = size, length
        self.domain = pinn.Time(t=(0, length))
        self.fields = ("y",)

    def terms(self):
        return {"decay": Interior(lambda y, y_t: y_t + y / self.length), "start": Initial(y=self.size)}


class Unstarted(Decay):
    def terms(self):
        return {"decay": super().terms()["decay"]}


def trial(problem, function):
    return make_trial(problem, lambda inputs, outputs: Given(function), constraints="soft")


def decayed(size, wrong=0.0):
    return lambda s: size * (torch.exp(-(s + 1.0) / 2.0) + wrong * torch.sin(9.0 * s))


def test_of_an_exact_solution_it_is_rounding():
    assert defect(make_residuals(trial(Decay(), decayed(1.0)))) < 1e-14  # sums of a few terms


def test_it_does_not_depend_on_units():
    plain, other = (
        defect(make_residuals(trial(Decay(size, length), decayed(size, 1e-3))))
        for size, length in ((1, 1), (1e5, 1e-7))
    )
    assert other == pytest.approx(plain, rel=1e-9)  # the same points, and rounding
    assert 1e-4 < plain < 1e-1  # an error of 1e-3 of nine waves


def test_a_constant_is_no_solution():
    assert defect(make_residuals(trial(Decay(), lambda s: 0.0 * s + 1.0))) > 0.1


def test_a_value_that_is_not_finite_is_infinitely_far():
    assert defect(make_residuals(trial(Decay(), lambda s: s / 0.0))) == math.inf


def test_a_field_that_has_decayed_is_measured_by_what_it_was():
    """Of rounding, 1e-16, nothing can be asked relative to 1e-15."""
    residuals = make_residuals(
        trial(Unstarted(), lambda s: 1e-15 * torch.exp(-(s + 1.0) / 2.0) + 1e-16 * torch.sin(9.0 * s))
    )
    assert defect(residuals) > 1e-2
    assert defect(residuals, {"y": 1.0}) < 1e-11
    assert field_sizes(residuals.trial, {"y": 1.0})["y"] == pytest.approx(1e-3)


class Wall(Decay):
    """A condition whose own quantities vanish, on a wall."""

    def __init__(self) -> None:
        super().__init__()
        self.domain = pinn.Box(x=(0, 1)) * pinn.Time(t=(0, 1))

    def terms(self):
        return {"still": Interior(lambda y_t: y_t), "wall": Boundary(lambda y: y, on="x.min")}


def test_a_condition_is_measured_by_the_field_inside():
    """y = x + 1e-6 misses y = 0 at the wall by 1e-6 of its size, 1 / sqrt 3."""
    wall = trial(Wall(), lambda s: (s[:, :1] + 1.0) / 2.0 + 1e-6)
    assert defect(make_residuals(wall)) == pytest.approx(1e-6 * math.sqrt(3), rel=0.1)  # 500 random points


class Closed(Problem):
    """A rod that is closed at both ends."""

    def __init__(self) -> None:
        self.domain, self.fields = pinn.Box(x=(0, 1)) * pinn.Time(t=(0, 1)), ("u",)

    def terms(self):
        heat = Interior(lambda u_t, u_xx: u_t - 0.1 * u_xx)
        return {"heat": heat, "ends": pinn.Neumann(u=0.0, on=("x.min", "x.max")), "start": Initial(u=1.0)}


class Wave(torch.nn.Module):
    """exp(-0.1 pi^2 t) cos(pi x) as a function of scaled coordinates, with a slope at the ends of its own."""

    def __init__(self, slope):
        super().__init__()
        self.slope, self.factor = slope, torch.nn.Parameter(torch.ones(()))

    def forward(self, s):
        x, t = (s[:, :1] + 1.0) / 2.0, (s[:, 1:] + 1.0) / 2.0
        return self.factor * torch.exp(-0.1 * math.pi**2 * t) * torch.cos(math.pi * x) + self.slope * x


@pytest.mark.parametrize(("slope", "least", "most"), [(0.0, 0.0, 1e-9), (0.01, 3e-3, 3e-2)])
def test_a_slope_that_vanishes_on_a_side_is_measured_by_that_inside(slope, least, most):
    problem = Closed()
    terms = {name: term for name, term in problem.terms().items() if name != "start"}
    problem.terms = lambda: terms
    made = make_trial(problem, lambda inputs, outputs: Wave(slope), constraints="soft", derivatives="reverse")
    assert least <= defect(make_residuals(made)) <= most


class Channel(Problem):
    """Flow u = 3 along a channel of length 2 and height 1, v = 0, whose balance of mass asks v to be of its size."""

    def __init__(self, terms):
        self.domain, self.fields, self.given = pinn.Box(x=(0, 2), y=(0, 1)), ("u", "v"), terms

    def terms(self):
        return {name: Interior(function) for name, function in self.given.items()}

    @pinn.derived
    def q(self, v_y):
        return 2 * v_y


def uniform(x):
    return torch.stack([3.0 + 0.0 * x[:, 0], 0.0 * x[:, 0]], 1)


@pytest.mark.parametrize(
    ("terms", "sizes"),
    [
        ({"mass": lambda u_x, v_y: u_x + v_y}, {"v": 3.0 * 0.5}),  # 3 / 1 of half widths 1 and 1 / 2
        ({"mass": lambda u_x, v_y: 1e-6 * (u_x + v_y)}, {"v": 3.0 * 0.5}),
        ({"mass": lambda u_x, v_y: u_x + v_y, "faint": lambda u, v: v - 1e-3 * u}, {"u": 0.0, "v": 3e-3}),
        ({"source": lambda x, laplacian_v: 4 * laplacian_v - 8.0, "own": lambda u_y: u_y}, {"v": 2.0 / 4.0}),
        ({"own": lambda v, laplacian_v: laplacian_v + v}, {}),  # no other terms: of any size
        ({"derived": lambda u, q: q - u}, {}),
    ],
)
def test_a_field_is_asked_to_be_as_large_as_the_least_of_its_equations_makes_it(terms, sizes):
    residuals = Residuals(trial(Channel(terms), uniform))
    found = asked_sizes(residuals)
    assert found == pytest.approx({name: size for name, size in sizes.items() if size})
