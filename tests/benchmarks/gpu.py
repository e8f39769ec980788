"""What a GPU gives: error against seconds, the parts of a Gauss-Newton step, and the share of the matrix peak.

python tests/benchmarks/gpu.py [--device cuda] [--dtype float64] [--seconds 45] [--problems ...] [--sizes 20x3 64x4]
    [--points 16384]

One call, under eight minutes with the default options. It takes nothing but torch, numpy, scipy, h5py, matplotlib,
rich and PyYAML, for machines where Hydra is not installed; the settings are those of conf/problem/.

1. The peak: one product of two square matrices.
2. Each problem for so many seconds of training: relative L2 error at held-out points when a tenth, a third and all of
   the time of its run were used.
3. A step of Levenberg-Marquardt on Burgers' equation by size of the network: milliseconds of J, of J^T J, of its
   Cholesky factorization, of one evaluation of the loss (what a step needs to be accepted), each alone, of the whole
   step, and of the step by CUDA graphs (compile=auto); the product's TFLOP/s, counting the 5/4 N p^2 that are done
   of 2 N p^2, and their share of the peak.
"""

import argparse
import logging
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import torch

import pinn
from pinn.basis.logs import logger
from pinn.linear_algebra.symmetric import gram
from pinn.networks import MLP, RandomFeatures, Spectral
from pinn.optimizers import LevenbergMarquardt, LinearLeastSquares
from pinn.problem import Problem
from pinn.problems import AllenCahn, Burgers, KdV, LidDrivenCavity, Poisson5D, Wave
from pinn.residuals.exact_terms import make_residuals
from pinn.residuals.least_squares import CollocationLeastSquares, bind
from pinn.residuals.protocol import LeastSquares
from pinn.sampling import GaussLegendreSampler, SobolSampler
from pinn.solving import DTYPES, choose_device
from pinn.solving.cuda_graphs import make_recorder
from pinn.trial.making import make_trial

PEAK_ORDER = {"cuda": 8192, "cpu": 1024}  # of the matrices that give the peak
REPEATS = 5
COLUMNS = ("J", "product", "factor", "accept", "step", "graphs", "TFLOP/s", "of peak")

spectral: dict[str, Any] = {"optimizer": LinearLeastSquares(), "network": Spectral, "initial_guess": "features"}
in_windows: dict[str, Any] = {"check_every": 1, "windows": "auto"}
linear = {"optimizer": LinearLeastSquares(), "network": RandomFeatures}
PROBLEMS: dict[str, tuple[Problem, dict[str, Any], dict[str, Any]]] = {  # problem, settings, those of the training
    "burgers, nu = 0.01": (Burgers(nu=0.01), {}, {}),
    "burgers, nu = 0.01/pi": (Burgers(), {}, {}),
    "wave": (Wave(), {**linear, "initial_guess": "features"}, {"check_every": 1}),
    "kdv": (KdV(), {**linear, "network": partial(RandomFeatures, scale=25.0)}, {"check_every": 1, "windows": 40}),
    "lid_driven_cavity": (
        LidDrivenCavity(),
        {
            "optimizer": LinearLeastSquares(),
            "network": partial(RandomFeatures, width=500, scale=5.0),
            "sampler": GaussLegendreSampler(interior=5000),
        },
        {"check_every": 1},
    ),
    "burgers, spectral": (Burgers(), spectral, in_windows),
    "allen_cahn, spectral": (AllenCahn(), spectral, in_windows),
    "kdv, spectral": (KdV(), spectral, in_windows),
    "poisson_5d": (Poisson5D(), {"network": partial(MLP, width=32, depth=1, activation="sin")}, {"tolerance": 1e-16}),
}


def finished(device: torch.device) -> float:
    """The time, once the device has done all that it was told."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def seconds(function: Callable[[], Any], device: torch.device) -> float:
    """Median of some calls after a first one."""
    function()
    found = []
    for _ in range(REPEATS):
        start = finished(device)
        function()
        found.append(finished(device) - start)
    return statistics.median(found)


def peak(device: torch.device, dtype: torch.dtype) -> float:
    """Flops a second of a product of square matrices."""
    n = PEAK_ORDER[device.type]
    a, b = (torch.randn(n, n, device=device, dtype=dtype) for _ in range(2))
    return 2.0 * n**3 / seconds(lambda: a @ b, device)


def train(name: str, device: str, dtype: str, limit: float) -> str:
    """Error against seconds of one problem."""
    problem, settings, training = PROBLEMS[name]
    start = time.perf_counter()
    solution = pinn.solve(
        problem,
        **settings,
        training=pinn.Training(**training, time_limit=limit),
        device=device,
        dtype=dtype,
        output=pinn.Output(estimate=False),
    )
    total, history = time.perf_counter() - start, solution.history
    cells = []
    for share in (0.1, 1 / 3, 1.0):
        until = history["seconds"] <= share * history["seconds"][-1]
        errors = [history[column][until] for column in history if column.startswith("error/")]
        known = [column[~_nan(column)][-1] for column in errors if (~_nan(column)).any()]
        cells.append(f"{max(known):9.1e}" if known else f"{'-':>9s}")
    times = f"{history['seconds'][-1]:10.1f}{total:10.1f}{len(history['step']):8d}"
    return f"{name:24s}{''.join(cells)}{times}  {solution.attributes['outcome']}"


def _nan(column: Any) -> Any:
    return column != column


def breakdown(width: int, depth: int, points: int, device: torch.device, dtype: torch.dtype, top: float) -> str:
    """The parts of a step for one size of the network."""
    torch.manual_seed(0)
    trial = make_trial(Burgers(), partial(MLP, width=width, depth=depth), dtype=dtype, device=device)
    residuals = make_residuals(trial)
    problem = bind(residuals, residuals.draw(SobolSampler(interior=points), torch.Generator()))
    theta, optimizer = residuals.theta(), LevenbergMarquardt(solver="cholesky")
    n, p = len(problem), len(theta)
    if 2 * theta.element_size() * n * p > 2**35:
        return f"{width}x{depth}: J of {n:,} rows and {p:,} columns is larger than 16 GiB"
    parts = {"J": seconds(lambda: problem.jacobian(theta), device)}
    _, j = problem.jacobian(theta)
    parts["product"] = seconds(lambda: gram(j), device)
    damped = gram(j)
    damped.diagonal().add_(1e-3 * damped.diagonal().max())
    parts["factor"] = seconds(lambda: torch.linalg.cholesky_ex(damped), device)
    parts["accept"] = seconds(lambda: problem.loss(theta), device)

    def step(least_squares: LeastSquares) -> None:
        optimizer.step(theta, optimizer.init(theta), least_squares)

    parts["step"] = seconds(partial(step, problem), device)
    rate = 1.25 * n * p**2 / parts["product"]
    cells = "".join(f"{1e3 * part:10.2f}" for part in parts.values()) + graphs(problem, step, device)
    return f"{f'{width}x{depth}':>8s}{n:8d}{p:8d}{cells}{rate / 1e12:10.2f}{rate / top:10.0%}"


def graphs(problem: CollocationLeastSquares, step: Callable[[LeastSquares], None], device: torch.device) -> str:
    """Milliseconds of a step by CUDA graphs; `-` where there are none, `no` where they cannot be recorded."""
    if device.type != "cuda":
        return f"{'-':>10s}"
    recorded = make_recorder(device)(problem)
    found = seconds(partial(step, recorded), device)
    return f"{1e3 * found:10.2f}" if recorded.recorder.usable else f"{'no':>10s}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--dtype", choices=list(DTYPES), default="float64")
    parser.add_argument("--seconds", type=float, default=45.0)
    parser.add_argument("--problems", nargs="*", choices=[*PROBLEMS, []], default=list(PROBLEMS))
    parser.add_argument("--sizes", nargs="*", default=["20x3", "32x4", "64x4"])
    parser.add_argument("--points", type=int, default=16384)
    arguments = parser.parse_args()
    device, dtype = choose_device(arguments.device), DTYPES[arguments.dtype]
    logger.setLevel(logging.WARNING)
    logger.addHandler(logging.NullHandler())
    show = partial(print, flush=True)
    top = peak(device, dtype)
    title = torch.cuda.get_device_name(device) if device.type == "cuda" else f"{torch.get_num_threads()} threads"
    show(f"{title}, {arguments.dtype}, torch {torch.__version__}: peak {top / 1e12:.2f} TFLOP/s")
    show(f"\n{'network':>8s}{'N':>8s}{'p':>8s}" + "".join(f"{name:>10s}" for name in COLUMNS))
    for size in arguments.sizes:
        width, depth = map(int, size.split("x"))
        show(breakdown(width, depth, arguments.points, device, dtype, top))
    show(f"\n{'error at time':24s}{'1/10':>9s}{'1/3':>9s}{'all':>9s}{'training':>10s}{'in all':>10s}{'steps':>8s}")
    for name in arguments.problems:
        show(train(name, arguments.device, arguments.dtype, arguments.seconds))


if __name__ == "__main__":
    main()
