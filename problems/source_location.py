"""Where a source is, and how strong, from what sensors see of its field."""

from math import pi

import numpy as np
from torch import Tensor, exp

from pinn.basis.errors import require
from pinn.domains import Box
from pinn.problem import Problem
from pinn.terms import Data, Dirichlet, Interior, Unknown

WAVES = 40  # a side, of the reference


class SourceLocation(Problem):
    """Diffusion from a source  -lap u = q exp(-((x - a)^2 + (y - b)^2) / (2 w^2))  on [0, 1] x [0, 1], where?

    Conditions  u = 0 on the four sides.  Unknowns  a and b in (0, 1),  q > 0, from `count` sensors at random places.
    place: (a, b), at least 0.3 from the sides, strength: q > 0, of the data. width: w, in [0.03, 0.06]. noise: standard
    deviation of what sensors see, > 0; u is up to 0.05 there. seed: of places and noise, >= 0. All dimensionless.
    Reference: a series of 40 x 40 sines, in which the source's coefficients are known to 1e-6.
    Source: El Badia & Ha-Duong 2000, doi:10.1088/0266-5611/16/3/308, for a point's.
    """

    def __init__(
        self,
        place: tuple[float, float] = (0.65, 0.4),
        strength: float = 20.0,
        *,
        width: float = 0.06,
        noise: float = 0.002,
        count: int = 40,
        seed: int = 0,
    ) -> None:
        inside = all(0.3 <= coordinate <= 0.7 for coordinate in place)
        require(inside, f"place must be two numbers in [0.3, 0.7], got {place}")
        require(0.03 <= width <= 0.06, f"width must be in [0.03, 0.06], got {width}")
        require(0 < strength < float("inf"), f"strength must be > 0 and finite, got {strength}")
        require(count >= 1, f"count must be >= 1, got {count}")
        self.place, self.strength, self.width, self.noise = tuple(place), strength, width, noise
        self.domain, self.fields = Box(x=(0, 1), y=(0, 1)), ("u",)
        inside_box = {"a": Unknown(0.5, bounds=(0, 1)), "b": Unknown(0.5, bounds=(0, 1))}
        self.unknowns = inside_box | {"q": Unknown(10.0, positive=True)}
        generator = np.random.default_rng(seed)
        x, y = generator.uniform(0, 1, (2, count))
        self.places = {"x": x, "y": y}
        self.values = self.reference(x, y) + generator.normal(0, noise, count)

    def terms(self):
        return {
            "equation": Interior(self.equation),
            "sides": Dirichlet(u=0.0, on=self.domain.sides),
            "seen": Data(at=self.places, u=self.values, noise=self.noise),
        }

    def equation(self, x: Tensor, y: Tensor, laplacian_u: Tensor, a: Tensor, b: Tensor, q: Tensor) -> Tensor:
        return laplacian_u + q * exp(-((x - a) ** 2 + (y - b) ** 2) / (2 * self.width**2))

    def reference(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        k = pi * np.arange(1, WAVES + 1)
        of_line = 2 * self.width * (2 * pi) ** 0.5 * np.exp(-((k * self.width) ** 2) / 2)
        in_x, in_y = (of_line * np.sin(k * at) for at in self.place)
        coefficients = self.strength * np.outer(in_x, in_y) / (k[:, None] ** 2 + k**2)
        return np.einsum("nk,kl,nl->n", np.sin(np.outer(x, k)), coefficients, np.sin(np.outer(y, k)))
