"""The conductivity of a plate, a function of the place, from noisy temperatures in time."""

from math import pi

import numpy as np
import torch
from torch import Tensor, cos, exp, sin

from pinn.basis.errors import require
from pinn.domains import Box, Time
from pinn.problem import Problem
from pinn.terms import Data, Dirichlet, Interior, Smoothness


class HeatInverse(Problem):
    """Conduction  u_t = a (u_xx + u_yy) + a_x u_x + a_y u_y + f  for x, y in [-1, 1], t in [0, 1], a(x, y) unknown.

    Conditions  a smooth and known on the four sides; of u what is seen with noise at `count` random places and times.
    noise: standard deviation of what is seen, > 0, count: >= 1; 0.1 and 2,500 in the benchmark. seed: of places and
    noise, >= 0.
    Exact: u = e^-t sin(pi x) sin(pi y),  a = 2 + sin(pi x) sin(pi y),  which give f.
    Source: Hao et al. 2023, PINNacle, arXiv 2306.08827, HInv.
    """

    def __init__(self, *, noise: float = 0.1, count: int = 2500, seed: int = 0) -> None:
        require(count >= 1, f"count must be >= 1, got {count}")
        self.noise = noise
        self.domain = Box(x=(-1, 1), y=(-1, 1)) * Time(t=(0, 1))
        self.fields = {"u": ("x", "y", "t"), "a": ("x", "y")}
        generator = np.random.default_rng(seed)
        x, y = generator.uniform(-1, 1, (2, count))
        self.places = {"x": x, "y": y, "t": generator.uniform(0, 1, count)}
        true = self.exact(**{name: torch.as_tensor(at) for name, at in self.places.items()})["u"].numpy()
        self.values = true + generator.normal(0, noise, count)

    def terms(self):
        return {
            "equation": Interior(self.equation),
            "sides": Dirichlet(a=self.conductivity, on=("x.min", "x.max", "y.min", "y.max")),
            "seen": Data(at=self.places, u=self.values, noise=self.noise),
            "smooth": Smoothness("a"),
        }

    def equation(
        self,
        x: Tensor,
        y: Tensor,
        t: Tensor,
        u_t: Tensor,
        u_x: Tensor,
        u_y: Tensor,
        a: Tensor,
        a_x: Tensor,
        a_y: Tensor,
        laplacian_u: Tensor,
    ) -> Tensor:
        return u_t - a * laplacian_u - a_x * u_x - a_y * u_y - self.source(x, y, t)

    def source(self, x, y, t):
        sx, sy, cx, cy = sin(pi * x), sin(pi * y), cos(pi * x), cos(pi * y)
        return exp(-t) * ((4 * pi**2 - 1) * sx * sy + pi**2 * (2 * sx**2 * sy**2 - cx**2 * sy**2 - sx**2 * cy**2))

    def conductivity(self, x, y):
        return 2 + sin(pi * x) * sin(pi * y)

    def exact(self, x: Tensor, y: Tensor, t: Tensor) -> dict[str, Tensor]:
        return {"u": exp(-t) * sin(pi * x) * sin(pi * y), "a": self.conductivity(x, y)}
