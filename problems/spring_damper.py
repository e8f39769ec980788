"""A spring with a damper, identified from its swinging."""

import numpy as np
import torch
from torch import Tensor

from pinn.basis.errors import require
from pinn.domains import Time
from pinn.problem import Problem
from pinn.terms import Data, Initial, Interior, Unknown


class SpringDamper(Problem):
    """Spring with a damper  u_tt + c u_t + k u = 0  for t in [0, 6], c and k unknown, u seen with noise.

    Conditions  u(0) = 1,  u_t(0) = 0.  Unknowns  c > 0,  k > 0, from `count` places that are seen at random times.
    damping: the c of the data (per s), stiffness: their k (per s^2), with c^2 < 4 k. noise: standard deviation of what
    is seen, > 0. seed: of times and noise, >= 0.
    Exact: u = e^(-c t / 2) (cos(w t) + c / (2 w) sin(w t)),  w^2 = k - c^2 / 4, with the c and k of the data.
    Source: Raissi, Perdikaris & Karniadakis 2019, doi:10.1016/j.jcp.2018.10.045, section 4, for the method.
    """

    def __init__(
        self,
        damping: float = 0.4,
        stiffness: float = 4.0,
        *,
        noise: float = 0.02,
        count: int = 100,
        seed: int = 0,
    ) -> None:
        told = f"damping >= 0 and stiffness > damping^2 / 4 swing, got damping={damping}, stiffness={stiffness}"
        require(damping >= 0 and damping**2 < 4 * stiffness < float("inf"), told)
        require(count >= 1, f"count must be >= 1, got {count}")
        self.damping, self.stiffness, self.noise = damping, stiffness, noise
        self.domain, self.fields = Time(t=(0, 6)), ("u",)
        self.unknowns = {"c": Unknown(1.0, positive=True), "k": Unknown(1.0, positive=True)}
        generator = np.random.default_rng(seed)
        self.times = generator.uniform(0, 6, count)
        self.values = self.exact(torch.as_tensor(self.times)).numpy() + generator.normal(0, noise, count)

    def terms(self):
        return {
            "motion": Interior(self.motion),
            "start": Initial(u=1.0, u_t=0.0),
            "seen": Data(at={"t": self.times}, u=self.values, noise=self.noise),
        }

    def motion(self, u: Tensor, u_t: Tensor, u_tt: Tensor, c: Tensor, k: Tensor) -> Tensor:
        return u_tt + c * u_t + k * u

    def exact(self, t: Tensor) -> Tensor:
        rate = self.damping / 2
        w = (self.stiffness - rate**2) ** 0.5
        return torch.exp(-rate * t) * (torch.cos(w * t) + rate / w * torch.sin(w * t))
