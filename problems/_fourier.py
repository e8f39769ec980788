"""Reference solutions of  u_t = L u + N(u),  periodic in x, by a Fourier pseudo-spectral method.

Coefficients c (k,) belong to  u(x) = sum_j c_j exp(2 pi i j (x - lower) / length), stored for j = 0 ... nodes / 2 as
numpy.fft.rfft does.
"""

from collections.abc import Callable

import numpy as np
from numpy.fft import irfft, rfft
from numpy.typing import NDArray

STENCIL = 10  # nodes of the polynomial interpolation in each coordinate
CONTOUR = 64  # points on the circle about each eigenvalue; Kassam & Trefethen take 32


def dealiased(function: Callable[[NDArray], NDArray], coefficients: NDArray, degree: int) -> NDArray:
    """The coefficients of a polynomial of u of that degree, free of aliasing by (degree + 1) / 2 times the nodes."""
    size = len(coefficients)
    nodes = (degree + 1) * (size - 1)
    return rfft(function(irfft(coefficients, nodes) * nodes))[:size] / nodes


def etdrk4(
    start: NDArray,
    linear: NDArray,
    nonlinear: Callable[[NDArray], NDArray],
    *,
    duration: float,
    steps: int,
    snapshots: int,
) -> NDArray:
    """The coefficients (snapshots + 1, k) at equidistant times from 0 to `duration`, from those at 0, `start` (k,).

    Exponential time differencing Runge-Kutta of order 4 (Cox & Matthews 2002, doi:10.1006/jcph.2002.6995), which is
    exact in the linear part; its weights by contour integrals (Kassam & Trefethen 2005, doi:10.1137/S1064827502410633).
    linear: L's eigenvalues (k,). nonlinear: the coefficients of N(u) from those of u. steps: a multiple of snapshots.
    """
    h = duration / steps
    half, full = np.exp(0.5 * h * linear), np.exp(h * linear)
    to_half, first, middle, last = _weights(h * linear, h)
    c, found = start, [start]
    for step in range(1, steps + 1):
        rate = nonlinear(c)
        a = half * c + to_half * rate
        rate_a = nonlinear(a)
        b = half * c + to_half * rate_a
        rate_b = nonlinear(b)
        rate_c = nonlinear(half * a + to_half * (2.0 * rate_b - rate))
        c = full * c + first * rate + 2.0 * middle * (rate_a + rate_b) + last * rate_c
        if step % (steps // snapshots) == 0:
            found.append(c)
    return np.array(found)


def _weights(z: NDArray, h: float) -> tuple[NDArray, ...]:
    """Weights (k,) of the half step, and of the first, middle and last rate of a full step: means over a circle."""
    circle = np.exp(2j * np.pi * (np.arange(CONTOUR) + 0.5) / CONTOUR)
    y, w = z[:, None] + circle, 0.5 * z[:, None] + circle  # (k, CONTOUR)
    e = np.exp(y)
    integrands = (
        0.5 * np.expm1(w) / w,
        (-4.0 - y + e * (4.0 - 3.0 * y + y**2)) / y**3,
        (2.0 + y + e * (y - 2.0)) / y**3,
        (-4.0 - 3.0 * y - y**2 + e * (4.0 - y)) / y**3,
    )
    return tuple(h * integrand.mean(1) for integrand in integrands)


class SpaceTimeTable:
    """A function periodic in x, from its coefficients (times, k) at equidistant times from 0 to `duration`.

    Tabulated on `oversampling` times the nodes that the coefficients resolve, then interpolated by polynomials of
    degree 9 in x and in t; interval: one period of x, (lower, upper).
    """

    def __init__(
        self, coefficients: NDArray, interval: tuple[float, float], duration: float, oversampling: int = 4
    ) -> None:
        nodes = 2 * (coefficients.shape[1] - 1) * oversampling
        self.values = irfft(coefficients, nodes) * nodes  # (times, nodes)
        self.lower = interval[0]
        self.spacing = (interval[1] - interval[0]) / nodes
        self.step = duration / (len(coefficients) - 1)

    def __call__(self, x: NDArray, t: NDArray) -> NDArray:
        """The function at points x (n,), t (n,) with 0 <= t <= duration; shape (n,)."""
        times, nodes = self.values.shape
        along_x, along_t = (x - self.lower) / self.spacing, t / self.step
        column = np.floor(along_x).astype(int) - STENCIL // 2 + 1
        row = np.clip(np.floor(along_t).astype(int) - STENCIL // 2 + 1, 0, times - STENCIL)
        offsets = np.arange(STENCIL)
        around = self.values[row[:, None, None] + offsets[:, None], (column[:, None, None] + offsets) % nodes]
        return np.einsum("nij,ni,nj->n", around, _lagrange(along_t - row), _lagrange(along_x - column))


def _lagrange(position: NDArray) -> NDArray:
    """The Lagrange polynomials of the nodes 0 ... STENCIL - 1 at positions (n,); shape (n, STENCIL)."""
    nodes = np.arange(STENCIL)
    others = [np.delete(nodes, j) for j in nodes]
    return np.stack([np.prod((position[:, None] - rest) / (j - rest), 1) for j, rest in enumerate(others)], 1)
