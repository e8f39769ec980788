"""The moving disc: its exact solution against Bessel functions, its checks."""

import numpy as np
import pytest
import torch
from sampled import uniform_points
from scipy.special import k0

from pinn.basis.errors import UserError
from pinn.problems import LaplaceAnnulus, MovingDisc


@pytest.mark.parametrize("settings", [{}, {"diffusivity": 0.03, "speed": 0.8, "radius": 0.3}])
def test_the_exact_solution_is_the_sum_of_sources(settings):
    """The trapezoidal rule and the number of images against scipy's K0 and 100 images: to 1e-12 of the largest."""
    problem = MovingDisc(**settings)
    x, y, t = uniform_points(problem, 300).T
    xi = x - 0.5 - problem.speed * t
    sources = [np.exp(-problem.rate * xi) * k0(problem.rate * np.hypot(xi, y - m)) for m in range(-100, 101)]
    expected = np.sum(sources, axis=0) / k0(problem.rate * problem.radius)
    found = problem.exact(*(torch.as_tensor(values) for values in (x, y, t))).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12 * expected.max())


def test_the_disc_is_never_in_the_domain():
    problem = MovingDisc()
    x, y, t = uniform_points(problem, 2000).T
    assert (np.hypot(x - 0.5 - 0.5 * t, y) > 0.15).all()
    assert set(problem.domain.sides) == {"x.min", "x.max", "y.min", "y.max", "t.min", "t.max", "disc"}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MovingDisc(speed=2.0), "so that the disc stays in the channel"),
        (lambda: MovingDisc(radius=0.5), r"radius must be in \[0.05, 0.4\]"),
        (lambda: MovingDisc(diffusivity=1.0), r"speed / diffusivity must be in \[1, 100\], got 0.5"),
        (lambda: LaplaceAnnulus(inner=1.0), r"inner must be in \(0, 1\)"),
        (lambda: LaplaceAnnulus(waves=0), "waves must be whole and >= 1"),
    ],
)
def test_bad_coefficients_are_explained(make, message):
    with pytest.raises(UserError, match=message):
        make()
