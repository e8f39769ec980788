"""The spectral reference of the Korteweg-de Vries equation."""

from math import pi

import numpy as np
import pytest
from sampled import differences, uniform_points

from pinn.basis.errors import UserError
from pinn.problems import KdV
from pinn.problems.kdv import solution


def test_the_name_is_one_word():
    assert KdV().name == "kdv"


def test_the_reference_converges():
    """Half as many modes and steps more change less than 1e-9; halving the steps costs 2^4: order 4 in time."""
    x, t = uniform_points(KdV(), 2000).T
    best = KdV().reference(x, t, refinement=1.5)
    assert np.abs(KdV().reference(x, t) - best).max() < 2e-9
    errors = [np.abs(solution(0.022, 192, steps)(x, t) - best).max() for steps in (2000, 4000)]
    assert errors[0] > 1e-7
    assert 10 < errors[0] / errors[1] < 22
    # too few modes are seen: the spectrum of the solitons ends at about 200
    assert np.abs(solution(0.022, 64, 2000)(x, t) - best).max() > 1e-6


@pytest.mark.parametrize("delta", [0.1, 0.017])
def test_other_dispersion_lengths_are_resolved(delta):
    """Three quarters of the modes and steps already give 1e-8, so that all of them do."""
    problem = KdV(delta)
    x, t = uniform_points(problem).T
    assert np.abs(problem.reference(x, t) - problem.reference(x, t, refinement=0.75)).max() < 1e-8


def test_the_reference_meets_the_data():
    problem, x, t = KdV(), np.linspace(-1, 1, 101), np.linspace(0, 1, 101)
    np.testing.assert_allclose(problem.reference(x, 0 * x), np.cos(pi * x), atol=1e-12)
    for inside in (0.0, 0.01):  # u and, by neighboring values, its derivatives repeat after the period
        left, right = problem.reference(-1 + inside + 0 * t, t), problem.reference(1 + inside + 0 * t, t)
        np.testing.assert_allclose(left, right, atol=1e-12)


def test_the_invariants_are_kept():
    """Mass, momentum and energy are those of cos(pi x); sums over equidistant nodes are exact for resolved modes.

    With |u| < 2.6 and an error of u below 1e-9 the densities are off by less than 1e-8.
    """
    problem, nodes = KdV(), 1024
    x = -1 + 2 * np.arange(nodes) / nodes
    k = pi * np.arange(nodes // 2 + 1)
    for time in (0.3, 0.7077, 1.0):
        u = problem.reference(x, np.full(nodes, time))
        u_x = np.fft.irfft(1j * k * np.fft.rfft(u), nodes)
        assert 2 * np.mean(u) == pytest.approx(0.0, abs=1e-12)
        assert 2 * np.mean(u**2) == pytest.approx(1.0, abs=1e-8)
        energy = 2 * np.mean(u**3 / 6 - 0.5 * problem.delta**2 * u_x**2)
        assert energy == pytest.approx(-0.5 * (problem.delta * pi) ** 2, abs=1e-8)
        assert u.max() > 1.5 or time < 0.5  # the first soliton is well above the initial data


def test_the_reference_satisfies_the_equation():
    """Central differences of order 4 leave h^4 u^(5..7); halving h shows that order."""
    problem = KdV(delta=0.05)
    x, t = uniform_points(problem).T
    t = 0.05 + 0.9 * t

    def residual(h):
        u, u_x, u_xxx = differences(lambda x: problem.reference(x, t), x, h, (0, 1, 3))
        (u_t,) = differences(lambda t: problem.reference(x, t), t, h, (1,))
        return np.abs(u_t + u * u_x + problem.delta**2 * u_xxx).max() / np.abs(u * u_x).max()

    coarse, fine = residual(0.008), residual(0.004)
    assert 12 < coarse / fine < 20
    assert fine < 1e-3


@pytest.mark.parametrize("delta", [0.0, -1.0, float("nan")])
def test_a_dispersion_length_that_is_not_positive_is_refused(delta):
    with pytest.raises(UserError, match="delta must be > 0 and finite, got"):
        KdV(delta)
