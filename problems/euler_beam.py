"""Euler-Bernoulli beam."""

from math import isfinite

from torch import Tensor

from pinn.basis.errors import require
from pinn.domains import Box
from pinn.problem import Problem
from pinn.terms import Boundary, Dirichlet, Interior


class EulerBeam(Problem):
    """Cantilever by Euler and Bernoulli  u_xxxx + q = 0  for x in [0, 1].

    Conditions  u(0) = u'(0) = 0 (clamped),  u''(1) = u'''(1) = 0 (free: no moment, no shear force).
    load: q, downward load over bending stiffness (dimensionless), finite; the benchmark's is 1.
    Exact: u = q (-x^4/24 + x^3/6 - x^2/4).
    Source: Lu et al. 2021, doi:10.1137/19M1274067, the package's example of the Euler beam.
    The ansatz  u = x^2 N(x)  meets the clamped end exactly; the free end stays a residual.
    """

    def __init__(self, load: float = 1.0) -> None:
        require(isfinite(load), f"load must be finite, got {load}")
        self.load = load
        self.domain = Box(x=(0, 1))
        self.fields = ("u",)

    def terms(self):
        return {
            "equation": Interior(self.equation),
            "clamp": Dirichlet(u=0.0, u_x=0.0, on="x.min"),
            "moment": Boundary(lambda u_xx: u_xx, on="x.max"),
            "shear": Boundary(lambda u_xxx: u_xxx, on="x.max"),
        }

    def equation(self, u_xxxx: Tensor) -> Tensor:
        return u_xxxx + self.load

    def ansatz(self, x, u):
        return {"u": x**2 * u}

    def exact(self, x: Tensor) -> Tensor:
        return self.load * (-(x**4) / 24 + x**3 / 6 - x**2 / 4)
