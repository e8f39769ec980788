"""Heat equation."""

from math import pi

from torch import Tensor, exp, sin

from pinn.basis.errors import require
from pinn.diagnosis.bounds.declared import EvolutionBound
from pinn.domains import Box, Time
from pinn.problem import Problem
from pinn.terms import Dirichlet, Initial, Interior


class Heat(Problem):
    """Heat equation  u_t = kappa u_xx  for x in [0, 1], t in [0, 1].

    Conditions  u(x, 0) = sin(pi x),  u(0, t) = u(1, t) = 0.
    diffusivity: kappa (dimensionless), > 0; the benchmark's is 0.25.
    Exact: u = exp(-kappa pi^2 t) sin(pi x).
    Source: Mueller & Zeinhofer 2023, arXiv 2302.13163.
    The ansatz  u = sin(pi x) + t x (1 - x) N(x, t)  meets initial and boundary data exactly.
    """

    def __init__(self, diffusivity: float = 0.25) -> None:
        require(0 < diffusivity < float("inf"), f"diffusivity must be > 0 and finite, got {diffusivity}")
        self.diffusivity = diffusivity
        self.domain = Box(x=(0, 1)) * Time(t=(0, 1))
        self.fields = ("u",)

    def terms(self):
        return {
            "equation": Interior(self.equation),
            "walls": Dirichlet(u=0.0, on=("x.min", "x.max")),
            "start": Initial(u=lambda x: sin(pi * x)),
        }

    def equation(self, u_t: Tensor, u_xx: Tensor) -> Tensor:
        return u_t - self.diffusivity * u_xx

    def error_bound(self):
        return EvolutionBound(growth=-self.diffusivity * pi**2)

    def ansatz(self, x, t, u):
        return {"u": sin(pi * x) + t * x * (1 - x) * u}

    def exact(self, x: Tensor, t: Tensor) -> Tensor:
        return exp(-self.diffusivity * pi**2 * t) * sin(pi * x)
