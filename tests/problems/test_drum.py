"""A round drum: which eigenvalue a mode of rings is, and its reference."""

import numpy as np
import pytest
from scipy.special import jn_zeros

from pinn.problems import Drum


@pytest.mark.parametrize(("rings", "number"), [(1, 1), (2, 6), (3, 15)])
def test_modes_that_are_the_same_all_around_are_counted_among_the_others(rings, number):
    """By all zeros of Bessel functions in order, those of higher orders twice."""
    zeros = sorted([*jn_zeros(0, 9), *(z for m in range(1, 30) for z in jn_zeros(m, 9) for _ in range(2))])
    assert Drum(rings).unknowns["k"].number == number
    assert zeros[number - 1] == pytest.approx(jn_zeros(0, rings)[-1], rel=1e-14)  # rounding


@pytest.mark.parametrize("rings", [1, 2])
def test_the_reference_has_norm_one_a_positive_mean_and_rests_at_the_rim(rings):
    drum = Drum(rings, radius=1.5)
    rule = drum.domain.quadrature(2500)
    u = drum.reference(*rule.points.T)
    # Gauss's rule of fifty nodes a direction on an analytic function: rounding
    assert rule.weights @ u**2 == pytest.approx(1.0, abs=1e-12)
    assert rule.weights @ u > 0
    phi = np.linspace(0, 6, 9)
    assert np.abs(drum.reference(1.5 * np.cos(phi), 1.5 * np.sin(phi))).max() < 1e-14
