"""The pressure of a flow from what is seen of its velocity."""

from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from pinn.basis.errors import require
from pinn.problem import Problem
from pinn.problems.kovasznay import Kovasznay
from pinn.terms import Data, Interior


class PressureFromVelocity(Problem):
    """Steady flow  u u_x + v u_y + p_x = lap u / Re,  u v_x + v v_y + p_y = lap v / Re,  u_x + v_y = 0, u and v seen.

    On [-0.5, 1] x [-0.5, 1.5].  Conditions  none: u and v with noise at `count` random places stand for them; p is
    never seen, and known up to a constant, without which errors are measured.
    reynolds: Re (dimensionless), > 0. noise: standard deviation of u and v, > 0, which are about one. seed: of places
    and noise, >= 0.
    Exact: Kovasznay's, as of `kovasznay`.
    Source: Raissi, Yazdani & Karniadakis 2020, doi:10.1126/science.aaw4741, for the question.
    """

    defined_up_to_constant: ClassVar[tuple[str, ...]] = ("p",)

    def __init__(self, reynolds: float = 40.0, *, noise: float = 0.02, count: int = 500, seed: int = 0) -> None:
        require(count >= 1, f"count must be >= 1, got {count}")
        self.flow, self.noise = Kovasznay(reynolds), noise
        self.domain, self.fields = self.flow.domain, self.flow.fields
        generator = np.random.default_rng(seed)
        self.places = {name: generator.uniform(*bounds, count) for name, bounds in self.domain.bounds.items()}
        true = self.exact(**{name: torch.as_tensor(at) for name, at in self.places.items()})
        self.seen = {name: true[name].numpy() + generator.normal(0, noise, count) for name in ("u", "v")}

    def terms(self):
        return {
            "momentum_x": Interior(self.flow.momentum_x),
            "momentum_y": Interior(self.flow.momentum_y),
            "mass": Interior(lambda u_x, v_y: u_x + v_y),
            "seen": Data(at=self.places, noise=self.noise, **self.seen),
        }

    def exact(self, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        return self.flow.exact(x, y)
