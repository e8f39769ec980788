"""The Cole-Hopf reference converges, meets the data and satisfies the equation."""

from math import pi

import numpy as np
import pytest
from sampled import differences, uniform_points

from pinn.basis.errors import UserError
from pinn.problems import Burgers


def test_the_quadrature_converges():
    """Halving the number of nodes changes nothing down to rounding; an eighth of it is seen to matter."""
    problem, (x, t) = Burgers(), uniform_points(Burgers()).T
    best = problem.reference(x, t, quadrature_nodes=400)
    errors = {k: np.abs(problem.reference(x, t, quadrature_nodes=k) - best).max() for k in (25, 50, 100, 200)}
    assert errors[25] > errors[50] > 1e-9
    assert errors[100] < 1e-13
    assert errors[200] < 1e-13


def test_the_reference_meets_the_initial_and_boundary_data():
    problem, x = Burgers(), np.linspace(-1, 1, 101)
    np.testing.assert_allclose(problem.reference(x, np.zeros(101)), -np.sin(pi * x), atol=1e-12)
    ends = problem.reference(np.repeat([-1.0, 1.0], 50), np.tile(np.linspace(0, 1, 50), 2))
    np.testing.assert_allclose(ends, 0.0, atol=1e-11)  # sin(pi) itself is 1e-16, times the kernel's scale


def test_the_reference_satisfies_the_equation():
    """Central differences of order 4 with step h leave h^4 u^(5..6) / 30; halving h shows that order."""
    problem = Burgers(nu=0.05)
    x, t = uniform_points(problem).T
    x, t = 0.9 * x, 0.1 + 0.8 * t

    def residual(h):
        u, u_x, u_xx = differences(lambda x: problem.reference(x, t), x, h, (0, 1, 2))
        (u_t,) = differences(lambda t: problem.reference(x, t), t, h, (1,))
        return np.abs(u_t + u * u_x - problem.nu * u_xx).max()

    coarse, fine = residual(0.008), residual(0.004)
    assert 10 < coarse / fine < 20
    assert fine < 1e-4


def test_the_reference_matches_the_published_slope():
    """max |u_x(0, t)| = 152.00516 at t = 0.5105 for nu = 0.01/pi (Basdevant et al. 1986, table 4)."""
    problem, h = Burgers(), 1e-5
    t = np.array([0.5105])
    slope = (problem.reference(np.array([h]), t) - problem.reference(np.array([-h]), t)) / (2 * h)
    assert abs(slope[0]) == pytest.approx(152.00516, rel=1e-5)


@pytest.mark.parametrize("nu", [0.0, -1.0, float("nan"), float("inf")])
def test_a_viscosity_that_is_not_positive_is_refused(nu):
    with pytest.raises(UserError, match="nu must be > 0 and finite, got"):
        Burgers(nu)
