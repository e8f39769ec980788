"""Trivial and impossible problems, named before anything is trained."""

from functools import partial

import pytest
import torch

from pinn.diagnosis.preflight import preflight
from pinn.diagnosis.solvability import is_homogeneous
from pinn.domains import Box, Disc, Time
from pinn.networks import MLP
from pinn.problem import Problem
from pinn.terms import Data, Dirichlet, Eigenvalue, Initial, Integral, Interior, Mean, Neumann
from pinn.trial.making import make_trial

LINE, SQUARE = Box(x=(0, 1)), Box(x=(0, 1), y=(0, 1))
ENDS = ("x.min", "x.max")


class Posed(Problem):
    """A problem made of what a test is about."""

    def __init__(self, domain, terms, fields=("u",), unknowns=None):
        self.domain, self.given, self.fields, self.unknowns = domain, terms, fields, unknowns or {}

    def terms(self):
        return self.given


def looked(domain, terms, constraints="hard", **others):
    torch.manual_seed(0)
    problem = Posed(domain, terms, **others)
    return preflight(make_trial(problem, partial(MLP, width=6, depth=2), constraints=constraints))


def texts(found):
    return [finding.text for finding in found.findings]


def poisson(source):
    return Interior(lambda x, laplacian_u: -laplacian_u - source(x))


@pytest.mark.parametrize("constraints", ["hard", "soft"])
def test_a_homogeneous_problem_is_told_with_what_an_eigenvalue_needs(constraints):
    terms = {"well": Interior(lambda u, u_xx, E: u_xx + E * u), "walls": Dirichlet(u=0.0, on=ENDS)}
    (text,) = texts(looked(LINE, terms, constraints, unknowns={"E": 1.0}))
    assert text.startswith("u = 0 satisfies every term")
    assert "unknowns = {'E': pinn.Eigenvalue()}" in text
    for unknown, norm in ((1.0, {"norm": Integral(lambda u: u**2, 1.0)}), (Eigenvalue(), {})):
        assert texts(looked(LINE, terms | norm, constraints, unknowns={"E": unknown})) == []


@pytest.mark.parametrize("seed", range(5))
def test_data_that_are_zero_but_for_a_small_place_are_no_zero(seed):
    """A hundredth of the start, or of the square, where twenty points see nothing."""
    heat = Interior(lambda u_t, u_xx: u_t - u_xx)
    pulse = Initial(u=lambda x: torch.where((x > 0.3) & (x < 0.31), 1.0, 0.0))
    heater = poisson(lambda x: torch.where((x > 0.3) & (x < 0.31), 1.0, 0.0))
    for domain, terms in (
        (LINE * Time(t=(0, 1)), {"heat": heat, "ends": Dirichlet(u=0.0, on=ENDS), "start": pulse}),
        (SQUARE, {"heat": heater, "edges": Dirichlet(u=0.0, on=SQUARE.sides)}),
    ):
        trial = make_trial(Posed(domain, terms), partial(MLP, width=6, depth=2), constraints="soft")
        assert not is_homogeneous(trial, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("constraints", ["hard", "soft"])
@pytest.mark.parametrize("mean", [{}, {"mean": Mean(u=0.0)}])
@pytest.mark.parametrize(
    ("domain", "source", "slope", "numbers"),
    [
        (SQUARE, lambda x: 1.0, 0.0, ("1,", "0;")),
        (SQUARE, lambda x: 1.0, -0.25, None),  # through four sides of length one
        (SQUARE, lambda x: 2.0 * x - 1.0, 0.0, None),
        (Disc(), lambda x: 1.0, -0.5, None),  # pi = 2 pi / 2
        (Disc(), lambda x: 1.0, 0.5, ("3.142,", "-3.142;")),
    ],
)
def test_a_source_must_be_what_flows_through_the_sides(domain, source, slope, numbers, mean, constraints):
    terms = {"poisson": poisson(source), "sides": Neumann(u=slope, on=domain.sides), **mean}
    found = looked(domain, terms, constraints)
    unbalanced = [text for text in texts(found) if "poisson has no solution" in text]
    assert bool(unbalanced) is (numbers is not None)
    assert found.passed is (numbers is None)
    if numbers is not None:
        total, flux = numbers
        assert f"the integral of its source is {total} and the flux that sides let through is {flux}" in unbalanced[0]


@pytest.mark.parametrize(
    "terms",
    [
        {"decay": Interior(lambda u, laplacian_u: -laplacian_u + u - 1.0), "sides": Neumann(u=0.0, on=SQUARE.sides)},
        {
            "poisson": poisson(lambda x: 1.0),
            "sides": Neumann(u=0.0, on=("x.min", "x.max", "y.min")),
            "top": Dirichlet(u=0.0, on="y.max"),
        },
    ],
)
def test_what_sees_the_level_of_a_field_carries_any_source(terms):
    assert texts(looked(SQUARE, terms, "soft")) == []


def test_a_source_may_heat_a_plate_for_ever():
    terms = {
        "heat": Interior(lambda u_t, u_xx: u_t - u_xx - 1.0),
        "ends": Neumann(u=0.0, on=ENDS),
        "start": Initial(u=0.0),
    }
    assert texts(looked(LINE * Time(t=(0, 1)), terms)) == []


@pytest.mark.parametrize(
    ("fields", "terms", "told"),
    [
        (
            ("u",),
            {"e": Interior(lambda u_xx: u_xx - 1.0)},
            "there is no condition at all, for derivatives of u of order 2",
        ),
        (
            ("u", "v"),
            {"e": Interior(lambda u_xx: u_xx - 1.0), "ends": Dirichlet(u=0.0, on=ENDS)},
            "1 equation (e) for 2 fields (u, v): one is missing",
        ),
        (
            ("u",),
            {"e": Interior(lambda u_xx: u_xx - 1.0), "f": Interior(lambda u_x: u_x), "ends": Dirichlet(u=0.0, on=ENDS)},
            "2 equations (e, f) for 1 field (u): there is a solution only where they agree",
        ),
        (
            ("u",),
            {"e": Interior(lambda u_xx: u_xx - 1.0), "ends": Dirichlet(u=0.0, u_x=0.0, on=ENDS)},
            "4 conditions along x, where the derivatives in the equations ask for 2",
        ),
    ],
)
def test_numbers_of_equations_fields_and_conditions(fields, terms, told):
    found = texts(looked(LINE, terms, "soft", fields=fields))
    assert any(text.startswith(told) for text in found), found


def test_data_may_stand_for_equations_and_conditions():
    terms = {"e": Interior(lambda u_x, v: u_x - v), "seen": Data(at={"x": [0.2, 0.7]}, u=[1.0, 2.0])}
    assert texts(looked(LINE, terms, fields=("u", "v"))) == []
