"""The Fokker-Planck equation of a process in many dimensions, for the logarithm of its density."""

from math import log as logarithm
from math import pi, sqrt

import torch
from torch import Tensor, exp, log

from pinn.basis.errors import require
from pinn.derivatives.stacked import stacked
from pinn.domains import Ball, Time
from pinn.problem import Problem
from pinn.terms import Dirichlet, Initial, Interior


class FokkerPlanck(Problem):
    """Fokker-Planck equation of  dX = -X dt + B dW  in d dimensions, |x| < sqrt(d), t in [0, 1], for q = log p.

    q_t = d + x . grad q + D : grad grad q / 2 + grad q . D grad q / 2,  D = B B^T  with D_ii = 2 from `least` to 2 and
    D_i(i+1) = `coupling` sqrt(D_ii D_(i+1)(i+1)): neighbors are correlated.
    Conditions  q of the normal density with the covariance I at t = 0;  q as in the exact solution on the sphere.
    dimension: d, >= 2, 10 by default; least: the smallest D_ii, in (0, 2]; coupling: in (-0.5, 0.5), for which D > 0.
    Exact: q = -x^T S^-1 x / 2 - log det(2 pi S) / 2  with the covariance  S = e^(-2 t) I + (1 - e^(-2 t)) D / 2.
    Source: Hu, Zhang, Karniadakis & Kawaguchi 2024, arXiv 2402.07465, the Ornstein-Uhlenbeck process.
    The ansatz  q = -(|x|^2 + d log(2 pi)) / 2 + t N(x, t)  meets the data at t = 0; one that met those on the sphere
    would hold most of the solution in many dimensions, where most of a ball is close to its sphere.
    """

    def __init__(self, dimension: int = 10, least: float = 0.5, coupling: float = 0.25) -> None:
        require(dimension >= 2, f"dimension must be >= 2, got {dimension}")
        require(0 < least <= 2, f"least must be > 0 and <= 2, got {least}")
        require(-0.5 < coupling < 0.5, f"coupling must lie in (-0.5, 0.5), got {coupling}")
        self.dimension = dimension
        names = [f"x{i}" for i in range(1, dimension + 1)]
        self.domain = Ball([0.0] * dimension, sqrt(dimension), coordinates=names, name="sphere") * Time(t=(0, 1))
        self.fields = ("q",)
        sizes = torch.linspace(least, 2.0, dimension, dtype=torch.float64).sqrt()
        off = coupling * torch.ones(dimension - 1, dtype=torch.float64)
        correlation = torch.eye(dimension, dtype=torch.float64) + torch.diag(off, 1) + torch.diag(off, -1)
        self.diffusion = sizes[:, None] * correlation * sizes
        self.spread, self.axes = torch.linalg.eigh(self.diffusion)  # (d,), columns (d, d)
        pairs = [(i, j) for i in range(dimension) for j in (i, i + 1) if j < dimension]
        entries = {names[i] + names[j]: (1 + (i < j)) * float(self.diffusion[i, j]) for i, j in pairs}
        self.operators = {"diffusion": entries}

    def terms(self):
        return {
            "equation": Interior(self.equation),
            "sphere": Dirichlet(q=self.exact, on="sphere"),
            "start": Initial(q=self.start),
        }

    @stacked("x", "q_x")
    def equation(self, q_t: Tensor, diffusion_q: Tensor, x: Tensor, q_x: Tensor) -> Tensor:
        drift = self.dimension + (x * q_x).sum(-1)
        return q_t - drift - diffusion_q / 2 - (q_x * (q_x @ self.diffusion.to(q_x.device, q_x.dtype))).sum(-1) / 2

    @stacked("x")
    def start(self, x: Tensor) -> Tensor:
        return self._at_start(x)

    def _at_start(self, x):
        return -((x**2).sum(-1) + self.dimension * logarithm(2 * pi)) / 2

    @stacked("x")
    def ansatz(self, x, t, q):
        return {"q": self._at_start(x) + t * q}

    @stacked("x")
    def exact(self, x: Tensor, t: Tensor) -> Tensor:
        forgotten = exp(-2 * t[:, None])
        variances = forgotten + (1 - forgotten) * self.spread.to(t.device, t.dtype) / 2  # (n, d)
        along = x @ self.axes.to(t.device, t.dtype)
        return -(along**2 / variances + log(2 * pi * variances)).sum(-1) / 2
