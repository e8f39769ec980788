"""Least-squares problems with known answers, for every optimizer."""

import torch
from torch import Tensor
from torch.func import jacrev, jvp, vjp


class LeastSquaresProblem:
    """minimize ||r(theta)||^2 for a residual given as a function of theta (p,); identity: the residual's number."""

    def __init__(self, residual, start: Tensor, identity: int = 0) -> None:
        self.residual = residual
        self.start = start
        self.identity = identity
        self.shapes = {"theta": start.shape}

    def __len__(self) -> int:
        return len(self.residual(self.start))

    def loss(self, theta: Tensor) -> float:
        return float(self.residual(theta).square().sum())

    def loss_and_gradient(self, theta: Tensor) -> tuple[float, Tensor]:
        r, j = self.jacobian(theta)
        return float(r @ r), 2 * j.mT @ r

    def jacobian(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        return self.residual(theta), jacrev(self.residual)(theta)

    def normal_equations(self, theta: Tensor) -> tuple[Tensor, Tensor, float]:
        r, j = self.jacobian(theta)
        return j.mT @ j, j.mT @ r, float(r @ r)

    def jvp(self, theta: Tensor, v: Tensor) -> Tensor:
        return jvp(self.residual, (theta,), (v,))[1]

    def vjp(self, theta: Tensor, w: Tensor) -> Tensor:
        return vjp(self.residual, theta)[1](w)[0]


def linear() -> LeastSquaresProblem:
    """A well-conditioned linear system, 12 x 5, with a solution of zero residual."""
    generator = torch.Generator().manual_seed(0)
    a = torch.randn(12, 5, generator=generator, dtype=torch.float64)
    b = a @ torch.arange(1.0, 6.0, dtype=torch.float64)
    return LeastSquaresProblem(lambda theta: a @ theta - b, torch.zeros(5, dtype=torch.float64))


def rosenbrock() -> LeastSquaresProblem:
    """(10 (y - x^2), 1 - x) from (-1.2, 1): the solution is (1, 1)."""
    return LeastSquaresProblem(
        lambda theta: torch.stack([10 * (theta[1] - theta[0] ** 2), 1 - theta[0]]),
        torch.tensor([-1.2, 1.0], dtype=torch.float64),
    )


def stiff_fit() -> LeastSquaresProblem:
    """a exp(-b s) + c exp(-d s) through its own values for (1, 100, 2, 1): rates apart by two decades."""
    s = torch.linspace(0, 2, 60, dtype=torch.float64)

    def model(theta: Tensor) -> Tensor:
        return theta[0] * torch.exp(-theta[1] * s) + theta[2] * torch.exp(-theta[3] * s)

    data = model(torch.tensor([1.0, 100.0, 2.0, 1.0], dtype=torch.float64))
    return LeastSquaresProblem(
        lambda theta: model(theta) - data, torch.tensor([0.5, 30.0, 1.0, 0.5], dtype=torch.float64)
    )


PROBLEMS = {"linear": linear, "rosenbrock": rosenbrock, "stiff_fit": stiff_fit}
