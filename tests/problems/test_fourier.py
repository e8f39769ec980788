"""The spectral solver behind references: exact in the linear part, of order 4, and its table against Fourier sums."""

import numpy as np
import pytest

from pinn.problems._fourier import SpaceTimeTable, dealiased, etdrk4


def fourier_sum(coefficients: np.ndarray, x: np.ndarray, lower: float, length: float) -> np.ndarray:
    """The function of coefficients (n, k) at points x (n,), mode by mode."""
    j = np.arange(1, coefficients.shape[-1])
    waves = np.exp(2j * np.pi * j * (x[:, None] - lower) / length)
    return coefficients[..., 0].real + 2 * (coefficients[..., 1:] * waves).sum(-1).real


def test_powers_are_those_of_the_functions():
    """sin^2 = (1 - cos 2x) / 2 and cos^3 = (3 cos x + cos 3x) / 4; modes beyond the last are cut, not folded back."""
    sine, cosine = np.zeros(5, dtype=complex), np.zeros(4, dtype=complex)
    sine[3], cosine[1] = -0.5j, 0.5  # sin 3x and cos x
    np.testing.assert_allclose(dealiased(np.square, sine, 2), [0.5, 0, 0, 0, 0], atol=1e-16)
    np.testing.assert_allclose(dealiased(lambda u: u**3, cosine, 3), [0, 0.375, 0, 0.125], atol=1e-16)


def test_a_linear_equation_is_solved_exactly():
    """u_t = i w u for any step: only rounding is left, of 40 steps."""
    frequencies = np.array([0.0, 0.3, 2.0, 500.0])
    start = np.array([1.0, 1j, 0.5, 0.1 - 0.2j])
    found = etdrk4(start, 1j * frequencies, np.zeros_like, duration=2.0, steps=40, snapshots=4)
    expected = start * np.exp(1j * frequencies * np.linspace(0, 2, 5)[:, None])
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("s", [1.0, 6.0])
def test_the_order_in_time_is_four(s):
    """v_t = -s v + v^2 from s / 2 has v = s / (1 + e^(s t)); the slope of the error over the steps is 4."""
    steps = np.array([32, 64, 128, 256])
    ends = [etdrk4(np.array([s / 2]), np.array([-s]), np.square, duration=1.0, steps=n, snapshots=1)[-1] for n in steps]
    errors = np.abs(np.ravel(ends) - s / (1 + np.exp(s)))
    slope = np.polyfit(np.log(steps), np.log(errors), 1)[0]
    assert slope == pytest.approx(-4, abs=0.2)
    assert errors[-1] < 1e-8


def test_without_a_linear_part_it_is_the_classical_method():
    """Runge-Kutta's weights are the limit: one step of v_t = v from 1 gives the exponential's series to order 4."""
    found = etdrk4(np.array([1.0]), np.array([0.0]), lambda v: v, duration=0.3, steps=1, snapshots=1)[-1, 0]
    assert found == pytest.approx(sum(0.3**k / f for k, f in enumerate((1, 1, 2, 6, 24))), abs=1e-15)


def test_the_table_is_the_fourier_sum_between_its_nodes_too():
    """Polynomials of degree 9 err by the spacing to the power 10: halving it in x, or in t, gains a factor of 2^10.

    In t this is measured away from both ends, where the stencils are one-sided and the errors larger.
    """
    random = np.random.default_rng(0)
    shape = random.normal(size=11) + 1j * random.normal(size=11)
    frequencies = np.where(np.arange(11) > 0, 4 * np.pi, 0.0)
    x = np.concatenate([random.uniform(-3, 1, 500), [-3.0, 1.0, 5.0, -1.3]])  # over the seam, one period beyond it
    t = np.concatenate([random.uniform(0, 2, 500), [0.0, 2.0, 2.0, 0.0]])

    def at(t):
        return shape * np.exp(1j * frequencies * t[:, None])

    def error(times, oversampling, where=slice(None)):
        table = SpaceTimeTable(at(np.linspace(0, 2, times)), (-3.0, 1.0), 2.0, oversampling)
        return np.abs(table(x, t) - fourier_sum(at(t), x, -3.0, 4.0))[where].max()

    assert 500 < error(401, 4) / error(401, 8) < 1100
    middle = np.abs(t - 1) < 0.5
    assert 500 < error(41, 32, middle) / error(81, 32, middle) < 1100
    assert error(401, 8) < 1.5e-7  # twice what stencils with the point in their middle leave
    assert error(401, 32) < 1e-11
