"""Time and memory of named derivatives, of their loss gradient and of the parameter Jacobian, by each way to get them.

python tests/benchmarks/derivatives.py [--points 4096] [--dtypes float64 float32] [--repeats 7] [--cases ...]

One run, medians, milliseconds and ratios to nested autograd (the way of DeepXDE and PINA) of the same quantity; for the
Jacobian to the product J^T J. The gradient rows of pinn are what its optimizers call, and go through the points in
chunks. Rows: `taylor` and `taylor collapsed` (the default: one channel a Laplacian) are pinn's;
`compiled` is the latter with compile=always; `reverse` is vmap(jacrev(...)); `plain` is the network's value alone;
`floor` the matrix products of the channels alone. Memory is what a row needs at its peak on
top of what is held before it, in MiB.
"""

import argparse
import ctypes
import math
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor

from pinn import Box, Interior, Problem
from pinn.derivatives.composition import Pass
from pinn.networks import MLP
from pinn.residuals.assembly import Assembly
from pinn.residuals.least_squares import bind
from pinn.residuals.residuals import Residuals
from pinn.sampling import Points
from pinn.trial.function import TrialFunction
from pinn.trial.making import make_trial


@dataclass(frozen=True)
class Case:
    """A network d - width x depth - m and the equation whose residual is formed."""

    d: int
    width: int
    depth: int
    m: int
    equation: str  # second: u_t + u u_x - u_xx; laplacian: of the first field; fourth: biharmonic

    @property
    def label(self) -> str:
        return f"{self.d}-{self.width}x{self.depth}-{self.m} {self.equation}"


FEW_PARAMETERS = 3000
CASES = [
    Case(2, 32, 3, 1, "second"),
    Case(2, 64, 4, 1, "second"),
    Case(2, 64, 4, 1, "fourth"),
    Case(3, 64, 4, 4, "laplacian"),
    Case(10, 64, 4, 1, "laplacian"),
]


class Benchmark(Problem):
    """One interior equation in d coordinates."""

    def __init__(self, case: Case) -> None:
        self.domain = Box(**{f"x{i}": (-1.0, 1.0) for i in range(case.d)})
        self.fields = tuple(f"u{k}" for k in range(case.m))
        self.case = case

    def terms(self):
        return {"equation": Interior(getattr(self, self.case.equation))}

    def second(self, u0, u0_x0, u0_x1, u0_x0x0):
        return u0_x1 + u0 * u0_x0 - u0_x0x0

    def laplacian(self, laplacian_u0):
        return laplacian_u0

    def fourth(self, biharmonic_u0):
        return biharmonic_u0


class Rows:
    """The ways to the residual of a case, each a function of theta (p,)."""

    def __init__(self, case: Case, n: int, dtype: torch.dtype) -> None:
        torch.manual_seed(0)
        self.case = case
        network = partial(MLP, width=case.width, depth=case.depth)
        self.trial = make_trial(Benchmark(case), network, dtype=dtype)
        self.residuals = Residuals(self.trial)
        self.group = self.residuals.regions["interior"]
        self.x = (2 * torch.rand(n, case.d, dtype=torch.float64) - 1).to(dtype)
        self.theta = self.residuals.theta()
        self.ways: dict[str, Callable[[Tensor], Tensor]] = {
            "taylor": partial(self.named, self.trial, False),
            "taylor collapsed": partial(self.named, self.trial, True),
            "reverse": partial(self.named, make_reverse(self.trial), True),
            "nested autograd": self.nested,
            "plain": self.plain,
        }

    def named(self, trial: TrialFunction, collapse: bool, theta: Tensor) -> Tensor:
        equation = self.group.blocks[0].equation
        request = trial.request(equation.arguments, collapse=collapse)
        parameters = self.residuals.unflatten(theta)
        tape = Pass() if trial.derivatives == "taylor" else None
        values = trial.evaluate_with(request, self.x, parameters, tape=tape)
        return equation.function(*(values[name] for name in equation.arguments))

    def network(self, theta: Tensor, x: Tensor) -> Tensor:
        return torch.func.functional_call(self.trial.network, self.residuals.unflatten(theta), (x,))[:, 0]

    def plain(self, theta: Tensor) -> Tensor:
        return self.network(theta, self.x)

    def nested(self, theta: Tensor) -> Tensor:
        x = self.x.detach().requires_grad_()
        u = self.network(theta, x)
        g = gradient(u, x)
        if self.case.equation == "second":
            return g[:, 1] + u * g[:, 0] - gradient(g[:, 0], x)[:, 0]
        laplacian = sum(gradient(g[:, i], x)[:, i] for i in range(self.case.d))
        if self.case.equation == "laplacian":
            return laplacian
        outer = gradient(laplacian, x)
        return sum(gradient(outer[:, i], x)[:, i] for i in range(self.case.d))

    def floor(self, reverse: bool = False) -> Callable[[], None]:
        """The matrix products of the collapsed channels through all layers, and of a reverse pass; nothing else."""
        request = self.trial.request(self.group.blocks[0].equation.arguments)
        rows = len(request.field_channels) * len(self.x)
        sizes = [self.case.d, *[self.case.width] * self.case.depth, self.case.m]
        pairs = [
            (torch.rand(rows, a, dtype=self.x.dtype), torch.rand(a, b, dtype=self.x.dtype)) for a, b in pairwise(sizes)
        ]

        def products() -> None:
            for a, b in pairs:
                z = a @ b
                if reverse:
                    _ = z @ b.mT, a.mT @ z

        return products


def make_reverse(trial: TrialFunction) -> TrialFunction:
    return TrialFunction(trial.problem, trial.network, trial.ansatz, derivatives="reverse")


def gradient(y: Tensor, x: Tensor) -> Tensor:
    return torch.autograd.grad(y.sum(), x, create_graph=True)[0]


def loss_and_gradient(way: Callable[[Tensor], Tensor], theta: Tensor) -> Tensor:
    theta = theta.detach().requires_grad_()
    return torch.autograd.grad(way(theta).square().mean(), theta)[0]


def peak_memory(call: Callable[[], object]) -> float:
    """MiB of resident memory that a call needs at its peak on top of what is held before; NaN where not on Linux."""
    if not sys.platform.startswith("linux"):
        return math.nan
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew from what is resident now
    before = _resident("VmRSS")
    call()
    return (_resident("VmHWM") - before) / 1024


def _resident(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))


def medians(calls: dict[str, Callable[[], object]], repeats: int) -> dict[str, tuple[float, float]]:
    """Milliseconds and MiB of each call; the calls take turns, so that a noisy machine disturbs all alike."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    memory = {}
    for name, call in calls.items():
        call()
        memory[name] = peak_memory(call)
    for _ in range(repeats):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            times[name].append(time.perf_counter() - start)
    return {name: (1e3 * statistics.median(column), memory[name]) for name, column in times.items()}


def show(title: str, found: dict[str, tuple[float, float]], reference: str) -> None:
    print(f"\n{title}")  # noqa: T201
    for name, (milliseconds, mebibytes) in found.items():
        ratio = found[reference][0] / milliseconds
        print(f"  {name:28s}{milliseconds:10.2f} ms {ratio:8.2f}x of {reference}'s speed {mebibytes:8.0f} MiB")  # noqa: T201


def run(case: Case, n: int, dtype: torch.dtype, repeats: int) -> None:
    rows = Rows(case, n, dtype)
    title = f"{case.label}, {n} points, {str(dtype).removeprefix('torch.')}, p = {len(rows.theta)}"
    with torch.no_grad():
        values: dict[str, Callable] = {
            k: partial(way, rows.theta) for k, way in rows.ways.items() if k != "nested autograd"
        }
        values["floor"] = rows.floor()
        values["nested autograd"] = lambda: torch.enable_grad()(rows.nested)(rows.theta)
        show(f"residual: {title}", medians(values, repeats), "nested autograd")
    gradients: dict[str, Callable] = {k: partial(loss_and_gradient, way, rows.theta) for k, way in rows.ways.items()}
    every = {"interior": Points(rows.x)}
    gradients["taylor collapsed"] = partial(bind(rows.residuals, every).loss_and_gradient, rows.theta)
    compiled = bind(rows.residuals, every, Assembly(compile=True))
    gradients["compiled"] = partial(compiled.loss_and_gradient, rows.theta)
    gradients["floor"] = rows.floor(reverse=True)
    show(f"loss and gradient: {title}", medians(gradients, repeats), "nested autograd")
    few = n if len(rows.theta) <= FEW_PARAMETERS else n // 8  # J^T J of the larger networks takes half a minute
    points = {"interior": Points(rows.x[:few])}
    bound = bind(rows.residuals, points)
    reference = bind(Residuals(make_reverse(rows.trial)), points, Assembly(jacobian="reference"))
    j = bound.jacobian(rows.theta)[1].clone()
    jacobians: dict[str, Callable] = {
        "captured": lambda: bound.jacobian(rows.theta),
        "J^T J": lambda: j.mT @ j,
    }
    if case.d <= 3 and case.equation != "fourth":
        jacobians["nested vmap(jacrev)"] = lambda: reference.jacobian(rows.theta)
    show(f"parameter Jacobian at {few} points: {title}", medians(jacobians, max(3, repeats // 2)), "J^T J")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=4096)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--dtypes", nargs="+", default=["float64", "float32"], choices=["float64", "float32"])
    parser.add_argument("--cases", nargs="+", default=[case.label for case in CASES])
    arguments = parser.parse_args()
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")  # noqa: T201
    for case in CASES:
        if case.label in arguments.cases:
            for name in arguments.dtypes:
                run(case, arguments.points, getattr(torch, name), arguments.repeats)


if __name__ == "__main__":
    main()
