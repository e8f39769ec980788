"""The lid-driven cavity."""

from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
from torch import Tensor, atan, cos, log, sin

from pinn.ansatz import transfinite
from pinn.basis.errors import require
from pinn.domains import Box
from pinn.problem import Problem
from pinn.problems._collocation import Flow
from pinn.terms import Dirichlet, Interior

TINY = 1e-16  # keeps the pressure finite at the ends of the lid
EDDIES = 2.739593356324596 + 1.1190245343424166j  # z with sin(pi z / 2) = -z: the exponent of a right angle's eddies
SMOOTH = 1e-6  # the square of the distance to a corner at which the eddies are cut off: nearer there are no points
DEGREE = 32  # of the reference's polynomials


class LidDrivenCavity(Problem):
    """Flow in a cavity under a moving lid, a solution of the steady Navier-Stokes equations, on [0, 1] x [0, 1].

    u u_x + v u_y + p_x = lap u / Re,  u v_x + v v_y + p_y = lap v / Re,  u_x + v_y = 0.
    Conditions  u = 4 x (1 - x), v = 0 on the lid y = 1,  u = v = 0 on the walls;  the mean of p is zero, which no term
    says: errors are measured without a constant in p.
    reynolds: Re (dimensionless), in (0, 400]; the benchmark's is 100.
    Reference: Chebyshev collocation with the corners' flow taken off (see `_collocation`), good to 1e-6 in the velocity
    and 1e-5 in p at Re = 100, to 1e-5 and 4e-5 at Re = 400, by the relative L2 norm.
    Source: Hao et al. 2023, PINNacle, arXiv 2306.08827, NS2d-C; the corners after Botella & Peyret 1998,
    doi:10.1016/S0045-7930(98)00002-4.
    The ansatz  4 x (1 - x) y + S - T + x (1 - x) y (1 - y) N  meets the boundary data exactly. S is the Stokes flow at
    the lid's ends, where u_x = 4 along the lid, v_y = 0 along the wall, and u_x + v_y = 0: the vorticity jumps and p is
    infinite; T is its transfinite interpolation from the sides. N sees, beside x and y, the real and imaginary parts of
    r^(z - 2) at each end, z = 2.74 + 1.12 i: there the rest of the velocity is as r^z (Moffatt 1964,
    doi:10.1017/S0022112064000015).
    """

    defined_up_to_constant: ClassVar[tuple[str, ...]] = ("p",)

    def __init__(self, reynolds: float = 100.0) -> None:
        require(0 < reynolds <= 400, f"reynolds must be in (0, 400], got {reynolds}")
        self.reynolds = reynolds
        self.domain = Box(x=(0, 1), y=(0, 1))
        self.fields = ("u", "v", "p")

    def terms(self):
        return {
            "momentum_x": Interior(self.momentum_x),
            "momentum_y": Interior(self.momentum_y),
            "mass": Interior(lambda u_x, v_y: u_x + v_y),
            "lid": Dirichlet(u=lambda x: 4 * x * (1 - x), v=0.0, on="y.max"),
            "walls": Dirichlet(u=0.0, v=0.0, on=("x.min", "x.max", "y.min")),
        }

    def momentum_x(self, u: Tensor, v: Tensor, u_x: Tensor, u_y: Tensor, p_x: Tensor, laplacian_u: Tensor) -> Tensor:
        return u * u_x + v * u_y + p_x - laplacian_u / self.reynolds

    def momentum_y(self, u: Tensor, v: Tensor, v_x: Tensor, v_y: Tensor, p_y: Tensor, laplacian_v: Tensor) -> Tensor:
        return u * v_x + v * v_y + p_y - laplacian_v / self.reynolds

    def ansatz(self, x, y, u, v, p):
        bubble = 16 * x * (1 - x) * y * (1 - y)
        return {
            "u": 4 * x * (1 - x) * y + corner_u(x, y) - transfinite(corner_u, self.domain)(x, y) + bubble * u,
            "v": corner_v(x, y) - transfinite(corner_v, self.domain)(x, y) + bubble * v,
            "p": corner_p(x, y) / self.reynolds + p,
        }

    def features(self, x, y):
        found = []
        for s in (x, 1 - x):
            square = s**2 + (1 - y) ** 2 + SMOOTH
            size, phase = square ** (EDDIES.real / 2 - 1), EDDIES.imag / 2 * log(square)
            found += [size * cos(phase), size * sin(phase)]
        return found

    def reference(self, x: np.ndarray, y: np.ndarray) -> dict[str, np.ndarray]:
        return flow(self.reynolds)(x, y)


def corner_u(x: Any, y: Any) -> Any:
    """u of the Stokes flows at both ends of the lid, mirror images."""
    return along(x, 1 - y) + along(1 - x, 1 - y)


def corner_v(x: Any, y: Any) -> Any:
    return across(x, 1 - y) - across(1 - x, 1 - y)


def corner_p(x: Any, y: Any) -> Any:
    """Re p."""
    return pressure(x, 1 - y) - pressure(1 - x, 1 - y)


def corners(x: Any, y: Any) -> tuple[Any, Any, Any]:
    return corner_u(x, y), corner_v(x, y), corner_p(x, y)


def along(s: Any, d: Any) -> Any:
    """The velocity along the lid of the Stokes flow in a quadrant, 4 s on the lid d = 0 and 0 on the wall s = 0.

    s: distance along the lid, d: below it. The stream function is r^2 times a function of the angle.
    """
    return 4 * s - 4 * d * angle(s, d)


def across(s: Any, d: Any) -> Any:
    """Its velocity upwards, 0 on both."""
    return 4 * s * angle(d, s)


def pressure(s: Any, d: Any) -> Any:
    """Its pressure times Re."""
    return 4 * log(s**2 + d**2 + TINY)


def angle(opposite: Any, adjacent: Any) -> Any:
    """In a right triangle, in [0, pi / 2]; exactly 0, with its derivatives along that side, where opposite is."""
    return 2 * atan(opposite / ((opposite**2 + adjacent**2 + TINY) ** 0.5 + adjacent))


@lru_cache(maxsize=2)
def flow(reynolds: float) -> Flow:
    return Flow(reynolds, lambda x: 4 * x * (1 - x), corners, DEGREE)
