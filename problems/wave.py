"""Wave equation."""

from math import pi

from torch import Tensor, cos, sin

from pinn.basis.errors import require
from pinn.diagnosis.bounds.declared import WaveBound
from pinn.domains import Box, Time
from pinn.problem import Problem
from pinn.terms import Dirichlet, Initial, Interior


class Wave(Problem):
    """Wave equation  u_tt = c^2 u_xx  for x in [0, 1], t in [0, 1].

    Conditions  u(x, 0) = sin(pi x) + 0.5 sin(4 pi x),  u_t(x, 0) = 0,  u(0, t) = u(1, t) = 0.
    speed: c (dimensionless), > 0; the benchmark's is 2. amplitude: 0.5, of the second wave.
    Exact: u = sin(pi x) cos(c pi t) + 0.5 sin(4 pi x) cos(4 c pi t).
    Source: Wang, Yu & Perdikaris 2022, arXiv 2007.14527.
    The ansatz  u = u(x, 0) + t^2 x (1 - x) N(x, t)  meets initial and boundary data exactly.
    """

    def __init__(self, speed: float = 2.0, amplitude: float = 0.5) -> None:
        require(0 < speed < float("inf"), f"speed must be > 0 and finite, got {speed}")
        self.speed = speed
        self.amplitude = amplitude
        self.domain = Box(x=(0, 1)) * Time(t=(0, 1))
        self.fields = ("u",)

    def terms(self):
        return {
            "equation": Interior(self.equation),
            "walls": Dirichlet(u=0.0, on=("x.min", "x.max")),
            "start": Initial(u=self.start, u_t=0.0),
        }

    def equation(self, u_tt: Tensor, u_xx: Tensor) -> Tensor:
        return u_tt - self.speed**2 * u_xx

    def start(self, x):
        return sin(pi * x) + self.amplitude * sin(4 * pi * x)

    def error_bound(self):
        return WaveBound(frequency=self.speed * pi)

    def ansatz(self, x, t, u):
        return {"u": self.start(x) + t**2 * x * (1 - x) * u}

    def exact(self, x: Tensor, t: Tensor) -> Tensor:
        first = sin(pi * x) * cos(self.speed * pi * t)
        return first + self.amplitude * sin(4 * pi * x) * cos(4 * self.speed * pi * t)
