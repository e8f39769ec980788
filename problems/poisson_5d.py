"""Poisson's equation in five dimensions."""

from math import pi

from torch import Tensor, cos

from pinn.domains import Box
from pinn.problem import Problem
from pinn.terms import Dirichlet, Interior


class Poisson5D(Problem):
    """Poisson's equation  -lap u = pi^2 sum_i cos(pi x_i)  on the unit cube in five dimensions.

    Conditions  u = sum_i cos(pi x_i)  on the ten sides.
    Exact: u = sum_i cos(pi x_i).
    Source: Mueller & Zeinhofer 2023, arXiv 2302.13163.
    There is no ansatz: transfinite interpolation of data that are a sum of functions of one coordinate each
    reproduces that sum in the interior, so that hard boundary data would be the exact solution.
    """

    def __init__(self) -> None:
        self.domain = Box(x1=(0, 1), x2=(0, 1), x3=(0, 1), x4=(0, 1), x5=(0, 1))
        self.fields = ("u",)

    def terms(self):
        return {
            "equation": Interior(self.equation),
            "walls": Dirichlet(u=self.exact, on=self.domain.sides),
        }

    def equation(self, laplacian_u: Tensor, x1: Tensor, x2: Tensor, x3: Tensor, x4: Tensor, x5: Tensor) -> Tensor:
        return -laplacian_u - pi**2 * self.exact(x1, x2, x3, x4, x5)

    def exact(self, x1: Tensor, x2: Tensor, x3: Tensor, x4: Tensor, x5: Tensor) -> Tensor:
        return cos(pi * x1) + cos(pi * x2) + cos(pi * x3) + cos(pi * x4) + cos(pi * x5)
