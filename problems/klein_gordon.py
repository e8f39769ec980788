"""Klein-Gordon equation."""

from math import pi

from torch import Tensor, cos

from pinn.basis.errors import require
from pinn.domains import Box, Time
from pinn.problem import Problem
from pinn.terms import Dirichlet, Initial, Interior


class KleinGordon(Problem):
    """Klein-Gordon equation  u_tt - u_xx + u^3 = f  for x in [0, 1], t in [0, 1].

    Conditions  u(x, 0) = x,  u_t(x, 0) = 0,  u(0, t) = 0,  u(1, t) = cos(omega t) + t^3.
    Exact: u = x cos(omega t) + (x t)^3, of which  f = -omega^2 x cos(omega t) + 6 x t (x^2 - t^2) + u^3.
    frequency: omega / pi (dimensionless), >= 0; the benchmark's is 5.
    Source: Wang, Teng & Perdikaris 2021, arXiv 2001.04536.
    The ansatz  u = x u(1, t) + t^2 x (1 - x) N(x, t)  joins the boundary data by straight lines; at t = 0 these are
    u = x and u_t = 0, so that it meets initial and boundary data exactly.
    """

    def __init__(self, frequency: float = 5.0) -> None:
        require(0 <= frequency < float("inf"), f"frequency must be >= 0 and finite, got {frequency}")
        self.omega = frequency * pi
        self.domain = Box(x=(0, 1)) * Time(t=(0, 1))
        self.fields = ("u",)

    def terms(self):
        return {
            "equation": Interior(self.equation),
            "left": Dirichlet(u=0.0, on="x.min"),
            "right": Dirichlet(u=self.right, on="x.max"),
            "start": Initial(u=lambda x: x, u_t=0.0),
        }

    def equation(self, u: Tensor, u_tt: Tensor, u_xx: Tensor, x: Tensor, t: Tensor) -> Tensor:
        return u_tt - u_xx + u**3 - self.source(x, t)

    def source(self, x: Tensor, t: Tensor) -> Tensor:
        return -(self.omega**2) * x * cos(self.omega * t) + 6 * x * t * (x**2 - t**2) + self.exact(x, t) ** 3

    def right(self, t):
        return cos(self.omega * t) + t**3

    def ansatz(self, x, t, u):
        return {"u": x * self.right(t) + t**2 * x * (1 - x) * u}

    def exact(self, x: Tensor, t: Tensor) -> Tensor:
        return x * cos(self.omega * t) + (x * t) ** 3
