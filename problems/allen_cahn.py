"""Allen-Cahn equation."""

from functools import lru_cache
from math import pi

import numpy as np
from scipy.special import erfc
from torch import Tensor, cos, erf, exp, sqrt

from pinn.domains import Box, Time
from pinn.errors import require
from pinn.problem import Problem
from pinn.problems._fourier import SpaceTimeTable, dealiased, etdrk4
from pinn.terms import Initial, Interior, Periodic


class AllenCahn(Problem):
    """Allen-Cahn equation  u_t = nu u_xx + rho (u - u^3)  for x in [-1, 1], t in [0, 1].

    Conditions  u(x, 0) = x^2 cos(pi x),  u periodic in x.
    """

    def __init__(self, diffusivity: float = 1e-4, rate: float = 5.0) -> None:
        for name, value in (("diffusivity", diffusivity), ("rate", rate)):
            require(0 < value < float("inf"), f"{name} must be > 0 and finite, got {value}")
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

    def diffused(self, x, t):
        length = sqrt(4 * self.diffusivity * (t + TINY))
        excess = 0
        for s in (1 - x, 1 + x):
            z = s / length
            excess = excess + length * exp(-(z**2)) / sqrt_pi - s * (1 - erf(z))
        return (x**2 - 2 * excess) * cos(pi * x)

    def reacted(self, y, t):
        return y / sqrt(y**2 + (1 - y**2) * exp(-2 * self.rate * t))

    def reference(self, x: np.ndarray, t: np.ndarray, modes: int = 1024, steps: int = 1000) -> np.ndarray:
        return heat(x, t, self.diffusivity) + remainder(self.diffusivity, self.rate, modes, steps)(x, t)


TINY = 2e-21
sqrt_pi = pi**0.5


def heat(x: np.ndarray, t: np.ndarray, nu: float) -> np.ndarray:
    """The solution of u_t = nu u_xx with the same initial data, in closed form."""
    x, shift = np.abs(x), 2j * pi * nu * t
    width = np.sqrt(4 * nu * np.maximum(t, 1e-30))
    z = (x - 1 + shift) / width
    kink = width * (z * erfc(-z) / 2 + np.exp(-(z**2)) / (2 * sqrt_pi))
    return (((x + shift) ** 2 + 2 * nu * t - 4 * kink) * np.exp(1j * pi * x - pi**2 * nu * t)).real


@lru_cache(maxsize=4)
def remainder(nu: float, rate: float, modes: int, steps: int) -> SpaceTimeTable:
    j = np.arange(modes + 1)
    k = pi * j
    c = 0.5 * (_moment(j + 1) + _moment(j - 1)) * (-1.0) ** j
    coefficients = etdrk4(
        c + 0j,
        rate - nu * k**2,
        lambda c: -rate * dealiased(lambda u: u**3, c, degree=3),
        duration=1.0,
        steps=steps,
        snapshots=500,
    )
    t = np.linspace(0, 1, 501)[:, None]
    return SpaceTimeTable(coefficients - c * np.exp(-nu * k**2 * t), (-1.0, 1.0), 1.0, oversampling=2)


def _moment(m):
    """The integral of x^2 cos(m pi x) over [0, 1]."""
    return np.where(m == 0, 1 / 3, 2 * (-1.0) ** m / (pi * np.where(m == 0, 1, m)) ** 2)
