"""The heat equation in a ball of many dimensions."""

from math import sqrt

from torch import Tensor, exp

from pinn.basis.errors import require
from pinn.derivatives.stacked import stacked
from pinn.domains import Ball, Time
from pinn.problem import Problem
from pinn.terms import Dirichlet, Initial, Interior


class Heat10D(Problem):
    """Heat equation  u_t = kappa lap u  on the unit ball of d dimensions, t in [0, 1]: a warm spot spreads.

    Conditions  u as in the exact solution on the sphere and at t = 0.
    dimension: d, >= 2, 10 by default. diffusivity: kappa, > 0; width: w, > 0, of the spot; dimensionless.
    Exact: the heat kernel  u = (w^2 / s)^(d/2) exp(-|x - c|^2 / s),  s = w^2 + 4 kappa t,  with its center c off the
    ball's, c_i = 1 / (2 sqrt(d)).
    Its values on the sphere are written with |x| = 1: as they stand they are not the solution inside.
    Source: Evans 2010, Partial Differential Equations, doi:10.1090/gsm/019, section 2.3.1.
    """

    def __init__(self, dimension: int = 10, diffusivity: float = 0.05, width: float = 1.0) -> None:
        require(dimension >= 2, f"dimension must be >= 2, got {dimension}")
        require(0 < diffusivity < float("inf"), f"diffusivity must be > 0 and finite, got {diffusivity}")
        require(0 < width < float("inf"), f"width must be > 0 and finite, got {width}")
        self.dimension, self.diffusivity, self.width = dimension, diffusivity, width
        self.center = 0.5 / sqrt(dimension)
        names = [f"x{i}" for i in range(1, dimension + 1)]
        self.domain = Ball([0.0] * dimension, coordinates=names, name="sphere") * Time(t=(0, 1))
        self.fields = ("u",)

    def terms(self):
        return {
            "equation": Interior(self.equation),
            "sphere": Dirichlet(u=self.rim, on="sphere"),
            "start": Initial(u=self.start),
        }

    def equation(self, u_t: Tensor, laplacian_u: Tensor) -> Tensor:
        return u_t - self.diffusivity * laplacian_u

    @stacked("x")
    def start(self, x: Tensor) -> Tensor:
        return exp(-((x - self.center) ** 2).sum(-1) / self.width**2)

    @stacked("x")
    def rim(self, x: Tensor, t: Tensor) -> Tensor:
        """The exact solution where |x| = 1."""
        return self._kernel(1 + 0.25 - 2 * self.center * x.sum(-1), t)

    @stacked("x")
    def exact(self, x: Tensor, t: Tensor) -> Tensor:
        return self._kernel(((x - self.center) ** 2).sum(-1), t)

    def _kernel(self, squared_distance: Tensor, t: Tensor) -> Tensor:
        s = self.width**2 + 4 * self.diffusivity * t
        return (self.width**2 / s) ** (self.dimension / 2) * exp(-squared_distance / s)
