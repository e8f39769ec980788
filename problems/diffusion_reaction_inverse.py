"""The reaction rate of a medium, a function of the place, from what is seen of the concentration."""

from functools import cached_property

import numpy as np
import torch
from scipy.integrate import solve_bvp
from torch import Tensor

from pinn.basis.errors import require
from pinn.domains import Box
from pinn.problem import Problem
from pinn.terms import Data, Dirichlet, Interior


class DiffusionReactionInverse(Problem):
    """Diffusion and reaction  D u_xx - k(x) u = sin(2 pi x)  on [0, 1], the function k unknown, u seen with noise.

    Conditions  u(0) = u(1) = 0,  k known at both ends.  k and u are fields, from `count` places.
    diffusivity: D (dimensionless), > 0; 0.01 in the benchmark. noise: standard deviation of what is seen, > 0.
    seed: of the noise, >= 0.
    Reference: k = 0.1 + exp(-(x - 1/2)^2 / (2 0.15^2)), and u for it by collocation of order 4 (scipy's solve_bvp).
    Source: Yu, Lu, Meng & Karniadakis 2022, arXiv 2111.02801, section 3.3, from 8 places without noise.
    """

    def __init__(self, diffusivity: float = 0.01, *, noise: float = 0.005, count: int = 100, seed: int = 0) -> None:
        require(0 < diffusivity < float("inf"), f"diffusivity must be > 0 and finite, got {diffusivity}")
        require(count >= 1, f"count must be >= 1, got {count}")
        self.diffusivity, self.noise = diffusivity, noise
        self.domain, self.fields = Box(x=(0, 1)), ("u", "k")
        self.places = np.linspace(0, 1, count + 2)[1:-1]
        self.values = self.reference(self.places)["u"] + np.random.default_rng(seed).normal(0, noise, count)

    def terms(self):
        return {
            "equation": Interior(self.equation),
            "ends": Dirichlet(u=0.0, k=lambda x: rate(x), on=("x.min", "x.max")),
            "seen": Data(at={"x": self.places}, u=self.values, noise=self.noise),
        }

    def equation(self, x: Tensor, u: Tensor, u_xx: Tensor, k: Tensor) -> Tensor:
        return self.diffusivity * u_xx - k * u - torch.sin(2 * torch.pi * x)

    @cached_property
    def _concentration(self):
        def rates(x: np.ndarray, u: np.ndarray) -> np.ndarray:
            k = rate(torch.as_tensor(x)).numpy()
            return np.stack([u[1], (k * u[0] + np.sin(2 * np.pi * x)) / self.diffusivity])

        x = np.linspace(0, 1, 201)
        ends = lambda left, right: np.array([left[0], right[0]])  # noqa: E731
        return solve_bvp(rates, ends, x, np.zeros((2, 201)), tol=1e-9, max_nodes=100_000).sol

    def reference(self, x: np.ndarray) -> dict[str, np.ndarray]:
        return {"u": self._concentration(x)[0], "k": rate(torch.as_tensor(x)).numpy()}


def rate(x: Tensor) -> Tensor:
    """k at places x."""
    return 0.1 + torch.exp(-0.5 * ((x - 0.5) / 0.15) ** 2)
