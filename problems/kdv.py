"""Korteweg-de Vries equation."""

from functools import lru_cache
from math import ceil, pi

import numpy as np
from torch import Tensor, cos

from pinn.basis.errors import require
from pinn.domains import Box, Time
from pinn.problem import Problem
from pinn.problems._fourier import SpaceTimeTable, dealiased, etdrk4
from pinn.terms import Initial, Interior, Periodic


class KdV(Problem):
    """Korteweg-de Vries equation  u_t + u u_x + delta^2 u_xxx = 0  for x in [-1, 1], t in [0, 1].

    Conditions  u(x, 0) = cos(pi x),  u periodic in x.
    delta: dispersion length (dimensionless), > 0; the benchmark's is 0.022, for which the wave breaks into solitons.
    Reference: Fourier pseudo-spectral, exact in the dispersion, order 4 in time (see `_fourier`).
    Source: Zabusky & Kruskal 1965, doi:10.1103/PhysRevLett.15.240.
    The ansatz  u = cos(pi x) + t N(x, t)  meets the initial data exactly, the embedding of x the period.
    """

    name = "kdv"

    def __init__(self, delta: float = 0.022) -> None:
        require(0 < delta < float("inf"), f"delta must be > 0 and finite, got {delta}; the benchmark's is 0.022")
        self.delta = delta
        self.domain = Box(x=(-1, 1)) * Time(t=(0, 1))
        self.fields = ("u",)

    def terms(self):
        return {
            "equation": Interior(self.equation),
            "seam": Periodic("x", ("u", "u_x", "u_xx"), harmonics=2),
            "start": Initial(u=lambda x: cos(pi * x)),
        }

    def equation(self, u: Tensor, u_t: Tensor, u_x: Tensor, u_xxx: Tensor) -> Tensor:
        return u_t + u * u_x + self.delta**2 * u_xxx

    def ansatz(self, x, t, u):
        return {"u": cos(pi * x) + t * u}

    def reference(self, x: np.ndarray, t: np.ndarray, refinement: float = 1.0) -> np.ndarray:
        modes = 16 * ceil(refinement * 0.25 / self.delta)  # 192 for the benchmark
        steps = 1000 * ceil(refinement * 0.18 / self.delta)  # 9000
        return solution(self.delta, modes, steps)(x, t)


@lru_cache(maxsize=4)
def solution(delta: float, modes: int, steps: int) -> SpaceTimeTable:
    """The periodic solution by `modes` pairs of Fourier modes and `steps` steps, a multiple of 1000."""
    k = pi * np.arange(modes + 1)
    start = np.zeros(modes + 1, dtype=complex)
    start[1] = -0.5  # cos(pi x) = -cos(pi (x + 1))
    coefficients = etdrk4(
        start,
        1j * delta**2 * k**3,
        lambda c: -0.5j * k * dealiased(np.square, c, degree=2),
        duration=1.0,
        steps=steps,
        snapshots=1000,
    )
    return SpaceTimeTable(coefficients, (-1.0, 1.0), 1.0)
