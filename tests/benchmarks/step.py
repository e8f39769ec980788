"""Time of a Gauss-Newton step against that of its parts: J, J^T J and one Cholesky factorization, measured alone.

python tests/benchmarks/step.py [--steps 30] [--problems burgers poisson_2d] [--optimizers least_damping] [--threads 1]

Each problem and optimizer has the settings that the command line gives them. After a warm-up, every step is followed by
its parts at the same parameters and points; medians over the steps, milliseconds, in one run. Columns: N rows and p
parameters; J, J^T J and factorization; `loss` one evaluation of ||r||^2; the step, and how many factorizations and
evaluations of r or ||r||^2 it made on average; `ratio` the step over (J + J^T J + one factorization), and `own ratio`
over (J + J^T J + the factorizations it made): a method that tries several dampings makes several.
"""

import argparse
import logging
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from hydra import compose, initialize_config_module
from hydra.utils import instantiate
from torch import Tensor

import pinn
from pinn.basis.logs import logger
from pinn.cli.composition import register
from pinn.linear_algebra.symmetric import gram
from pinn.residuals.exact_terms import make_residuals
from pinn.training import Trainer
from pinn.trial.making import make_trial

PROBLEMS = ["burgers", "poisson_2d", "allen_cahn"]
OPTIMIZERS = ["least_damping", "levenberg_marquardt"]
WARM_UP = 10


class Counted:
    """A function that counts its calls."""

    def __init__(self, function: Callable) -> None:
        self.function = function
        self.calls = 0

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        self.calls += 1
        return self.function(*arguments, **options)


def milliseconds(function: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    found = function()
    return 1e3 * (time.perf_counter() - start), found


def trained(problem: str, optimizer: str) -> Trainer:
    """A trainer after the warm-up."""
    with initialize_config_module("pinn.conf", version_base="1.3"):
        config = compose("config", overrides=[f"problem={problem}", f"optimizer={optimizer}"])
    parts = {n: instantiate(config[n], _convert_="all") for n in ("problem", "network", "sampler", "optimizer")}
    torch.manual_seed(0)
    residuals = make_residuals(make_trial(parts["problem"], parts["network"]))
    trainer = Trainer(residuals, parts["optimizer"], parts["sampler"], pinn.Training(steps=WARM_UP, time_limit=None))
    trainer.run()
    return trainer


def parts(problem: Any, theta: Tensor, damping: float) -> dict[str, float]:
    """J, J^T J, the factorization of J^T J + damping I and the loss, each alone."""
    found = {}
    found["J"], (_, j) = milliseconds(lambda: problem.jacobian(theta))
    found["J^T J"], product = milliseconds(lambda: gram(j))
    product.diagonal().add_(damping)
    found["factor"] = milliseconds(lambda: torch.linalg.cholesky_ex(product))[0]
    found["loss"] = milliseconds(lambda: problem.loss(theta))[0]
    return found


def measure(trainer: Trainer, steps: int) -> dict[str, float]:
    """Medians over the steps, and means of the numbers of calls."""
    optimizer, problem = trainer.stages[0].optimizer, trainer.least_squares
    theta, state, rows = trainer.theta, trainer.state, []
    for _ in range(steps):
        cholesky, evaluations = Counted(torch.linalg.cholesky_ex), [Counted(problem.residual), Counted(problem.loss)]
        torch.linalg.cholesky_ex = cholesky  # type: ignore[assignment]
        problem.residual, problem.loss = evaluations  # type: ignore[method-assign]
        try:
            duration, (moved, state, report) = milliseconds(
                lambda theta=theta, state=state: optimizer.step(theta, state, problem)
            )
        finally:
            torch.linalg.cholesky_ex = cholesky.function
            del problem.residual, problem.loss
        row = parts(problem, theta, report["damping"])
        floor = row["J"] + row["J^T J"] + row["factor"]
        own = floor + (cholesky.calls - 1) * row["factor"]
        row |= {"step": duration, "factors": cholesky.calls, "evaluations": sum(e.calls for e in evaluations)}
        rows.append(row | {"ratio": duration / floor, "own ratio": duration / own})
        theta = moved
    counts = ("factors", "evaluations")
    return {
        name: (statistics.mean if name in counts else statistics.median)([float(row[name]) for row in rows])
        for name in rows[0]
    } | {"N": len(problem), "p": len(theta)}


COLUMNS = ["N", "p", "J", "J^T J", "factor", "loss", "step", "factors", "evaluations", "ratio", "own ratio"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--problems", nargs="+", default=PROBLEMS)
    parser.add_argument("--optimizers", nargs="+", default=OPTIMIZERS)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    logger.setLevel(logging.WARNING)
    logger.addHandler(logging.NullHandler())
    register([])
    print(f"milliseconds, {arguments.threads} threads, torch {torch.__version__}")  # noqa: T201
    print(" " * 34 + "".join(f"{name:>12}" for name in COLUMNS))  # noqa: T201
    for problem in arguments.problems:
        for optimizer in arguments.optimizers:
            found = measure(trained(problem, optimizer), arguments.steps)
            cells = "".join(f"{found[name]:12.{0 if name in 'Np' else 2}f}" for name in COLUMNS)
            print(f"{problem:12s}{optimizer:22s}{cells}")  # noqa: T201


if __name__ == "__main__":
    main()
