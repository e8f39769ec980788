"""Solutions: evaluation and errors."""

import math
import warnings
from functools import partial

import numpy as np
import pytest
from solution.made import Wrong, make_solution

from pinn.basis.errors import UserError
from pinn.domains import Box, Time
from pinn.networks import RandomFeatures, Spectral
from pinn.problem import Problem
from pinn.problems import Burgers
from pinn.solution import Output, Solution
from pinn.solution.chunks import points_at_once
from pinn.terms import Interior
from pinn.trial.making import make_trial


def test_a_call_broadcasts_its_coordinates(solution):
    x, t = np.linspace(-1, 1, 9), np.array([[0.0], [0.5]])
    values = solution(x=x, t=t)
    assert values.shape == (2, 9)
    # at t = 0 the ansatz is the initial condition: one sine in float64, torch's against numpy's
    assert np.abs(values[0] + np.sin(np.pi * x)).max() < 1e-15
    assert values[1, 4] == solution(x=0.0, t=0.5)
    assert isinstance(solution(x=0.0, t=0.5), float)
    assert solution(x=np.zeros((0,)), t=0.5).shape == (0,)


def test_derivatives_by_name(solution):
    x = np.linspace(-1, 1, 5)
    # d/dx of the initial condition; a dozen operations in float64
    assert np.abs(solution.derivative("u_x", x=x, t=0) + np.pi * np.cos(np.pi * x)).max() < 1e-13
    jacobian = solution.derivative("jacobian", x=x, t=[[0.1], [0.2]])
    assert jacobian.shape == (2, 5, 1, 2)
    assert np.array_equal(jacobian[..., 0, 0], solution.derivative("u_x", x=x, t=[[0.1], [0.2]]))
    with pytest.raises(UserError, match=r"u_q.*x, t"):
        solution.derivative("u_q", x=0, t=0)


def test_several_fields_come_by_name():
    values = make_solution(Wrong())(x=[0.2, 0.4], t=1.0)
    assert list(values) == ["u", "p", "w"]
    assert np.abs(values["p"] - (np.array([0.2, 0.4]) + 5 + math.sin(1))).max() < 1e-14


@pytest.mark.parametrize(
    ("coordinates", "message"),
    [
        ({"x": 0.0}, "coordinates of burgers are x, t; got x"),
        ({"x": 0.0, "t": 0.0, "z": 1.0}, "coordinates of burgers are x, t; got x, t, z"),
        ({}, "got none"),
        ({"x": "left", "t": 0.0}, "must be numbers"),
        ({"x": np.zeros(3), "t": np.zeros(4)}, "broadcast"),
    ],
)
def test_bad_coordinates_are_errors(solution, coordinates, message):
    with pytest.raises(UserError, match=message):
        solution(**coordinates)


def test_extrapolation_warns_once():
    solution = make_solution(Burgers())
    solution(x=1.0 + 1e-15, t=0.1 + 0.2 + 0.7)  # rounding is not extrapolation
    with pytest.warns(UserWarning, match=r"2 of 3 points lie outside the domain \(x in \[-1, 1\], t in \[0, 1\]\)"):
        solution(x=[0.0, 1.5, 2.0], t=0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        solution(x=3.0, t=0.5)


def test_a_wide_network_without_layers_is_evaluated_at_many_points_at_once():
    kinds = (RandomFeatures, Spectral)
    few, many = (points_at_once(make_trial(Burgers(), partial(kind, width=4000))) for kind in kinds)
    assert few == 128
    assert many == 8192


def test_chunks_do_not_change_the_values():
    solution = make_solution(Burgers(), output=Output(resolution=9))
    pieces = Solution(solution.trial, solution.residuals, output=Output(resolution=9, chunk=7))
    whole, pieces = solution.contents(), pieces.contents()
    for group in ("fields", "reference", "residual"):
        for name, values in getattr(whole, group).items():
            # matrix products of other sizes may sum in another order
            assert np.abs(values - getattr(pieces, group)[name]).max() < 1e-13


def test_errors_are_those_of_a_known_deviation():
    errors = make_solution(Wrong()).errors()
    assert list(errors) == ["u", "p"]  # nothing is known of w
    assert errors["u"]["relative_l2"] == pytest.approx(0.1, rel=1e-12)
    assert errors["u"]["max"] == pytest.approx(0.1 * math.sin(1), rel=1e-12)
    # p is defined up to a function of time: only rounding of numbers near 6 is left
    assert errors["p"]["max"] < 1e-14
    assert make_solution(Heat()).errors() == {}


class Heat(Problem):
    """u_t = u_xx with nothing known of its solution."""

    def __init__(self) -> None:
        self.domain = Box(x=(0, 1)) * Time(t=(0, 1))
        self.fields = ("u",)

    def terms(self):
        return {"energy": Interior(self.energy)}

    def energy(self, u_t, u_xx):
        return u_t - u_xx
