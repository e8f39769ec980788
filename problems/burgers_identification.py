"""Burgers' equation identified from scattered values of its solution."""

from math import pi

import numpy as np
from torch import Tensor

from pinn.basis.errors import require
from pinn.domains import Box, Time
from pinn.problem import Problem
from pinn.problems.burgers import Burgers
from pinn.terms import Data, Interior, Unknown


class BurgersIdentification(Problem):
    """Burgers equation  u_t + l1 u u_x - l2 u_xx = 0  for x in [-1, 1], t in [0, 1], l1 and l2 unknown.

    Conditions  none: the values of u at `count` random places stand for them.  Unknowns  l1,  l2 > 0.
    viscosity: l2 of the data (dimensionless), > 0; 0.01/pi in the benchmark; their l1 is 1. noise: standard deviation
    of what is seen over that of u, >= 0; 0, 0.01, 0.05 or 0.1. count: 2,000 there. seed: of places and noise, >= 0.
    Reference: the Cole-Hopf solution of `burgers`, which starts at -sin(pi x).
    Source: Raissi, Perdikaris & Karniadakis 2019, doi:10.1016/j.jcp.2018.10.045, section 4.1 and table B.
    """

    def __init__(self, viscosity: float = 0.01 / pi, *, noise: float = 0.01, count: int = 2000, seed: int = 0) -> None:
        require(0 <= noise < float("inf"), f"noise must be >= 0 and finite, got {noise}")
        require(count >= 1, f"count must be >= 1, got {count}")
        self.burgers = Burgers(viscosity)
        self.domain, self.fields = Box(x=(-1, 1)) * Time(t=(0, 1)), ("u",)
        self.unknowns = {"l1": 0.0, "l2": Unknown(np.exp(-6.0), scale="log")}
        generator = np.random.default_rng(seed)
        self.places = {"x": generator.uniform(-1, 1, count), "t": generator.uniform(0, 1, count)}
        true = self.reference(**self.places)
        self.noise = noise * float(true.std())
        self.values = true + generator.normal(0, self.noise, count)

    def terms(self):
        told = {"noise": self.noise} if self.noise > 0 else {}
        return {"equation": Interior(self.equation), "seen": Data(at=self.places, u=self.values, **told)}

    def equation(self, u: Tensor, u_t: Tensor, u_x: Tensor, u_xx: Tensor, l1: Tensor, l2: Tensor) -> Tensor:
        return u_t + l1 * u * u_x - l2 * u_xx

    def reference(self, x: np.ndarray, t: np.ndarray) -> np.ndarray:
        return self.burgers.reference(x, t)
