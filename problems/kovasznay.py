"""Kovasznay flow."""

from math import exp as exponential
from math import pi, sqrt
from typing import ClassVar

from torch import Tensor, cos, exp, sin

from pinn.ansatz import transfinite
from pinn.basis.errors import require
from pinn.domains import Box
from pinn.problem import Problem
from pinn.terms import Dirichlet, Interior


class Kovasznay(Problem):
    """Kovasznay flow, a solution of the steady Navier-Stokes equations, on [-0.5, 1] x [-0.5, 1.5].

    u u_x + v u_y + p_x = lap u / Re,  u v_x + v v_y + p_y = lap v / Re,  u_x + v_y = 0.
    Conditions  u and v as in the exact solution on the four sides;  the mean of p is zero. No term says the latter:
    any constant may be added to p, errors are measured without it, and damped steps need no more.
    reynolds: Re (dimensionless), > 0; the benchmark's is 40.
    Exact: u = 1 - e^(l x) cos(2 pi y),  v = l / (2 pi) e^(l x) sin(2 pi y),  p = const - e^(2 l x) / 2,  with
    l = Re/2 - sqrt(Re^2/4 + 4 pi^2).
    Source: Kovasznay 1948, doi:10.1017/S0305004100023999.
    The ansatz adds the bubble (x + 0.5) (1 - x) (y + 0.5) (1.5 - y) N(x, y) to the transfinite interpolation of u's
    and v's values on the sides (Gordon & Hall 1973, doi:10.1007/BF01436298); p is the raw output.
    """

    defined_up_to_constant: ClassVar[tuple[str, ...]] = ("p",)

    def __init__(self, reynolds: float = 40.0) -> None:
        require(0 < reynolds < float("inf"), f"reynolds must be > 0 and finite, got {reynolds}")
        self.reynolds = reynolds
        self.decay = reynolds / 2 - sqrt(reynolds**2 / 4 + 4 * pi**2)
        self.domain = Box(x=(-0.5, 1), y=(-0.5, 1.5))
        self.fields = ("u", "v", "p")

    def terms(self):
        return {
            "momentum_x": Interior(self.momentum_x),
            "momentum_y": Interior(self.momentum_y),
            "mass": Interior(lambda u_x, v_y: u_x + v_y),
            "walls": Dirichlet(u=self.velocity_x, v=self.velocity_y, on=self.domain.sides),
        }

    def momentum_x(self, u: Tensor, v: Tensor, u_x: Tensor, u_y: Tensor, p_x: Tensor, laplacian_u: Tensor) -> Tensor:
        return u * u_x + v * u_y + p_x - laplacian_u / self.reynolds

    def momentum_y(self, u: Tensor, v: Tensor, v_x: Tensor, v_y: Tensor, p_y: Tensor, laplacian_v: Tensor) -> Tensor:
        return u * v_x + v * v_y + p_y - laplacian_v / self.reynolds

    def velocity_x(self, x, y):
        return 1 - exp(self.decay * x) * cos(2 * pi * y)

    def velocity_y(self, x, y):
        return self.decay / (2 * pi) * exp(self.decay * x) * sin(2 * pi * y)

    def ansatz(self, x, y, u, v):
        (left, right), (bottom, top) = self.domain.bounds.values()
        bubble = (x - left) * (right - x) * (y - bottom) * (top - y)
        return {
            "u": transfinite(self.velocity_x, self.domain)(x, y) + bubble * u,
            "v": transfinite(self.velocity_y, self.domain)(x, y) + bubble * v,
        }

    def exact(self, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        (left, right), _ = self.domain.bounds.values()
        rate = 2 * self.decay
        mean = (exponential(rate * right) - exponential(rate * left)) / (rate * (right - left))
        return {"u": self.velocity_x(x, y), "v": self.velocity_y(x, y), "p": 0.5 * (mean - exp(rate * x))}
