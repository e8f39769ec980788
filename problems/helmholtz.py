"""Helmholtz equation."""

from math import pi

from torch import Tensor, sin

from pinn.basis.errors import require
from pinn.diagnosis.bounds.declared import SteadyBound
from pinn.domains import Box
from pinn.problem import Problem
from pinn.terms import Dirichlet, Interior


class Helmholtz(Problem):
    """Helmholtz equation  lap u + k^2 u = q  for x, y in [-1, 1].

    Conditions  u = 0 on the four sides, which are the exact solution's values there.
    Exact: u = sin(a pi x) sin(b pi y), of which  q = (k^2 - (a^2 + b^2) pi^2) sin(a pi x) sin(b pi y).
    wavenumber: k (dimensionless); the benchmark's is 1. frequency_x, frequency_y: a and b, whole numbers >= 1; 1 and 4.
    Source: Wang, Teng & Perdikaris 2021, arXiv 2001.04536.
    The ansatz  u = (1 - x^2) (1 - y^2) N(x, y)  meets the boundary data exactly.
    """

    def __init__(self, wavenumber: float = 1.0, frequency_x: int = 1, frequency_y: int = 4) -> None:
        for name, value in (("frequency_x", frequency_x), ("frequency_y", frequency_y)):
            require(value >= 1 and value == int(value), f"{name} must be whole and >= 1, got {value}")
        self.wavenumber = wavenumber
        self.frequencies = (frequency_x, frequency_y)
        self.domain = Box(x=(-1, 1), y=(-1, 1))
        self.fields = ("u",)

    def terms(self):
        return {
            "equation": Interior(self.equation),
            "walls": Dirichlet(u=0.0, on=("x.min", "x.max", "y.min", "y.max")),
        }

    def equation(self, laplacian_u: Tensor, u: Tensor, x: Tensor, y: Tensor) -> Tensor:
        return laplacian_u + self.wavenumber**2 * u - self.source(x, y)

    def source(self, x: Tensor, y: Tensor) -> Tensor:
        a, b = self.frequencies
        return (self.wavenumber**2 - (a**2 + b**2) * pi**2) * self.exact(x, y)

    def error_bound(self):
        """The least distance of k^2 from an eigenvalue (m^2 + n^2) pi^2 / 4; none at a resonance."""
        waves = range(1, 3 + int(2 * abs(self.wavenumber) / pi))
        distance = min(abs((m**2 + n**2) * pi**2 / 4 - self.wavenumber**2) for m in waves for n in waves)
        return SteadyBound(constant=1 / distance) if distance > 1e-9 * (1 + self.wavenumber**2) else None

    def ansatz(self, x, y, u):
        return {"u": (1 - x**2) * (1 - y**2) * u}

    def exact(self, x: Tensor, y: Tensor) -> Tensor:
        a, b = self.frequencies
        return sin(a * pi * x) * sin(b * pi * y)
