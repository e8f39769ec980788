"""The references of Laplace's and Poisson's equation on domains with holes and corners."""

import numpy as np

from pinn.problems.poisson_holes import Expansion, PoissonHoles
from pinn.problems.poisson_lshape import Lightning, PoissonLshape


def inside(domain, n=500):
    generator = np.random.default_rng(0)
    return domain.interior(n, lambda n, k: generator.random((n, k)))


def laplacian(u, x, y, h):
    """Five points; the error is h^2 / 12 of fourth derivatives, and rounding over h^2."""
    return (u(x + h, y) + u(x - h, y) + u(x, y + h) + u(x, y - h) - 4 * u(x, y)) / h**2


def test_the_reference_with_holes_meets_its_data_and_converges():
    fine, coarse = Expansion(0.1), Expansion(0.1, multipoles=12, polynomials=6)
    assert fine.misfit < 1e-10  # by the maximum principle a bound of the error
    x, y = inside(PoissonHoles().domain).T
    assert np.abs(fine(x, y) - coarse(x, y)).max() < 10 * coarse.misfit < 1e-6


def test_the_reference_with_holes_is_harmonic_and_symmetric():
    u = Expansion(0.1)
    points = inside(PoissonHoles().domain)
    x, y = points[np.hypot(np.abs(points[:, 0]) - 0.3, np.abs(points[:, 1]) - 0.3) > 0.15].T
    assert np.abs(laplacian(u, x, y, 1e-3)).max() < 2e-2  # h^2 / 12 times fourth derivatives of some 1e4
    assert np.abs(laplacian(u, x, y, 5e-4)).max() < 0.3 * np.abs(laplacian(u, x, y, 1e-3)).max()  # as h^2
    np.testing.assert_allclose(u(x, y), u(-x, y), atol=1e-10)
    np.testing.assert_allclose(u(x, y), u(y, x), atol=1e-10)


def test_the_reference_on_the_l_shape_meets_its_data_and_converges():
    fine, coarse = Lightning(), Lightning(poles=40)
    assert fine.misfit < 1e-7  # by the maximum principle a bound of the error
    x, y = inside(PoissonLshape().domain).T
    assert np.abs(fine(x, y) - coarse(x, y)).max() < 2 * coarse.misfit < 1e-4


def test_the_reference_on_the_l_shape_solves_its_equation():
    u = Lightning()
    points = inside(PoissonLshape().domain)
    x, y = points[np.abs(points).max(1) < 0.9].T
    x, y = x[np.hypot(x, y) > 0.3], y[np.hypot(x, y) > 0.3]
    away = (x < -0.05) | (y < -0.05)
    np.testing.assert_allclose(laplacian(u, x[away], y[away], 1e-3), -1.0, atol=1e-2)  # rounding: 1e-9 / h^2 = 1e-3
