"""How stiff a plate and a round inclusion in it are, from displacements that are seen with noise."""

import numpy as np
import torch
from torch import Tensor, where

from pinn.basis.errors import require
from pinn.domains import Box
from pinn.problem import Problem, derived
from pinn.terms import Boundary, Data, Interior, Unknown

PULL = 1.0  # strain far from the inclusion
BEFORE = 1.5  # first guess of both moduli


class InclusionModuli(Problem):
    """Plane stress  p_x + q_y = 0,  q_x + s_y = 0  on [-1, 1] x [-1, 1], E = E1 where r < R and E2 elsewhere, unknown.

    p = E (u_x + nu v_y) / (1 - nu^2),  s = E (v_y + nu u_x) / (1 - nu^2),  q = E (u_y + v_x) / (2 (1 + nu)).
    Conditions  the load on the four sides, as of the exact solution.  Unknowns  E1 > 0 and E2 > 0, from the
    displacements u and v at `count` random places.
    moduli: (E1, E2) of the data, > 0. radius: R, in (0, 1). poisson: nu, in (0, 0.5). noise: standard deviation of
    what is seen, > 0; u is up to one. seed: of places and noise, >= 0. All dimensionless.
    Exact: of a plate that is pulled alike from all sides, radial, A r inside and B r + C / r outside, B = 1.
    Source: of inclusions Eshelby 1957, doi:10.1098/rspa.1957.0133; of a tube already Lame 1852.
    """

    def __init__(
        self,
        moduli: tuple[float, float] = (3.0, 1.0),
        radius: float = 0.5,
        *,
        poisson: float = 0.3,
        noise: float = 0.01,
        count: int = 200,
        seed: int = 0,
    ) -> None:
        require(all(0 < E < float("inf") for E in moduli), f"moduli must be > 0 and finite, got {moduli}")
        require(0 < radius < 1, f"radius must be in (0, 1), got {radius}")
        require(0 < poisson < 0.5, f"poisson must be in (0, 0.5), got {poisson}")
        require(0 < noise < float("inf"), f"noise must be > 0 and finite, got {noise}")
        require(count >= 1, f"count must be >= 1, got {count}")
        self.moduli, self.radius, self.poisson, self.noise = tuple(moduli), radius, poisson, noise
        self.domain, self.fields = Box(x=(-1, 1), y=(-1, 1)), ("u", "v")
        self.unknowns = {name: Unknown(BEFORE, positive=True) for name in ("E1", "E2")}
        generator = np.random.default_rng(seed)
        x, y = torch.as_tensor(generator.uniform(-1, 1, (2, count)))
        self.places = {"x": x.numpy(), "y": y.numpy()}
        true = self.exact(x, y)
        self.seen = {name: true[name].numpy() + generator.normal(0, noise, count) for name in self.fields}

    def terms(self):
        sides = self.domain.sides
        return {
            "along x": Interior(lambda p_x, q_y: p_x + q_y),
            "along y": Interior(lambda q_x, s_y: q_x + s_y),
            "load along x": Boundary(self.load_x, on=sides),
            "load along y": Boundary(self.load_y, on=sides),
            "seen": Data(at=self.places, noise=self.noise, **self.seen),
        }

    def stiffness(self, x: Tensor, y: Tensor, inside: Tensor, outside: Tensor) -> Tensor:
        return where(x**2 + y**2 < self.radius**2, inside, outside)

    @derived
    def p(self, x, y, E1, E2, u_x, v_y):
        return self.stiffness(x, y, E1, E2) * (u_x + self.poisson * v_y) / (1 - self.poisson**2)

    @derived
    def s(self, x, y, E1, E2, u_x, v_y):
        return self.stiffness(x, y, E1, E2) * (v_y + self.poisson * u_x) / (1 - self.poisson**2)

    @derived
    def q(self, x, y, E1, E2, u_y, v_x):
        return self.stiffness(x, y, E1, E2) * (u_y + v_x) / (2 * (1 + self.poisson))

    def load_x(self, x: Tensor, y: Tensor, p: Tensor, q: Tensor, normal_x: Tensor, normal_y: Tensor) -> Tensor:
        return p * normal_x + q * normal_y - self.load(x, y, normal_x, normal_y)[0]

    def load_y(self, x: Tensor, y: Tensor, q: Tensor, s: Tensor, normal_x: Tensor, normal_y: Tensor) -> Tensor:
        return q * normal_x + s * normal_y - self.load(x, y, normal_x, normal_y)[1]

    def load(self, x: Tensor, y: Tensor, normal_x: Tensor, normal_y: Tensor) -> tuple[Tensor, Tensor]:
        """On the sides: b n - 2 m C (2 (e n) e - n) / (2 r^2), e the radial direction."""
        E, square = self.moduli[1], x**2 + y**2
        even, odd = E / (1 - self.poisson) * PULL, E / (1 + self.poisson) * self._amplitudes[1] / square
        along = (x * normal_x + y * normal_y) / square
        return (even + odd) * normal_x - 2 * odd * along * x, (even + odd) * normal_y - 2 * odd * along * y

    @property
    def _amplitudes(self) -> tuple[float, float]:
        """A and C."""
        inside, outside = (E / (1 - self.poisson) for E in self.moduli)
        shear = self.moduli[1] / (1 + self.poisson)
        amplitude = PULL * (outside + shear) / (inside + shear)
        return amplitude, self.radius**2 * (amplitude - PULL)

    def exact(self, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        square, (amplitude, other) = x**2 + y**2, self._amplitudes
        inner = square < self.radius**2
        ratio = where(inner, amplitude, PULL + other / where(inner, self.radius**2, square))
        return {"u": ratio * x, "v": ratio * y}
