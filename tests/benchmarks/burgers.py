"""Error against seconds on Burgers' equation, second order beside first order.

python tests/benchmarks/burgers.py [--seconds 60] [--seeds 0 1 2] [--optimizers least_damping adam]

Same network, points and seeds for each optimizer; prints the median over the seeds of the relative L2 error (at 2,000
fixed random points) that was reached within 1/16, 1/8, ... of the time, and the ratio of the columns.
"""

import argparse
import logging

import numpy as np

import pinn
from pinn.basis.logs import logger
from pinn.optimizers import Adam, LeastDamping, LevenbergMarquardt, Optimizer, TrustRegion
from pinn.problems import Burgers

OPTIMIZERS: dict[str, type[Optimizer]] = {
    "trust_region": TrustRegion,
    "least_damping": LeastDamping,
    "levenberg_marquardt": LevenbergMarquardt,
    "adam": Adam,
}


def errors(optimizer: Optimizer, seed: int, times: np.ndarray) -> np.ndarray:
    """The smallest measured error within each of the given times (seconds)."""
    training = pinn.Training(steps=10**6, time_limit=float(times[-1]), check_every=10)
    history = pinn.solve(
        Burgers(), optimizer=optimizer, training=training, seed=seed, output=pinn.Output(estimate=False)
    ).history
    measured = np.isfinite(history["error/u"])
    seconds, error = history["seconds"][measured], history["error/u"][measured]
    return np.array([error[seconds <= time].min(initial=1.0) for time in times])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--optimizers", nargs="+", default=list(OPTIMIZERS), choices=list(OPTIMIZERS))
    arguments = parser.parse_args()
    logger.setLevel(logging.WARNING)
    logger.addHandler(logging.NullHandler())
    times = arguments.seconds / 2.0 ** np.arange(4, -1, -1)
    medians = {
        name: np.median([errors(OPTIMIZERS[name](), seed, times) for seed in arguments.seeds], axis=0)
        for name in arguments.optimizers
    }
    print(f"relative L2 error on Burgers, nu = 0.01/pi; median of seeds {arguments.seeds}")  # noqa: T201
    print("seconds".rjust(10) + "".join(name.rjust(22) for name in medians) + "ratio to the first".rjust(22))  # noqa: T201
    for k, time in enumerate(times):
        row = [column[k] for column in medians.values()]
        cells = "".join(f"{value:22.2e}" for value in [*row, row[-1] / row[0]])
        print(f"{time:10.1f}{cells}")  # noqa: T201


if __name__ == "__main__":
    main()
