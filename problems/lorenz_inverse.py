"""The Lorenz system identified from its motion."""

from functools import cached_property

import numpy as np
from scipy.integrate import solve_ivp
from torch import Tensor

from pinn.basis.errors import require
from pinn.domains import Time
from pinn.problem import Problem
from pinn.terms import Data, Initial, Interior, Unknown

DURATION, START = 3.0, (-8.0, 7.0, 27.0)


class LorenzInverse(Problem):
    """Lorenz system  x_t = s (y - x),  y_t = x (r - z) - y,  z_t = x y - b z  for t in [0, 3]; s, r and b unknown.

    Conditions  x(0) = -8,  y(0) = 7,  z(0) = 27.  Unknowns  s > 0,  r > 0,  b > 0, from `count` times at which all
    three are seen. prandtl, rayleigh, geometry: the s, r and b of the data (dimensionless), > 0. noise: standard
    deviation of what is seen, > 0. seed: of the noise, >= 0.
    Reference: Runge-Kutta of order 8 (DOP853) to a relative tolerance of 1e-12.
    Source: Lu, Meng, Mao & Karniadakis 2021, doi:10.1137/19M1274067, section 3.4: 10, 15 and 8/3 from 25 times.
    """

    def __init__(
        self,
        prandtl: float = 10.0,
        rayleigh: float = 15.0,
        geometry: float = 8 / 3,
        *,
        noise: float = 0.1,
        count: int = 25,
        seed: int = 0,
    ) -> None:
        for name, value in (("prandtl", prandtl), ("rayleigh", rayleigh), ("geometry", geometry)):
            require(0 < value < float("inf"), f"{name} must be > 0 and finite, got {value}")
        require(count >= 1, f"count must be >= 1, got {count}")
        self.prandtl, self.rayleigh, self.geometry, self.noise = prandtl, rayleigh, geometry, noise
        self.domain, self.fields = Time(t=(0, DURATION)), ("x", "y", "z")
        self.unknowns = {name: Unknown(1.0, positive=True) for name in ("s", "r", "b")}
        self.times = np.linspace(0, DURATION, count + 1)[1:]
        generator = np.random.default_rng(seed)
        self.seen = {name: v + generator.normal(0, noise, count) for name, v in self.reference(self.times).items()}

    def terms(self):
        return {
            "x": Interior(self.x_motion),
            "y": Interior(self.y_motion),
            "z": Interior(self.z_motion),
            "start": Initial(x=START[0], y=START[1], z=START[2]),
            "seen": Data(at={"t": self.times}, noise=self.noise, **self.seen),
        }

    def x_motion(self, x: Tensor, y: Tensor, x_t: Tensor, s: Tensor) -> Tensor:
        return x_t - s * (y - x)

    def y_motion(self, x: Tensor, y: Tensor, z: Tensor, y_t: Tensor, r: Tensor) -> Tensor:
        return y_t - x * (r - z) + y

    def z_motion(self, x: Tensor, y: Tensor, z: Tensor, z_t: Tensor, b: Tensor) -> Tensor:
        return z_t - x * y + b * z

    @cached_property
    def _motion(self):
        def rates(t: float, place: np.ndarray) -> list[float]:
            x, y, z = place
            return [self.prandtl * (y - x), x * (self.rayleigh - z) - y, x * y - self.geometry * z]

        return solve_ivp(rates, (0, DURATION), START, method="DOP853", rtol=1e-12, atol=1e-12, dense_output=True).sol

    def reference(self, t: np.ndarray) -> dict[str, np.ndarray]:
        x, y, z = self._motion(t)
        return {"x": x, "y": y, "z": z}
