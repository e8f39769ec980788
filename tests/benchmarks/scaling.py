"""Weak and strong scaling of a Gauss-Newton step over processes of one thread each, and where its time goes.

python tests/benchmarks/scaling.py [--ranks 1 2] [--points 4096] [--width 20] [--depth 3] [--steps 10]

Strong: all ranks share `points`. Weak: each rank has `points`. A step is Levenberg-Marquardt's on Burgers' equation, by
Cholesky factorization. Columns: rows N and parameters p; the least over the steps of rank 0 (other programs only add),
in milliseconds, of the step, of its share of J and of J^T J, of the sum over the ranks, of the factorization that every
rank makes for itself; `efficiency`: time with one rank over time, times one rank's points over a rank's. The cost model
beside it: flops of a rank, 5/4 N p^2 / R + p^3 / 3, and bytes that it hands to the sum, 8 (p^2 + p + 1).
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from pinn.distributed.rendezvous import launched_team, left
from pinn.distributed.team import Alone, Team
from pinn.linear_algebra.symmetric import gram
from pinn.networks import MLP
from pinn.optimizers import LevenbergMarquardt
from pinn.problems import Burgers
from pinn.residuals.exact_terms import make_residuals
from pinn.residuals.execution import Execution
from pinn.sampling import SobolSampler
from pinn.trial.making import make_trial

COLUMNS = ("step", "J", "product", "sum", "factor")


def milliseconds(function: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    found = function()
    return 1e3 * (time.perf_counter() - start), found


def measure(team: Team, points: int, width: int, depth: int, steps: int) -> dict[str, float]:
    """The least over the steps, each followed by its parts at the same parameters."""
    torch.manual_seed(0)
    residuals = make_residuals(make_trial(Burgers(), partial(MLP, width=width, depth=depth)))
    drawn = residuals.draw(SobolSampler(interior=points), torch.Generator().manual_seed(0))
    problem, theta = Execution(team=team).bind(residuals, drawn), residuals.theta()
    optimizer = LevenbergMarquardt(solver="cholesky")
    state, rows = optimizer.init(theta), []
    for _ in range(steps + 1):
        team.summed(theta.new_zeros(1))  # start together
        duration, (theta, state, report) = milliseconds(partial(optimizer.step, theta, state, problem))
        row = {"step": duration}
        row["J"], (r, j) = milliseconds(partial(problem.jacobian, theta))
        row["product"], product = milliseconds(partial(gram, j))
        right = j.mT @ r
        team.summed(theta.new_zeros(1))
        row["sum"], (product, *_) = milliseconds(partial(team.summed, product, right, r @ r))
        product.diagonal().add_(report["damping"])
        row["factor"] = milliseconds(partial(torch.linalg.cholesky_ex, product))[0]
        rows.append(row)
    found = {name: min(row[name] for row in rows[1:]) for name in COLUMNS}
    return found | {"N": len(problem), "p": len(theta)}


def together(ranks: int, words: list[str]) -> dict[str, float]:
    """What rank 0 of so many processes measures."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = str(held.getsockname()[1])
    shared = {**os.environ, "WORLD_SIZE": str(ranks), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    shared["OMP_NUM_THREADS"] = "1"
    command = [sys.executable, __file__, "--member", *words]
    members = [
        subprocess.Popen(command, env={**shared, "RANK": str(rank)}, stdout=subprocess.PIPE, text=True)
        for rank in range(ranks)
    ]
    told = [member.communicate()[0] for member in members]
    return json.loads(told[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ranks", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--points", type=int, default=4096)
    parser.add_argument("--width", type=int, default=20)
    parser.add_argument("--depth", type=int, default=3)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--member", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    sizes = (arguments.width, arguments.depth, arguments.steps)
    if arguments.member:
        torch.set_num_threads(1)
        team = launched_team(torch.device("cpu")) if int(os.environ["WORLD_SIZE"]) > 1 else Alone()
        print(json.dumps(measure(team, arguments.points, *sizes)))  # noqa: T201
        left()
        return
    names = ("ranks", "N", "p", *COLUMNS, "efficiency", "GFLOP", "MB sent")
    for title in ("strong", "weak"):
        print(f"{title}, ms\n" + "".join(f"{name:>11s}" for name in names))  # noqa: T201
        alone = None
        for ranks in arguments.ranks:
            points = arguments.points * (ranks if title == "weak" else 1)
            named = zip(("width", "depth", "steps"), sizes, strict=True)
            words = [f"--points={points}", *(f"--{name}={size}" for name, size in named)]
            row = together(ranks, words)
            alone = alone or row["step"] * ranks
            n, p = row["N"], row["p"]
            efficiency = alone / row["step"] / (ranks if title == "strong" else 1)
            flops, sent = 1.25 * n * p**2 / ranks + p**3 / 3, 8 * (p**2 + p + 1) * (ranks > 1)
            cells = "".join(f"{row[name]:11.1f}" for name in COLUMNS)
            model = f"{efficiency:11.2f}{flops / 1e9:11.2f}{sent / 1e6:11.1f}"
            print(f"{ranks:11d}{n:11d}{p:11d}{cells}{model}", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
