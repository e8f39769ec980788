"""Logistic reaction."""

from math import pi

from torch import Tensor, exp

from pinn.basis.errors import require
from pinn.diagnosis.bounds.declared import EvolutionBound
from pinn.domains import Box, Time
from pinn.problem import Problem
from pinn.terms import Initial, Interior


class Reaction(Problem):
    """Logistic reaction  u_t = rho u (1 - u)  for x in [0, 2 pi], t in [0, 1].

    Condition  u(x, 0) = exp(-(x - pi)^2 / (2 s^2));  none in x: the equation has no derivative in it.
    rate: rho (dimensionless), > 0; the benchmark's is 5. width: s (dimensionless), > 0; the benchmark's is pi/4.
    Exact: u = u_0 e^(rho t) / (1 - u_0 + u_0 e^(rho t)).
    Source: Krishnapriyan et al. 2021, arXiv 2109.01050, where u is periodic in x; its u_0 is not: the slope jumps
    by 3.4e-3 at the seam, which a periodic network would have to smooth.
    The ansatz  u = u_0(x) + t N(x, t)  meets the initial data exactly.
    """

    def __init__(self, rate: float = 5.0, width: float = pi / 4) -> None:
        for name, value in (("rate", rate), ("width", width)):
            require(0 < value < float("inf"), f"{name} must be > 0 and finite, got {value}")
        self.rate = rate
        self.width = width
        self.domain = Box(x=(0, 2 * pi)) * Time(t=(0, 1))
        self.fields = ("u",)

    def terms(self):
        return {
            "equation": Interior(self.equation),
            "start": Initial(u=self.start),
        }

    def equation(self, u: Tensor, u_t: Tensor) -> Tensor:
        return u_t - self.rate * u * (1 - u)

    def start(self, x):
        return exp(-0.5 * ((x - pi) / self.width) ** 2)

    def error_bound(self):
        return EvolutionBound(growth=self.growth, local=True)

    def growth(self, u: Tensor, x: Tensor) -> Tensor:
        """The slope of the reaction between the trained function and the solution, which is u_0 or more."""
        return self.rate * (1 - u - self.start(x))

    def ansatz(self, x, t, u):
        return {"u": self.start(x) + t * u}

    def exact(self, x: Tensor, t: Tensor) -> Tensor:
        start, growth = self.start(x), exp(self.rate * t)
        return start * growth / (1 - start + start * growth)
