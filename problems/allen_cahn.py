"""Allen-Cahn equation."""

from functools import lru_cache
from math import ceil, pi, sqrt

import numpy as np
from scipy.special import erfc
from torch import Tensor, cos, erf, exp

from pinn.basis.errors import require
from pinn.domains import Box, Time
from pinn.problem import Problem
from pinn.problems._fourier import SpaceTimeTable, dealiased, etdrk4
from pinn.terms import Initial, Interior, Periodic

INSTANT = 1e-16  # added to t: rounds the seam's corner over 1e-10, which keeps derivatives finite there at t = 0


class AllenCahn(Problem):
    """Allen-Cahn equation  u_t = nu u_xx + rho (u - u^3)  for x in [-1, 1], t in [0, 1].

    Conditions  u(x, 0) = x^2 cos(pi x),  u periodic in x; the initial slope jumps by 4 at the seam x = -1, 1.
    diffusivity: nu (dimensionless), > 0, <= 0.005, for which one side of the seam feels the other alone; 1e-4 in the
    benchmark. rate: rho (dimensionless), > 0; 5 in the benchmark.
    Reference: the heat equation's solution in closed form, plus the difference to it by a Fourier pseudo-spectral
    method that is exact in the diffusion, of order 4 in time (see `_fourier`).
    Source: Raissi, Perdikaris & Karniadakis 2019, doi:10.1016/j.jcp.2018.10.045.
    The ansatz  u = R_t(H_t + t N(x, t))  meets the initial data exactly, the embedding of x the period. H_t is the
    initial data with the corner at the seam spread by diffusion, so that it is smooth there for t > 0: the corner of
    u(x, 0) + t N would never leave. R_t(y) solves u_t = rho (u - u^3) from u = y; N = 0 is thus one step of Lie
    splitting, 7e-3 from the solution, and N, unlike u, has no layers of the interfaces' width sqrt(nu / rho).
    """

    def __init__(self, diffusivity: float = 1e-4, rate: float = 5.0) -> None:
        require(0 < diffusivity <= 5e-3, f"diffusivity must be > 0 and <= 0.005, got {diffusivity}")
        require(0 < rate < float("inf"), f"rate must be > 0 and finite, got {rate}")
        self.diffusivity = diffusivity
        self.rate = rate
        self.domain = Box(x=(-1, 1)) * Time(t=(0, 1))
        self.fields = ("u",)

    def terms(self):
        return {
            "equation": Interior(self.equation),
            "seam": Periodic("x", ("u", "u_x"), harmonics=2),
            "start": Initial(u=lambda x: x**2 * cos(pi * x)),
        }

    def equation(self, u: Tensor, u_t: Tensor, u_xx: Tensor) -> Tensor:
        return u_t - self.diffusivity * u_xx - self.rate * (u - u**3)

    def ansatz(self, x, t, u):
        return {"u": self.reacted(self.diffused(x, t) + t * u, t)}

    def reacted(self, y, t):
        """R_t(y)."""
        return y / (y**2 + (1 - y**2) * exp(-2 * self.rate * t)) ** 0.5

    def diffused(self, x, t):
        """H_t: near the seam, at the distance s from it, u(x, 0) = (2 |s| - 1 - s^2) cos(pi s); |s| is spread."""
        width = (4 * self.diffusivity * (t + INSTANT)) ** 0.5
        excess = spread(1 - x, width) + spread(1 + x, width)
        return (x**2 - 2 * excess) * cos(pi * x)

    def reference(self, x: np.ndarray, t: np.ndarray, refinement: float = 1.0) -> np.ndarray:
        modes = 64 * ceil(refinement * (3 + sqrt(self.rate / self.diffusivity) / 18))  # 1024 for the benchmark
        steps = 500 * ceil(refinement * self.rate / 2.5)  # 1000
        return heat(x, t, self.diffusivity) + difference(self.diffusivity, self.rate, modes, steps)(x, t)


def spread(s, width):
    """|s| after diffusion, less s: width ierfc(s / width), with width = sqrt(4 nu t) (Carslaw & Jaeger 1959)."""
    z = s / width
    return width * exp(-(z**2)) / pi**0.5 - s * (1 - erf(z))


def heat(x: np.ndarray, t: np.ndarray, nu: float) -> np.ndarray:
    """The periodic solution of u_t = nu u_xx from x^2 cos(pi x); images but the nearest are below e^-50."""
    shift, width = 2j * pi * nu * t, np.sqrt(4 * nu * np.maximum(t, INSTANT**2))
    z = (np.abs(x) - 1 + shift) / width
    corner = width * (z * erfc(-z) + np.exp(-(z**2)) / pi**0.5)
    wave = np.exp(1j * pi * np.abs(x) - pi**2 * nu * t)
    return (((np.abs(x) + shift) ** 2 + 2 * nu * t - 2 * corner) * wave).real


@lru_cache(maxsize=4)
def difference(nu: float, rate: float, modes: int, steps: int) -> SpaceTimeTable:
    """u less `heat`, by `modes` pairs of Fourier modes and `steps` steps, a multiple of 500."""
    j, k = np.arange(modes + 1), pi * np.arange(modes + 1)
    start = 0.5 * (-1.0) ** j * (moment(j - 1) + moment(j + 1))
    coefficients = etdrk4(
        start.astype(complex),
        rate - nu * k**2,
        lambda c: -rate * dealiased(lambda u: u**3, c, degree=3),
        duration=1.0,
        steps=steps,
        snapshots=500,
    )
    diffused = start * np.exp(-nu * k**2 * np.linspace(0.0, 1.0, 501)[:, None])
    return SpaceTimeTable(coefficients - diffused, (-1.0, 1.0), 1.0, oversampling=2)


def moment(m: np.ndarray) -> np.ndarray:
    """The integral of x^2 cos(m pi x) over [0, 1] for integers m."""
    return np.where(m == 0, 1 / 3, 2 * (-1.0) ** m / (pi * np.where(m == 0, 1, m)) ** 2)
