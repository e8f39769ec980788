"""Error and time of each problem's default run, as `pinn problem=...` makes it.

python tests/benchmarks/defaults.py [--problems ...] [--seeds 0 1 2] [--accurate] [--cpu]

Prints a line a problem: medians over the seeds of the relative L2 error (largest field, on the solution file's grid)
and of the seconds until the solution is there, the choice of features included. --accurate adds training=accurate.
With --cpu seconds are those of the processor, which on one thread (OMP_NUM_THREADS=1) do not depend on what else the
machine does; limits of time then count them, too.
"""

import argparse
import logging
import statistics
import time

import pinn
from pinn.basis.logs import logger
from pinn.cli.help import groups


def run(problem: str, seed: int, accurate: bool) -> tuple[float, float, str]:
    """Error, seconds and outcome of one run."""
    start = time.perf_counter()
    words = [f"problem={problem}", f"seed={seed}", *(["training=accurate"] if accurate else [])]
    solution = pinn.solve(**pinn.configured(*words, "output.estimate=false"))
    seconds = time.perf_counter() - start
    errors = [error["relative_l2"] for error in solution.errors().values()]
    return max(errors, default=float("nan")), seconds, str(solution.attributes["outcome"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problems", nargs="+", default=sorted(groups()["problem"]))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--accurate", action="store_true")
    parser.add_argument("--cpu", action="store_true")
    arguments = parser.parse_args()
    if arguments.cpu:
        time.perf_counter = time.process_time  # the clock of training
    logger.setLevel(logging.WARNING)
    logger.addHandler(logging.NullHandler())
    print(f"{'problem':22s}{'error':>10s}{'seconds':>10s}  outcome")  # noqa: T201
    for problem in arguments.problems:
        errors, seconds, outcomes = zip(*(run(problem, s, arguments.accurate) for s in arguments.seeds), strict=True)
        median = statistics.median
        print(f"{problem:22s}{median(errors):10.1e}{median(seconds):10.1f}  {outcomes[0]}", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
