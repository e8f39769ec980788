"""A Hamilton-Jacobi-Bellman equation in many dimensions: linear-quadratic-Gaussian control."""

from math import sqrt

import numpy as np
import torch
from torch import Tensor, exp, log

from pinn.basis.errors import require
from pinn.derivatives.stacked import stacked
from pinn.domains import Ball, Time
from pinn.problem import Problem
from pinn.terms import Dirichlet, Initial, Interior

STEP, NODES = 0.25, 160  # of the trapezoidal rule in log s: to rounding for d <= 1000


class HamiltonJacobiBellman(Problem):
    """Hamilton-Jacobi-Bellman equation  u_t = lap u - |grad u|^2  in d dimensions, |x| < sqrt(d), t in [0, 1] to go.

    The least expected cost of the control m of  dX = 2 m dt + sqrt(2) dW:  the integral of |m|^2 over the time t that
    is left, and g(X) at its end; t = 1 - t' of the paper's time t'.
    Conditions  u(x, 0) = g(x) = log((1 + |x|^2) / 2),  u as in the exact solution on the sphere.
    dimension: d, >= 2, 10 by default.
    Exact: u = -log E exp(-g(x + sqrt(2 t) Z))  by Hopf and Cole, Z normal, of which the expectation is
    2 int_0^inf e^(-s) (1 + 4 t s)^(-d/2) exp(-|x|^2 s / (1 + 4 t s)) ds,  by the trapezoidal rule in log s.
    Source: E, Han & Jentzen 2017, arXiv 1706.04702, section 4.2: u = 4.5901 at x = 0, t = 1 for d = 100.
    The ansatz  u = g(x) + t N(x, t)  meets the data at t = 0; one that met those on the sphere would hold most of the
    solution in many dimensions, where most of a ball is close to its sphere.
    """

    def __init__(self, dimension: int = 10) -> None:
        require(dimension >= 2, f"dimension must be >= 2, got {dimension}")
        self.dimension = dimension
        names = [f"x{i}" for i in range(1, dimension + 1)]
        self.domain = Ball([0.0] * dimension, sqrt(dimension), coordinates=names, name="sphere") * Time(t=(0, 1))
        self.fields = ("u",)
        logarithms = STEP * (np.arange(NODES) - NODES + 16)  # of s, up to e^4 = 55: e^(-s) is below rounding
        self.logarithms = torch.as_tensor(logarithms)

    def terms(self):
        return {
            "equation": Interior(self.equation),
            "sphere": Dirichlet(u=self.exact, on="sphere"),
            "start": Initial(u=self.terminal_cost),
        }

    @stacked("u_x")
    def equation(self, u_t: Tensor, laplacian_u: Tensor, u_x: Tensor) -> Tensor:
        return u_t - laplacian_u + (u_x**2).sum(-1)

    @stacked("x")
    def terminal_cost(self, x: Tensor) -> Tensor:
        return self._at_end(x)

    def _at_end(self, x):
        return log((1 + (x**2).sum(-1)) / 2)

    @stacked("x")
    def ansatz(self, x, t, u):
        return {"u": self._at_end(x) + t * u}

    @stacked("x")
    def exact(self, x: Tensor, t: Tensor) -> Tensor:
        s = exp(self.logarithms.to(t.device, t.dtype))
        spread, squared_distance = 1 + 4 * s * t[:, None], (x**2).sum(-1)[:, None]
        integrand = exp(-s - squared_distance * s / spread) * spread ** (-self.dimension / 2)  # (n, nodes)
        return -log((integrand * (2 * STEP * s)).sum(-1))
