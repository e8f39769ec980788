"""Each way of adaptive sampling against uniform points, on the same seeds: Burgers' equation after a number of steps.

python tests/benchmarks/adaptation.py [--steps 150] [--interior 1000] [--seeds 0 1] [--optimizer least_damping]
"""

import argparse
import logging
import sys
import time

import numpy as np

import pinn
from pinn import optimizers, sampling
from pinn.problems import Burgers

ADAPTATIONS = {
    "none": None,
    "RAD": sampling.RAD(),
    "RAR": sampling.RAR(),
    "R3": sampling.R3(),
    "attention": sampling.ResidualAttention(),
    "attention, points stay": sampling.ResidualAttention(renewed=0.0),
    "flow": sampling.FlowSampling(),
}
OPTIMIZERS = {"least_damping": optimizers.LeastDamping, "ssbroyden": optimizers.SSBroyden}


def error(adaptation, optimizer, steps: int, interior: int, seed: int) -> tuple[float, float]:
    """The relative L2 error on fresh points after these steps, and the seconds they took."""
    started = time.perf_counter()
    solution = pinn.solve(
        Burgers(),
        optimizer=optimizer(),
        sampler=sampling.SobolSampler(interior=interior, adaptation=adaptation),
        training=pinn.Training(steps=steps, time_limit=None, check_every=10),
        compile="never",
        output=pinn.Output(estimate=False),
        seed=seed,
        device="cpu",
    )
    found = solution.history["error/u"]  # measured at the first step and at the last, where it is not cut short
    return float(found[np.isfinite(found)][-1]), time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--interior", type=int, default=1000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--optimizer", choices=OPTIMIZERS, default="least_damping")
    chosen = parser.parse_args()
    logging.getLogger("pinn").addHandler(logging.NullHandler())
    logging.getLogger("pinn").propagate = False
    for name, adaptation in ADAPTATIONS.items():
        runs = [
            error(adaptation, OPTIMIZERS[chosen.optimizer], chosen.steps, chosen.interior, seed)
            for seed in chosen.seeds
        ]
        errors = "  ".join(f"{found:.1e}" for found, _ in runs)
        mean = np.exp(np.mean(np.log([found for found, _ in runs])))
        seconds = np.mean([taken for _, taken in runs])
        sys.stdout.write(f"{name:24}{errors}   geometric mean {mean:.1e}   {seconds:.0f} s a run\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
