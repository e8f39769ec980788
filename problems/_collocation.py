"""Steady flow in the unit square by Chebyshev collocation, velocity of degree N, pressure of degree N - 2.

No spurious pressures: Bernardi & Maday 1992, Approximations spectrales de problemes aux limites elliptiques, ch. 5.
A known Stokes flow that carries the solution's singularities is taken off first: Botella & Peyret 1998,
doi:10.1016/S0045-7930(98)00002-4.
"""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.interpolate import BarycentricInterpolator

NEWTON, CONVERGED = 30, 1e-8  # steps at most, and the largest change of the velocity after which the next is rounding
FIRST = 100.0  # Reynolds number that Newton's method starts with; it is doubled on the way to larger ones

Stokes = Callable[[torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor, torch.Tensor]]


class Flow:
    """Velocity and pressure of a flow that a lid u = lid(x) drives at y = 1, the other walls at rest.

    stokes: u, v and Re p of a Stokes flow by torch's operations; polynomials of `degree` are added to it.
    """

    def __init__(self, reynolds: float, lid: Callable[[NDArray], NDArray], stokes: Stokes, degree: int) -> None:
        self.reynolds, self.stokes = reynolds, stokes
        self.nodes = (1 + np.cos(np.pi * np.arange(degree + 1) / degree)) / 2
        x, y = (c.ravel() for c in np.meshgrid(self.nodes, self.nodes, indexing="ij"))
        known_u, known_v, _ = self._known(x, y)
        side = (x == 0) | (x == 1) | (y == 0) | (y == 1)
        self.u = np.where(side, np.where(y == 1, lid(x), 0.0) - known_u, 0.0)
        self.v = np.where(side, -known_v, 0.0)
        self.p = np.zeros((degree - 1) ** 2)
        self._solve(Operators(self.nodes), x, y)

    def __call__(self, x: NDArray, y: NDArray) -> dict[str, NDArray]:
        """u, v and p at points (n,); the mean of p is that of the Stokes flow."""
        of_velocity, of_pressure = ((basis(n, x), basis(n, y)) for n in (self.nodes, self.nodes[1:-1]))
        rest = [(self.u, of_velocity), (self.v, of_velocity), (self.p, of_pressure)]
        u, v, p = (
            known + np.einsum("ni,ij,nj->n", along_x, values.reshape(along_x.shape[1], -1), along_y)
            for known, (values, (along_x, along_y)) in zip(self._known(x, y), rest, strict=True)
        )
        return {"u": u, "v": v, "p": p / self.reynolds}

    def _known(self, x: NDArray, y: NDArray) -> list[NDArray]:
        return [part.numpy() for part in self.stokes(torch.from_numpy(x), torch.from_numpy(y))]

    def _solve(self, operators: "Operators", x: NDArray, y: NDArray) -> None:
        """Newton's method for what is left of u, v (N + 1, N + 1) and Re p (N - 1, N - 1), raveled, x along rows."""
        inside = (torch.from_numpy(operators.inner @ x), torch.from_numpy(operators.inner @ y))
        one, zero = torch.ones_like(inside[0]), torch.zeros_like(inside[0])
        known, slopes_x = torch.func.jvp(self.stokes, inside, (one, zero))[:2]
        slopes_y = torch.func.jvp(self.stokes, inside, (zero, one))[1]
        taken_off = [[part.numpy() for part in parts[:2]] for parts in (known, slopes_x, slopes_y)]
        doublings = max(0, int(np.ceil(np.log2(self.reynolds / FIRST))))
        for reynolds in [*FIRST * 2.0 ** np.arange(doublings), self.reynolds]:
            for _ in range(NEWTON):
                change = operators.newton(reynolds, self.u, self.v, self.p, taken_off)
                self.u += operators.inner.T @ change[0]
                self.v += operators.inner.T @ change[1]
                self.p += change[2]
                if np.abs(change[:2]).max() < CONVERGED:
                    break
            else:
                raise RuntimeError(f"Newton's method for the reference does not converge at Re = {reynolds}")


class Operators:
    """Derivatives on the grid: from values at all nodes, raveled, or of the pressure at the inner ones, to inner ones.

    inner: picks the inner nodes; its transpose puts values there and zeros on the sides. within: the derivatives by x
    and y and the Laplacian of values that are zero on the sides, from the inner ones. mean: of the pressure.
    """

    def __init__(self, nodes: NDArray) -> None:
        pick, d = np.eye(len(nodes))[1:-1], differentiation(nodes)
        between, identity = differentiation(nodes[1:-1]), np.eye(len(pick))
        self.inner = np.kron(pick, pick)
        self.d_x, self.d_y = np.kron(pick @ d, pick), np.kron(pick, pick @ d)
        self.laplacian = np.kron(pick @ d @ d, pick) + np.kron(pick, pick @ d @ d)
        self.p_x, self.p_y = np.kron(between, identity), np.kron(identity, between)
        self.within = [operator @ self.inner.T for operator in (self.d_x, self.d_y, self.laplacian)]
        self.mean = np.kron(*[quadrature(nodes[1:-1])] * 2)

    def newton(self, reynolds: float, u: NDArray, v: NDArray, p: NDArray, taken_off: list[list[NDArray]]) -> NDArray:
        """The change of u, v and p at the inner nodes (3, k) that solves the linearized equations.

        taken_off: u and v, their derivatives by x and those by y at the inner nodes of the flow to which these are
        added, whose viscous force and pressure balance.
        """
        operators = (self.inner, self.d_x, self.d_y)
        (a, b), (u_x, v_x), (u_y, v_y) = (
            (operator @ u + known_u, operator @ v + known_v)
            for operator, (known_u, known_v) in zip(operators, taken_off, strict=True)
        )
        residual = [
            reynolds * (a * u_x + b * u_y) - self.laplacian @ u + self.p_x @ p,
            reynolds * (a * v_x + b * v_y) - self.laplacian @ v + self.p_y @ p,
            self.d_x @ u + self.d_y @ v,
            [self.mean @ p],
        ]
        d_x, d_y, laplacian = self.within
        moved = reynolds * (a[:, None] * d_x + b[:, None] * d_y) - laplacian
        by_u_x, by_u_y, by_v_x, by_v_y = (reynolds * np.diag(slope) for slope in (u_x, u_y, v_x, v_y))
        zero, one = np.zeros_like(moved), np.ones((len(moved), 1))
        matrix = [  # the last column: a constant divergence, zero in the end, for the equation of the mean
            [moved + by_u_x, by_u_y, self.p_x, 0 * one],
            [by_v_x, moved + by_v_y, self.p_y, 0 * one],
            [d_x, d_y, zero, one],
            [0 * one.T, 0 * one.T, self.mean[None], np.zeros((1, 1))],
        ]
        return np.linalg.solve(np.block(matrix), -np.concatenate(residual))[:-1].reshape(3, -1)


def basis(nodes: NDArray, x: NDArray) -> NDArray:
    """The Lagrange polynomials of the nodes at points: (len(x), len(nodes))."""
    return np.asarray(BarycentricInterpolator(nodes, np.eye(len(nodes)))(x))


def differentiation(nodes: NDArray) -> NDArray:
    """The matrix that differentiates the polynomial through values at nodes of [0, 1]."""
    gaps = nodes[:, None] - nodes
    np.fill_diagonal(gaps, 1.0)
    weights = 1 / np.prod(4 * gaps, axis=1)  # times 4, the inverse capacity of [0, 1], neither large nor small
    matrix = weights / weights[:, None] / gaps
    np.fill_diagonal(matrix, 0.0)
    np.fill_diagonal(matrix, -matrix.sum(axis=1))
    return matrix


def quadrature(nodes: NDArray) -> NDArray:
    """Weights that integrate the polynomial through values at the nodes over [0, 1]."""
    x, weights = np.polynomial.legendre.leggauss(len(nodes))
    return (weights / 2) @ basis(nodes, (x + 1) / 2)
