"""Every problem satisfies its own equation and conditions, or its reference converges and meets them."""

from math import pi

import numpy as np
import pytest

from pinn.errors import UserError
from pinn.problem import Problem
from pinn.problems import Burgers


def uniform_points(problem: Problem, n: int = 400) -> np.ndarray:
    lower, upper = np.array(list(problem.domain.bounds.values())).T
    return lower + (upper - lower) * np.random.default_rng(0).random((n, len(lower)))


class TestBurgers:
    def test_the_quadrature_converges(self):
        """Halving the number of nodes changes nothing down to rounding; an eighth of it is seen to matter."""
        problem, (x, t) = Burgers(), uniform_points(Burgers()).T
        best = problem.reference(x, t, quadrature_nodes=400)
        errors = {k: np.abs(problem.reference(x, t, quadrature_nodes=k) - best).max() for k in (25, 50, 100, 200)}
        assert errors[25] > errors[50] > 1e-9
        assert errors[100] < 1e-13
        assert errors[200] < 1e-13

    def test_the_reference_meets_the_initial_and_boundary_data(self):
        problem, x = Burgers(), np.linspace(-1, 1, 101)
        np.testing.assert_allclose(problem.reference(x, np.zeros(101)), -np.sin(pi * x), atol=1e-12)
        ends = problem.reference(np.repeat([-1.0, 1.0], 50), np.tile(np.linspace(0, 1, 50), 2))
        np.testing.assert_allclose(ends, 0.0, atol=1e-11)  # sin(pi) itself is 1e-16, times the kernel's scale

    def test_the_reference_satisfies_the_equation(self):
        """Central differences of order 4 with step h leave h^4 u^(5..6) / 30; halving h shows that order."""
        problem = Burgers(nu=0.05)
        x, t = uniform_points(problem).T
        x, t = 0.9 * x, 0.1 + 0.8 * t

        def residual(h):
            along_x = np.stack([problem.reference(x + k * h, t) for k in range(-2, 3)])
            along_t = np.stack([problem.reference(x, t + k * h) for k in range(-2, 3)])
            first, second = np.array([1, -8, 0, 8, -1]) / 12 / h, np.array([-1, 16, -30, 16, -1]) / 12 / h**2
            return np.abs(first @ along_t + along_x[2] * (first @ along_x) - problem.nu * (second @ along_x)).max()

        coarse, fine = residual(0.008), residual(0.004)
        assert 10 < coarse / fine < 20
        assert fine < 1e-4

    def test_the_reference_matches_the_published_slope(self):
        """max |u_x(0, t)| = 152.00516 at t = 0.5105 for nu = 0.01/pi (Basdevant et al. 1986, table 4)."""
        problem, h = Burgers(), 1e-5
        t = np.array([0.5105])
        slope = (problem.reference(np.array([h]), t) - problem.reference(np.array([-h]), t)) / (2 * h)
        assert abs(slope[0]) == pytest.approx(152.00516, rel=1e-5)

    @pytest.mark.parametrize("nu", [0.0, -1.0, float("nan"), float("inf")])
    def test_a_viscosity_that_is_not_positive_is_refused(self, nu):
        with pytest.raises(UserError, match="nu must be > 0 and finite, got"):
            Burgers(nu)


def test_names_are_snake_case():
    assert Burgers().name == "burgers"
    assert type("KuramotoSivashinsky", (Burgers,), {})().name == "kuramoto_sivashinsky"
    assert type("Poisson2D", (Burgers,), {})().name == "poisson_2d"
