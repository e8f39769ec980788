"""The conductivity of a plate, a function of the place, from noisy temperatures."""

from math import pi

import numpy as np
import torch
from torch import Tensor, cos, sin

from pinn.basis.errors import require
from pinn.domains import Box
from pinn.problem import Problem
from pinn.terms import Data, Dirichlet, Interior, Smoothness


class PoissonInverse(Problem):
    """Steady conduction  a (u_xx + u_yy) + a_x u_x + a_y u_y + f = 0  for x, y in [0, 1], a unknown.

    Conditions  a smooth, and known on the four sides; of u what is seen with noise at `count` x `count` places.
    noise: standard deviation of what is seen, > 0, count: >= 2; 0.1 and 50 in the benchmark. seed: of the noise, >= 0.
    Exact: u = sin(pi x) sin(pi y),  a = 1 / (1 + x^2 + y^2 + (x - 1)^2 + (y - 1)^2),  which give f.
    Source: Hao et al. 2023, PINNacle, arXiv 2306.08827, PInv, with the f of its a and u: its own has a wrong sign.
    """

    def __init__(self, *, noise: float = 0.1, count: int = 50, seed: int = 0) -> None:
        require(count >= 2, f"count must be >= 2, got {count}")
        self.noise = noise
        self.domain, self.fields = Box(x=(0, 1), y=(0, 1)), ("u", "a")
        line = np.linspace(0, 1, count)
        x, y = (places.ravel() for places in np.meshgrid(line, line))
        self.places = {"x": x, "y": y}
        true = self.exact(torch.as_tensor(x), torch.as_tensor(y))["u"].numpy()
        self.values = true + np.random.default_rng(seed).normal(0, noise, len(x))

    def terms(self):
        return {
            "equation": Interior(self.equation),
            "sides": Dirichlet(a=self.conductivity, on=self.domain.sides),
            "seen": Data(at=self.places, u=self.values, noise=self.noise),
            "smooth": Smoothness("a"),
        }

    def equation(
        self, x: Tensor, y: Tensor, u_x: Tensor, u_y: Tensor, a: Tensor, a_x: Tensor, a_y: Tensor, laplacian_u: Tensor
    ) -> Tensor:
        return a * laplacian_u + a_x * u_x + a_y * u_y + self.source(x, y)

    def source(self, x, y):
        a = self.conductivity(x, y)
        slopes = (2 * x - 1) * cos(pi * x) * sin(pi * y) + (2 * y - 1) * sin(pi * x) * cos(pi * y)
        return 2 * pi**2 * a * sin(pi * x) * sin(pi * y) + 2 * pi * a**2 * slopes

    def conductivity(self, x, y):
        return 1 / (1 + x**2 + y**2 + (x - 1) ** 2 + (y - 1) ** 2)

    def exact(self, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        return {"u": sin(pi * x) * sin(pi * y), "a": self.conductivity(x, y)}
