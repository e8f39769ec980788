"""Least-squares problems with known answers, for every optimizer."""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.func import jacrev, jvp, vjp

from pinn.distributed.team import Alone


class LeastSquaresProblem:
    """minimize ||r(theta)||^2 for a residual given as a function of theta (p,); identity: the residual's number."""

    def __init__(self, residual, start: Tensor, identity: int = 0) -> None:
        self.residual = residual
        self.start = start
        self.identity = identity
        self.shapes = {"theta": start.shape}
        self.team = Alone()

    def __len__(self) -> int:
        return len(self.residual(self.start))

    @property
    def rows(self) -> int:
        return len(self)

    def loss(self, theta: Tensor) -> float:
        return float(self.residual(theta).square().sum())

    def loss_and_gradient(self, theta: Tensor) -> tuple[float, Tensor]:
        r, j = self.jacobian(theta)
        return float(r @ r), 2 * j.mT @ r

    def jacobian(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        return self.residual(theta), jacrev(self.residual)(theta)

    def pieces(self, theta: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        r, j = self.jacobian(theta)
        for indices in torch.arange(len(r)).split(5):
            yield indices, r[indices], j[indices]

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


def shifted(seed):
    """A linear least-squares problem whose rows depend on a seed, as points do; its solution does not."""
    generator = torch.Generator().manual_seed(seed)
    a = torch.randn(12, 5, generator=generator, dtype=torch.float64)
    solution = torch.arange(1.0, 6.0, dtype=torch.float64)
    return LeastSquaresProblem(lambda theta: a @ (theta - solution), torch.zeros(5, dtype=torch.float64), seed)


PROBLEMS = {"linear": linear, "rosenbrock": rosenbrock, "stiff_fit": stiff_fit}


def trajectory(optimizer, problem, steps, theta=None, state=None):
    """(theta, state, report) after each step, from the problem's start or from given theta and state."""
    theta = problem.start if theta is None else theta
    state = optimizer.init(theta) if state is None else state
    for _ in range(steps):
        theta, state, report = optimizer.step(theta, state, problem)
        yield theta, state, report


def run(optimizer, problem, steps, theta=None, state=None):
    """The last theta, state and report of a trajectory."""
    return list(trajectory(optimizer, problem, steps, theta, state))[-1]


def is_plain(state) -> bool:
    """Whether a state is a tree of dicts and lists that ends in tensors, numbers, strings and None."""
    if isinstance(state, (dict, list)):
        return all(is_plain(entry) for entry in (state.values() if isinstance(state, dict) else state))
    return state is None or type(state) in (Tensor, bool, int, float, str)


class SeparableProblem(LeastSquaresProblem):
    """A problem whose residual is affine in the parameters theta[linear] while the others are held."""

    def __init__(self, residual, start: Tensor, linear: list[int]) -> None:
        super().__init__(residual, start)
        self.linear = torch.tensor(linear)

    def last_layer(self, theta: Tensor) -> tuple[Tensor, LeastSquaresProblem]:
        held = theta.detach()
        block = LeastSquaresProblem(lambda b: self.residual(held.index_copy(0, self.linear, b)), held[self.linear])
        return self.linear, block


def separable_fit() -> SeparableProblem:
    """`stiff_fit` with its amplitudes a and c as the linear parameters."""
    problem = stiff_fit()
    return SeparableProblem(problem.residual, problem.start, [0, 2])
