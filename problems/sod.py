"""Sod's shock tube."""

import numpy as np
from scipy.optimize import brentq
from torch import Tensor, where

from pinn.basis.errors import require
from pinn.domains import Box, Time
from pinn.problem import Problem, derived
from pinn.terms import Conservation, Dirichlet, Initial

LEFT, RIGHT = (1.0, 1.0), (0.125, 0.1)  # density and pressure on both sides of x = 0.5; the gas is at rest


class Sod(Problem):
    """Euler's equations of a gas  rho_t + m_x = 0,  m_t + (m u + p)_x = 0,  E_t + (u (E + p))_x = 0  for x in [0, 1].

    With m = rho u and E = p / (gamma - 1) + rho u^2 / 2, t in [0, 0.2].
    Conditions  (rho, u, p) = (1, 0, 1) for x < 1/2 and (0.125, 0, 0.1) for x > 1/2 at the start, and at the sides at
    all times: a rarefaction, a contact discontinuity and a shock.
    gamma: ratio of the specific heats (dimensionless), > 1. Reference: the Riemann problem's exact solution by Toro
    2009 (doi:10.1007/b79761), chapter 4.
    Source: Sod 1978, doi:10.1016/0021-9991(78)90023-2.
    """

    def __init__(self, gamma: float = 1.4) -> None:
        require(1 < gamma < float("inf"), f"gamma must be > 1 and finite, got {gamma}; that of air is 1.4")
        self.gamma = gamma
        self.domain = Box(x=(0, 1)) * Time(t=(0, 0.2))
        self.fields = ("rho", "u", "p")

    def terms(self):
        (rho_left, p_left), (rho_right, p_right) = LEFT, RIGHT
        return {
            "mass": Conservation("rho", x="m"),
            "momentum": Conservation("m", x="momentum_flux"),
            "energy": Conservation("E", x="energy_flux"),
            "left": Dirichlet(rho=rho_left, u=0.0, p=p_left, on="x.min"),
            "right": Dirichlet(rho=rho_right, u=0.0, p=p_right, on="x.max"),
            "start": Initial(
                rho=lambda x: where(x < 0.5, rho_left, rho_right),
                u=0.0,
                p=lambda x: where(x < 0.5, p_left, p_right),
            ),
        }

    @derived
    def m(self, rho: Tensor, u: Tensor) -> Tensor:
        return rho * u

    @derived
    def E(self, rho: Tensor, u: Tensor, p: Tensor) -> Tensor:
        return p / (self.gamma - 1) + 0.5 * rho * u**2

    @derived
    def momentum_flux(self, m: Tensor, u: Tensor, p: Tensor) -> Tensor:
        return m * u + p

    @derived
    def energy_flux(self, u: Tensor, E: Tensor, p: Tensor) -> Tensor:
        return u * (E + p)

    def reference(self, x: np.ndarray, t: np.ndarray) -> dict[str, np.ndarray]:
        g, (rho_left, p_left), (rho_right, p_right) = self.gamma, LEFT, RIGHT
        k, c_left, c_right = (g - 1) / (g + 1), (g * p_left / rho_left) ** 0.5, (g * p_right / rho_right) ** 0.5

        def behind_fan(p):
            return 2 * c_left / (g - 1) * (1 - (p / p_left) ** ((g - 1) / (2 * g)))

        def behind_shock(p):
            return (p - p_right) * (2 / ((g + 1) * rho_right * (p + k * p_right))) ** 0.5

        p = brentq(lambda p: behind_fan(p) - behind_shock(p), p_right, p_left, xtol=1e-15)
        u, ratio = behind_fan(p), p / p_right
        shock = c_right * ((g + 1) / (2 * g) * ratio + (g - 1) / (2 * g)) ** 0.5
        rho_fan, rho_shock = rho_left * (p / p_left) ** (1 / g), rho_right * (ratio + k) / (k * ratio + 1)
        speed = (x - 0.5) / np.maximum(t, 1e-300)
        in_fan = np.clip(speed, -c_left, u - (g * p / rho_fan) ** 0.5)
        c = 2 / (g + 1) * c_left - k * in_fan  # of sound, in the fan
        rho = np.where(
            speed < u, rho_left * (c / c_left) ** (2 / (g - 1)), np.where(speed < shock, rho_shock, rho_right)
        )
        pressure = np.where(speed < shock, p_left * (c / c_left) ** (2 * g / (g - 1)), p_right)
        return {"rho": rho, "u": np.where(speed < shock, 2 / (g - 1) * (c_left - c), 0.0), "p": pressure}
