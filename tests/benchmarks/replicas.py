"""Many seeds at once against one after the other: steps of all replicas a second.

python tests/benchmarks/replicas.py [--device cpu] [--replicas 32] [--sizes 8x1:100 8x2:200 16x2:500]
    [--optimizers trust_region levenberg_marquardt adam] [--steps 20]

Sizes are width x depth : points of the interior. Burgers' equation, hard constraints, the same points for all. Columns:
p parameters; milliseconds of a step of one network alone, and of a step of all replicas over their number (means
over the steps, of processor time on the CPU, so that other programs do not count); their ratio is how many times more
networks are trained in a second. Steps whose trials differ are part of it: the batch goes on until its last replica has
its step.
"""

import argparse
import logging
import time
from functools import partial
from typing import Any

import torch

from pinn.basis.logs import logger
from pinn.networks import MLP
from pinn.optimizers import Adam, LevenbergMarquardt, Optimizer, TrustRegion
from pinn.problems import Burgers
from pinn.replicas import Replicas
from pinn.residuals.exact_terms import make_residuals
from pinn.sampling import SobolSampler
from pinn.solving import choose_device
from pinn.trial.making import make_trial

OPTIMIZERS: dict[str, Optimizer] = {
    "trust_region": TrustRegion(),
    "levenberg_marquardt": LevenbergMarquardt(),
    "adam": Adam(),
}


def clock(device: torch.device) -> float:
    if device.type == "cpu":
        return time.process_time()
    torch.cuda.synchronize(device)
    return time.perf_counter()


def per_step(optimizer: Optimizer, theta: Any, problem: Any, steps: int, device: torch.device) -> float:
    """Milliseconds of a step: mean over the steps after the first, in which caches are filled."""
    state = optimizer.init(theta)
    theta, state, _ = optimizer.step(theta, state, problem)
    start = clock(device)
    for _ in range(steps):
        theta, state, _ = optimizer.step(theta, state, problem)
    return 1e3 * (clock(device) - start) / steps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--replicas", type=int, default=32)
    parser.add_argument("--sizes", nargs="+", default=["8x1:100", "8x2:200", "16x2:500"])
    parser.add_argument("--optimizers", nargs="+", choices=list(OPTIMIZERS), default=list(OPTIMIZERS))
    parser.add_argument("--steps", type=int, default=20)
    arguments = parser.parse_args()
    logger.setLevel(logging.WARNING)
    logger.addHandler(logging.NullHandler())
    device, count = choose_device(arguments.device), arguments.replicas
    names = ("network", "points", "p", "alone", f"of {count}", "ratio")
    for name in arguments.optimizers:
        print(f"{name}, ms a step\n" + "".join(f"{column:>10s}" for column in names))  # noqa: T201
        for size in arguments.sizes:
            shape, points = size.split(":")
            width, depth = map(int, shape.split("x"))
            starts = []
            for seed in range(count):
                torch.manual_seed(seed)
                trial = make_trial(Burgers(), partial(MLP, width=width, depth=depth), device=device)
                residuals = make_residuals(trial)
                starts.append(residuals.theta())
            sampler, generator = SobolSampler(interior=int(points)), torch.Generator().manual_seed(0)
            drawn = {
                label: sampler.draw(trial.domain, group.region, generator).to(trial.dtype, device)
                for label, group in residuals.regions.items()
            }
            optimizer, replicas = OPTIMIZERS[name], Replicas(residuals, torch.stack(starts))
            alone = per_step(optimizer, starts[0], residuals.at(drawn), arguments.steps, device)
            many = per_step(optimizer.replicated(), replicas.theta(), replicas.at(drawn), arguments.steps, device)
            cells = f"{alone:10.2f}{many / count:10.3f}{alone * count / many:10.1f}"
            print(f"{shape:>10s}{points:>10s}{len(starts[0]):10d}{cells}", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
