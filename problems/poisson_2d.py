"""Poisson's equation on the unit square."""

from math import pi

from torch import Tensor, sin

from pinn.basis.errors import require
from pinn.diagnosis.bounds.declared import SteadyBound
from pinn.domains import Box
from pinn.problem import Problem
from pinn.terms import Dirichlet, Interior


class Poisson2D(Problem):
    """Poisson's equation  -lap u = 2 (k pi)^2 sin(k pi x) sin(k pi y)  on the unit square.

    Conditions  u = 0 on the four sides.
    frequency: k, half waves a side, a whole number >= 1; the benchmark's is 1.
    Exact: u = sin(k pi x) sin(k pi y).
    Source: Mueller & Zeinhofer 2023, arXiv 2302.13163.
    The ansatz  u = x (1 - x) y (1 - y) N(x, y)  meets the boundary data exactly.
    """

    def __init__(self, frequency: int = 1) -> None:
        require(frequency >= 1 and frequency == int(frequency), f"frequency must be whole and >= 1, got {frequency}")
        self.frequency = frequency
        self.domain = Box(x=(0, 1), y=(0, 1))
        self.fields = ("u",)

    def terms(self):
        return {
            "equation": Interior(self.equation),
            "walls": Dirichlet(u=0.0, on=("x.min", "x.max", "y.min", "y.max")),
        }

    def equation(self, laplacian_u: Tensor, x: Tensor, y: Tensor) -> Tensor:
        return -laplacian_u - 2 * (self.frequency * pi) ** 2 * self.exact(x, y)

    def error_bound(self):
        return SteadyBound(constant=1 / (2 * pi**2))

    def ansatz(self, x, y, u):
        return {"u": x * (1 - x) * y * (1 - y) * u}

    def exact(self, x: Tensor, y: Tensor) -> Tensor:
        return sin(self.frequency * pi * x) * sin(self.frequency * pi * y)
