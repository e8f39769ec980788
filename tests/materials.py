"""Problems whose coefficients jump, with their solutions."""

import numpy as np
import torch
from torch import where

from pinn.domains import Box, Time
from pinn.problem import Problem, derived
from pinn.terms import Dirichlet, Interior, Neumann


class Layers(Problem):
    """(k u_x)_x = -1 on [0, 1], u = 0 at both ends, k = 20, 1, 20 in layers that meet at 0.2 and 0.6."""

    def __init__(self) -> None:
        self.domain = Box(x=(0, 1))
        self.fields = ("u",)

    def terms(self):
        return {"balance": Interior(self.balance), "ends": Dirichlet(u=0.0, on=("x.min", "x.max"))}

    @derived
    def q(self, x, u_x):
        return where((x > 0.2) & (x < 0.6), 1.0, 20.0) * u_x

    def balance(self, q_x):
        return q_x + 1.0

    def true(self, x):
        """u = int (c - s) / k ds with c such that u(1) = 0."""

        def integrals(b):
            pieces = [(0.0, 0.2, 20.0), (0.2, 0.6, 1.0), (0.6, 1.0, 20.0)]
            ends = [(low, np.clip(b, low, high), k) for low, high, k in pieces]
            return sum((e - low) / k for low, e, k in ends), sum((e**2 - low**2) / (2 * k) for low, e, k in ends)

        constant, linear = integrals(1.0)
        of_x = integrals(np.asarray(x))
        return linear / constant * of_x[0] - of_x[1]


class Stack(Problem):
    """As Layers with the product rule written out: k u_xx + k_x u_x = -1."""

    def __init__(self) -> None:
        self.domain = Box(x=(0, 1))
        self.fields = ("u",)

    def terms(self):
        return {"balance": Interior(self.balance), "ends": Dirichlet(u=0.0, on=("x.min", "x.max"))}

    @derived
    def k(self, x):
        return where((x > 0.2) & (x < 0.6), 1.0, 20.0)

    def balance(self, k, k_x, u_x, u_xx):
        return k * u_xx + k_x * u_x + 1.0


class Inclusion(Problem):
    """div(k grad u) = 0 on [-1, 1]^2, k = 10 in a disc of radius 1/2 and 1 around it; the field of a dipole outside."""

    def __init__(self) -> None:
        self.domain = Box(x=(-1, 1), y=(-1, 1))
        self.fields = ("u",)

    def terms(self):
        return {"balance": Interior(self.balance), "sides": Dirichlet(u=self.outer, on=self.domain.sides)}

    def outer(self, x, y):
        return x - 9 / 11 * 0.25 * x / (x**2 + y**2)

    def k(self, x, y):
        return where(x**2 + y**2 < 0.25, 10.0, 1.0)

    @derived
    def qx(self, x, y, u_x):
        return self.k(x, y) * u_x

    @derived
    def qy(self, x, y, u_y):
        return self.k(x, y) * u_y

    def balance(self, qx_x, qy_y):
        return qx_x + qy_y


class Beam(Problem):
    """(k w_xx)_xx = 1 on [0, 1], clamped at 0 and free at 1, k = 4 before 1/2 and 1 after it."""

    def __init__(self) -> None:
        self.domain = Box(x=(0, 1))
        self.fields = ("w",)

    def terms(self):
        return {
            "beam": Interior(self.beam),
            "clamped": Dirichlet(w=0.0, w_x=0.0, on="x.min"),
            "free": Dirichlet(m=0.0, m_x=0.0, on="x.max"),
        }

    @derived
    def m(self, x, w_xx):
        return where(x < 0.5, 4.0, 1.0) * w_xx

    def beam(self, m_xx):
        return m_xx - 1.0


class Pulse(Problem):
    """u_t = u_xx + f on [0, 1] x [0, 1], insulated, with a source f = 1 that is switched off at t = 0.3."""

    def __init__(self) -> None:
        self.domain = Box(x=(0, 1)) * Time(t=(0, 1))
        self.fields = ("u",)

    def terms(self):
        return {"heat": Interior(self.heat), "ends": Neumann(u=0.0, on=("x.min", "x.max"))}

    def heat(self, t, u_t, u_xx):
        return u_t - u_xx - where(t < 0.3, 1.0, 0.0)


class Table(Problem):
    """a lap u + 1 = 0 on [0, 3]^2, a from a table of 3 x 3 squares, two of which hold the same number."""

    def __init__(self) -> None:
        self.domain = Box(x=(0, 3), y=(0, 3))
        self.fields = ("u",)
        self.a = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 8.0]], dtype=torch.float64)

    def terms(self):
        return {"equation": Interior(self.equation), "sides": Dirichlet(u=0.0, on=self.domain.sides)}

    def equation(self, x, y, laplacian_u):
        i, j = x.long().clamp(0, 2), y.long().clamp(0, 2)
        return self.a[i, j] * laplacian_u + 1.0
