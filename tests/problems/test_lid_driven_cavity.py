"""The lid-driven cavity: the flow of its corners, and its reference by collocation."""

import functools

import numpy as np
import pytest
import torch

from pinn.problems import LidDrivenCavity
from pinn.problems._collocation import Flow, differentiation, quadrature
from pinn.problems.lid_driven_cavity import across, along, corners, pressure


@functools.cache
def flow(degree, reynolds=100.0):
    return Flow(reynolds, lambda x: 4 * x * (1 - x), corners, degree)


def corner(s, d):
    return along(s, d), across(s, d), pressure(s, d)


def derivatives(function, x, y, h):
    """Of u, v and p by central differences: values, along x, along y, and Laplacians, each (3, n)."""
    moved = [(0, 0), (h, 0), (-h, 0), (0, h), (0, -h)]
    middle, right, left, up, down = (np.stack(list(function(x + a, y + b).values())) for a, b in moved)
    return middle, (right - left) / (2 * h), (up - down) / (2 * h), (right + left + up + down - 4 * middle) / h**2


def test_the_flow_of_a_corner_is_stokes_flow():
    s, d = torch.rand(2, 50, dtype=torch.float64)
    ones, zeros = torch.ones_like(s), torch.zeros_like(s)

    def slope(function, along):
        return lambda *x: torch.func.jvp(function, x, (ones, zeros) if along == "s" else (zeros, ones))[1]

    (u_s, v_s, p_s), (u_d, v_d, p_d) = (slope(corner, along)(s, d) for along in "sd")
    curved = [slope(slope(corner, along), along)(s, d) for along in "sd"]
    u_ss_dd, v_ss_dd, _ = (a + b for a, b in zip(*curved, strict=True))
    torch.testing.assert_close(u_s, v_d)  # d is downwards
    torch.testing.assert_close(u_ss_dd, p_s)
    torch.testing.assert_close(v_ss_dd, -p_d)
    assert float(u_d.abs().max()) > 1
    assert float(v_s.abs().max()) > 1
    on_lid, on_wall = corner(s, zeros), corner(zeros, d)
    torch.testing.assert_close(on_lid[:2], (4 * s, zeros))
    torch.testing.assert_close(on_wall[:2], (zeros, zeros))


@pytest.mark.parametrize("reynolds", [20.0, 250.0])
def test_the_reference_solves_the_equations(reynolds):
    """To the h^2 / 6 of third derivatives, some 1e2; terms are of order one."""
    x, y = np.random.default_rng(0).uniform(0.15, 0.85, (2, 200))
    (u, v, _), (u_x, v_x, p_x), (u_y, v_y, p_y), (lap_u, lap_v, _) = derivatives(flow(24, reynolds), x, y, 1e-3)
    assert np.abs(u_x + v_y).max() < 2e-3
    for convection, force in ((u * u_x + v * u_y, lap_u / reynolds - p_x), (u * v_x + v * v_y, lap_v / reynolds - p_y)):
        assert np.abs(convection).max() > 0.05
        assert np.abs(convection - force).max() < 2e-3


def test_the_reference_meets_its_data_and_converges():
    t = np.linspace(0, 1, 30)
    for x, y, u in ((t, 1.0, 4 * t * (1 - t)), (t, 0.0, 0), (0.0, t, 0), (1.0, t, 0)):
        found = flow(24)(*(np.ascontiguousarray(c) for c in np.broadcast_arrays(x, y)))
        np.testing.assert_allclose(found["u"], u, atol=1e-8)
        np.testing.assert_allclose(found["v"], 0, atol=1e-8)
    x, y = np.random.default_rng(0).random((2, 500))
    coarse, middle, fine = (flow(degree)(x, y) for degree in (16, 20, 24))
    for name in ("u", "v", "p"):
        change = [np.linalg.norm(a[name] - b[name]) for a, b in ((coarse, middle), (middle, fine))]
        assert change[1] < 0.3 * change[0] < 1e-2 * np.linalg.norm(fine[name])


def test_the_mean_of_the_pressure_is_zero():
    nodes, weights = np.polynomial.legendre.leggauss(40)
    x, y = (c.ravel() for c in np.meshgrid((nodes + 1) / 2, (nodes + 1) / 2))
    p = flow(24)(x, y)["p"]
    assert abs(np.outer(weights, weights).ravel() @ p) < 1e-4 * np.abs(p).max()


def test_collocation_is_exact_for_polynomials():
    nodes = (1 + np.cos(np.pi * np.arange(9) / 8)) / 2
    np.testing.assert_allclose(differentiation(nodes) @ nodes**8, 8 * nodes**7, atol=1e-12)
    assert quadrature(nodes) @ nodes**8 == pytest.approx(1 / 9, abs=1e-14)


def test_the_velocity_meets_its_data_whatever_is_added_inside():
    problem, t = LidDrivenCavity(), torch.linspace(0, 1, 11, dtype=torch.float64)
    for x, y, u in ((t, 1 + 0 * t, 4 * t * (1 - t)), (t, 0 * t, 0 * t), (0 * t, t, 0 * t), (1 + 0 * t, t, 0 * t)):
        found = problem.ansatz(x, y, torch.sin(9 * x), torch.cos(9 * y), x)
        torch.testing.assert_close(found["u"], u, atol=1e-13, rtol=0)
        torch.testing.assert_close(found["v"], 0 * u, atol=1e-13, rtol=0)
