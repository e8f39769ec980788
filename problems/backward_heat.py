"""What a rod's temperature was at first, from what is seen of it later."""

from math import pi

import numpy as np
import torch
from torch import Tensor, exp, sin

from pinn.basis.errors import require
from pinn.domains import Box, Time
from pinn.problem import Problem
from pinn.terms import Data, Dirichlet, Interior, Smoothness


class BackwardHeat(Problem):
    """Heat equation  u_t = kappa u_xx  for x in [0, 1], t in [0, 1], seen with noise for t >= s: what was u(x, 0)?

    Conditions  u(0, t) = u(1, t) = 0, and u is smooth;  none at the start, which is asked for. Of its wave sin(k pi x)
    a share exp(-kappa k^2 pi^2 s) is left to be seen: short ones are lost in the noise, and the band is wide there.
    diffusivity: kappa (dimensionless), > 0. since: s, in (0, 1). noise: standard deviation of what is seen, > 0.
    count: random places and times that are seen, >= 1. seed: of these and the noise, >= 0.
    Exact: u = exp(-kappa pi^2 t) sin(pi x) + exp(-9 kappa pi^2 t) sin(3 pi x) / 2.
    Source: Engl, Hanke & Neubauer 1996, Regularization of Inverse Problems, doi:10.1007/978-94-009-1740-8, section 1.3.
    """

    def __init__(
        self, diffusivity: float = 0.05, *, since: float = 0.3, noise: float = 0.01, count: int = 300, seed: int = 0
    ) -> None:
        require(0 < diffusivity < float("inf"), f"diffusivity must be > 0 and finite, got {diffusivity}")
        require(0 < since < 1, f"since must be in (0, 1), got {since}")
        require(count >= 1, f"count must be >= 1, got {count}")
        self.diffusivity, self.noise = diffusivity, noise
        self.domain, self.fields = Box(x=(0, 1)) * Time(t=(0, 1)), ("u",)
        generator = np.random.default_rng(seed)
        self.places = {"x": generator.uniform(0, 1, count), "t": generator.uniform(since, 1, count)}
        true = self.exact(**{name: torch.as_tensor(at) for name, at in self.places.items()}).numpy()
        self.values = true + generator.normal(0, noise, count)

    def terms(self):
        return {
            "equation": Interior(self.equation),
            "walls": Dirichlet(u=0.0, on=("x.min", "x.max")),
            "seen": Data(at=self.places, u=self.values, noise=self.noise),
            "smooth": Smoothness("u"),
        }

    def equation(self, u_t: Tensor, u_xx: Tensor) -> Tensor:
        return u_t - self.diffusivity * u_xx

    def exact(self, x: Tensor, t: Tensor) -> Tensor:
        rate = self.diffusivity * pi**2
        return exp(-rate * t) * sin(pi * x) + 0.5 * exp(-9 * rate * t) * sin(3 * pi * x)
