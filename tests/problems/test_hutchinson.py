"""The delayed logistic equation: its reference against the first step in closed form, and across delays."""

import numpy as np
import pytest

from pinn.problems import Hutchinson


def test_the_first_step_is_an_exponential():
    """For t <= tau the history is constant: u = u_0 exp(r (1 - u_0) t)."""
    problem = Hutchinson(rate=0.9, delay=1.5, history=0.3)
    t = np.linspace(0, 1.5, 11)
    # Runge and Kutta's tolerance of 1e-12
    assert problem.reference(t) == pytest.approx(0.3 * np.exp(0.9 * 0.7 * t), rel=1e-11)


def test_the_reference_satisfies_the_equation_later():
    problem, h = Hutchinson(), 1e-4
    t = np.array([1.5, 2.5, 4.2])
    u, past = problem.reference(t), problem.reference(t - 1.0)
    slope = (problem.reference(t + h) - problem.reference(t - h)) / (2 * h)
    # central differences: h^2 of a third derivative below 10, and 1e-12 / h of the tolerance
    assert slope == pytest.approx(1.2 * u * (1 - past), abs=1e-7)


def test_without_crowding_it_stays():
    assert Hutchinson(history=1.0).reference(np.linspace(0, 5, 7)) == pytest.approx(1.0, abs=1e-12)
