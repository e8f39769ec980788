"""The spectral reference of the Allen-Cahn equation, and the ansatz at the seam's corner."""

from functools import partial
from math import pi

import numpy as np
import pytest
import torch
from sampled import differences, uniform_points

from pinn.basis.errors import UserError
from pinn.networks import MLP
from pinn.problems import AllenCahn
from pinn.problems.allen_cahn import difference, heat, moment
from pinn.trial.making import make_trial


class Zero(torch.nn.Linear):
    """A network that is zero: the ansatz alone."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs)
        torch.nn.init.zeros_(self.weight)
        torch.nn.init.zeros_(self.bias)


def start(x):
    return x**2 * np.cos(pi * x)


def test_the_heat_solution_is_its_fourier_series():
    """A hundred thousand modes, cut below 1e-11 for t > 0; at t = 0 the initial data themselves."""
    x, j = np.array([-1.0, -0.9995, -0.3, 0.0, 0.2, 0.99, 1.0]), np.arange(100_001)
    coefficients = 0.5 * (moment(j - 1) + moment(j + 1)) * np.where(j == 0, 1, 2)
    for t in (1e-4, 1e-2, 1.0):
        series = np.cos(pi * x[:, None] * j) @ (coefficients * np.exp(-1e-4 * (pi * j) ** 2 * t))
        np.testing.assert_allclose(heat(x, np.full(7, t), 1e-4), series, atol=1e-11)
    np.testing.assert_allclose(heat(x, np.zeros(7), 1e-4), start(x), atol=1e-15)


def test_the_reference_converges():
    """Half as many modes and steps more change less than 1e-9 in the mean.

    In the first moments and next to the corner the cut of the modes at K = 1024 pi is seen: 4 / K times the part
    rho / (nu K^2) of it that is not in the closed form, 6e-6, is a bound with a margin of about ten.
    """
    problem = AllenCahn()
    x, t = uniform_points(problem, 2000).T
    best = problem.reference(x, t, refinement=1.5)
    error = np.abs(problem.reference(x, t) - best)
    assert np.linalg.norm(error) < 1e-9 * np.linalg.norm(best)
    x, t = 1 - 0.02 * (x + 1) ** 2, 0.02 * t**3
    best = problem.reference(x, t, refinement=1.5)
    assert 1e-10 < np.abs(problem.reference(x, t) - best).max() < 6e-6 / 10


def test_the_order_in_time_is_four():
    """At equal modes the corner does not lower it: halving the steps costs 2^4."""
    x, t = uniform_points(AllenCahn()).T
    best = difference(1e-4, 5.0, 512, 2000)(x, t)
    errors = [np.abs(difference(1e-4, 5.0, 512, steps)(x, t) - best).max() for steps in (500, 1000)]
    assert errors[0] < 1e-9
    assert 10 < errors[0] / errors[1] < 22


@pytest.mark.parametrize(("diffusivity", "rate"), [(1e-3, 5.0), (4e-4, 8.0), (5e-3, 1.0)])
def test_other_coefficients_are_resolved(diffusivity, rate):
    """Three quarters of the modes and steps already give 1e-8, so that all of them do."""
    problem = AllenCahn(diffusivity, rate)
    x, t = uniform_points(problem).T
    fine, coarse = problem.reference(x, t), problem.reference(x, t, refinement=0.75)
    assert np.linalg.norm(fine - coarse) < 1e-8 * np.linalg.norm(fine)


def test_the_reference_meets_the_data():
    problem, x, t = AllenCahn(), np.linspace(-1, 1, 201), np.linspace(0, 1, 101)
    np.testing.assert_allclose(problem.reference(x, 0 * x), start(x), atol=1e-12)
    np.testing.assert_allclose(problem.reference(-1 + 0 * t, t), problem.reference(1 + 0 * t, t), atol=1e-12)
    # even in x, so that periodic slopes are zero at the seam: 4 (u(1) - u(1 - h)) = u(1) - u(1 - 2 h) to order h^4
    np.testing.assert_allclose(problem.reference(-x, 0 * x + 0.4), problem.reference(x, 0 * x + 0.4), atol=1e-12)
    h, later = 1e-4, t[10:]
    u = [problem.reference(1 - k * h + 0 * later, later) for k in range(3)]
    np.testing.assert_allclose((3 * u[0] - 4 * u[1] + u[2]) / (2 * h), 0.0, atol=1e-4)


def test_the_energy_falls():
    """The equation is the descent of  nu/2 u_x^2 + rho/4 (1 - u^2)^2:  dE/dt = - integral of u_t^2."""
    problem, nodes = AllenCahn(), 4096
    x, k = -1 + 2 * np.arange(nodes) / nodes, pi * np.arange(nodes // 2 + 1)

    def energy(time):
        u = problem.reference(x, np.full(nodes, time))
        u_x = np.fft.irfft(1j * k * np.fft.rfft(u), nodes)
        return 2 * np.mean(0.5 * problem.diffusivity * u_x**2 + 0.25 * problem.rate * (1 - u**2) ** 2)

    h = 1e-3
    for time in (0.1, 0.5, 0.9):
        (u_t,) = differences(lambda t: problem.reference(x, t), np.full(nodes, time), h, (1,))
        slope = (energy(time - 2 * h) - 8 * energy(time - h) + 8 * energy(time + h) - energy(time + 2 * h)) / (12 * h)
        assert slope == pytest.approx(-2 * np.mean(u_t**2), rel=1e-6)  # (rate h)^4 / 30 = 2e-11, over rounding in E / h
        assert slope < -0.1


def test_the_reference_satisfies_the_equation():
    """Central differences of order 4 leave h^4 u^(5..6); halving h shows that order."""
    problem = AllenCahn(diffusivity=1e-3)
    x, t = uniform_points(problem).T
    x, t = 0.9 * x, 0.1 + 0.8 * t

    def residual(h):
        u, u_xx = differences(lambda x: problem.reference(x, t), x, h, (0, 2))
        (u_t,) = differences(lambda t: problem.reference(x, t), t, h, (1,))
        return np.abs(u_t - problem.diffusivity * u_xx - problem.rate * (u - u**3)).max()

    coarse, fine = residual(0.008), residual(0.004)
    assert 12 < coarse / fine < 20
    assert fine < 1e-3


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_the_corner_of_the_initial_data_harms_no_derivative(dtype):
    """At t = 0 every derivative is finite, at the seam too; soon after, the lift is smooth across the seam."""
    trial = make_trial(AllenCahn(), partial(MLP, width=8, depth=2), dtype=dtype)
    x = torch.tensor([-1.0, -1 + 1e-7, -0.5, 0.0, 1.0], dtype=dtype)
    found = trial.evaluate(["u", "u_t", "u_x", "u_xx"], torch.stack([x, 0 * x], 1))
    assert all(bool(values.isfinite().all()) for values in found.values())
    tolerance = 1e-9 if dtype == torch.float64 else 1e-6
    np.testing.assert_allclose(found["u"].numpy(), start(x.double().numpy()), atol=tolerance)
    ends = torch.tensor([[-1.0, 0.01], [1.0, 0.01], [1.0, 0.5]], dtype=torch.float64)
    smooth = make_trial(AllenCahn(), Zero)
    slopes = smooth.evaluate(["u_x", "u_xxx"], ends)
    assert float(slopes["u_x"].abs().max()) < 1e-12
    assert float(slopes["u_xxx"].abs().max()) < 1e-5 * float(smooth.evaluate(["u_xx"], ends)["u_xx"].abs().max())


@pytest.mark.parametrize("diffusivity", [0.0, -1.0, 0.1, float("nan")])
def test_a_diffusivity_out_of_range_is_refused(diffusivity):
    with pytest.raises(UserError, match=r"diffusivity must be > 0 and <= 0\.005, got"):
        AllenCahn(diffusivity)
