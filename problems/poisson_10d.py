"""Poisson's equation in a ball of many dimensions."""

from math import sqrt

import numpy as np
import torch
from torch import Tensor, cos, sin

from pinn.basis.errors import require
from pinn.derivatives.stacked import stacked
from pinn.domains import Ball
from pinn.problem import Problem
from pinn.terms import Dirichlet, Interior


class Poisson10D(Problem):
    """Poisson's equation  lap u = f  on the unit ball of d dimensions.

    Condition  u = 0 on the sphere.
    dimension: d, >= 2, 10 by default; seed: of the coefficients c_i, normal deviates, >= 0.
    Exact: u = (1 - |x|^2) s,  s = sum_i c_i sin(x_i + cos x_(i+1) + x_(i+1) cos x_i) / sqrt(d - 1),  i = 1, ..., d - 1,
    which couples neighboring coordinates;  f = (1 - |x|^2) lap s - 4 x . grad s - 2 d s.
    Source: Hu, Shukla, Karniadakis & Kawaguchi 2024, arXiv 2307.12306, section 4.2, "two-body", not scaled there.
    """

    def __init__(self, dimension: int = 10, seed: int = 0) -> None:
        require(dimension >= 2, f"dimension must be >= 2, got {dimension}")
        self.dimension = dimension
        names = [f"x{i}" for i in range(1, dimension + 1)]
        self.domain = Ball([0.0] * dimension, coordinates=names, name="sphere")
        self.fields = ("u",)
        c = np.random.default_rng(seed).normal(size=dimension - 1) / sqrt(dimension - 1)
        self.coefficients = torch.as_tensor(c)

    def terms(self):
        return {
            "equation": Interior(self.equation),
            "sphere": Dirichlet(u=0.0, on="sphere"),
        }

    @stacked("x")
    def equation(self, laplacian_u: Tensor, x: Tensor) -> Tensor:
        return laplacian_u - self.source(x)

    def source(self, x: Tensor) -> Tensor:
        """The Laplacian (n,) of the exact solution at x (n, d)."""
        c = self.coefficients.to(x.device, x.dtype)
        here, following = x[:, :-1], x[:, 1:]
        phase = here + cos(following) + following * cos(here)
        by_here, by_following = 1 - following * sin(here), cos(here) - sin(following)
        bend = -following * cos(here) - cos(following)  # the phase's own Laplacian
        s = sin(phase) @ c
        slope = (cos(phase) * (here * by_here + following * by_following)) @ c  # x . grad s
        laplacian = (cos(phase) * bend - sin(phase) * (by_here**2 + by_following**2)) @ c
        return (1 - (x**2).sum(-1)) * laplacian - 4 * slope - 2 * self.dimension * s

    @stacked("x")
    def exact(self, x: Tensor) -> Tensor:
        c = self.coefficients.to(x.device, x.dtype)
        here, following = x[:, :-1], x[:, 1:]
        s = (c * sin(here + cos(following) + following * cos(here))).sum(-1)
        return (1 - (x**2).sum(-1)) * s
