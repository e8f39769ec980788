"""Linear convection."""

from math import isfinite, pi

from torch import Tensor, sin

from pinn.basis.errors import require
from pinn.diagnosis.bounds.declared import EvolutionBound
from pinn.domains import Box, Time
from pinn.problem import Problem
from pinn.terms import Initial, Interior, Periodic


class Convection(Problem):
    """Linear convection  u_t + beta u_x = 0  for x in [0, 2 pi], t in [0, 1].

    Conditions  u(x, 0) = sin x,  u periodic in x.
    speed: beta (dimensionless), finite; the benchmark's is 50.
    Exact: u = sin(x - beta t).
    Source: Krishnapriyan et al. 2021, arXiv 2109.01050.
    The ansatz  u = sin x + t N(x, t)  meets the initial data exactly, the embedding of x the period.
    """

    def __init__(self, speed: float = 50.0) -> None:
        require(isfinite(speed), f"speed must be finite, got {speed}")
        self.speed = speed
        self.domain = Box(x=(0, 2 * pi)) * Time(t=(0, 1))
        self.fields = ("u",)

    def terms(self):
        return {
            "equation": Interior(self.equation),
            "seam": Periodic("x", ("u",)),
            "start": Initial(u=lambda x: sin(x)),
        }

    def equation(self, u_t: Tensor, u_x: Tensor) -> Tensor:
        return u_t + self.speed * u_x

    def error_bound(self):
        return EvolutionBound(growth=0.0)

    def ansatz(self, x, t, u):
        return {"u": sin(x) + t * u}

    def exact(self, x: Tensor, t: Tensor) -> Tensor:
        return sin(x - self.speed * t)
