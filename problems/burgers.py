"""Viscous Burgers equation."""

from math import pi

import numpy as np
from scipy.special import roots_hermite
from torch import Tensor, sin

from pinn.basis.errors import require
from pinn.diagnosis.bounds.declared import ConservationBound
from pinn.domains import Box, Time
from pinn.problem import Problem
from pinn.terms import Dirichlet, Initial, Interior


class Burgers(Problem):
    """Viscous Burgers equation  u_t + u u_x = nu u_xx  for x in [-1, 1], t in [0, 1].

    Conditions  u(x, 0) = -sin(pi x),  u(-1, t) = u(1, t) = 0.
    nu: viscosity (dimensionless), > 0; the benchmark's is 0.01/pi, for which a shock of width nu forms at x = 0.
    Reference: the Cole-Hopf solution (Cole 1951, doi:10.1090/qam/42889), its integrals by Gauss-Hermite quadrature
    after the substitution  y = x - 2 sqrt(nu t) s.
    Source: Basdevant et al. 1986, doi:10.1016/0045-7930(86)90036-8, also for the reference.
    The ansatz  u = -sin(pi x) + t (1 - x^2) N(x, t)  meets initial and boundary data exactly.
    """

    def __init__(self, nu: float = 0.01 / pi) -> None:
        require(0 < nu < float("inf"), f"nu must be > 0 and finite, got {nu}; the benchmark's is 0.01/pi")
        self.nu = nu
        self.domain = Box(x=(-1, 1)) * Time(t=(0, 1))
        self.fields = ("u",)

    def terms(self):
        return {
            "momentum": Interior(self.momentum),
            "walls": Dirichlet(u=0.0, on=("x.min", "x.max")),
            "start": Initial(u=lambda x: -sin(pi * x)),
        }

    def momentum(self, u: Tensor, u_t: Tensor, u_x: Tensor, u_xx: Tensor) -> Tensor:
        return u_t + u * u_x - self.nu * u_xx

    def error_bound(self):
        return ConservationBound(growth=lambda u_x: -u_x / 2 - self.nu * pi**2 / 4, largest=1.0)

    def ansatz(self, x, t, u):
        return {"u": -sin(pi * x) + t * (1 - x**2) * u}

    def reference(self, x: np.ndarray, t: np.ndarray, quadrature_nodes: int = 200) -> np.ndarray:
        nodes, weights = roots_hermite(quadrature_nodes)
        y = x[..., None] - 2 * np.sqrt(self.nu * t[..., None]) * nodes
        exponent = -np.cos(pi * y) / (2 * pi * self.nu)
        kernel = weights * np.exp(exponent - exponent.max(-1, keepdims=True))
        return -(kernel * np.sin(pi * y)).sum(-1) / kernel.sum(-1)
