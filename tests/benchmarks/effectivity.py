"""Estimated over true error, of networks trained to three stages, and after their second stage.

python tests/benchmarks/effectivity.py [--problems ...] [--limit 60] [--steps 10 40] [--words KEY=VALUE ...] [--cpu]

Each problem with a known solution is trained by least_damping for so many steps, and as long as its own settings and
the limit (seconds) allow. A line for the trained network and one for what a run saves: relative L2 error on the
solution file's grid (of the field whose effectivity is farthest from 1), its estimate, estimate / error, the share of
the residual that stays unexplained, corrections, seconds of the estimate. An effectivity below 1/3 is a fault where it
is not marked as a lower bound, below 0.1 in any case. With --cpu seconds are those of the processor.
"""

import argparse
import logging
import math
import time

import pinn
from pinn.basis.errors import UserError
from pinn.basis.logs import logger
from pinn.cli.help import groups
from pinn.diagnosis.second_stage import Staged, staged
from pinn.solution import Solution
from pinn.training.run import Callback, Run

TRAINED = ("optimizer=least_damping", "network=mlp", "initial_guess=null", "output.estimate=false", "compile=never")
SHARE, LEAST = 0.2, 2.0  # of a run's seconds, for its estimate, as in a run


class Trained(Callback):
    """Keeps the run, which knows how much its last steps changed."""

    run: Run

    def on_start(self, run: Run) -> None:
        self.run = run


def row(label: str, found: Staged, solution: Solution, seconds: float) -> str:
    """A line of the table. solution: of the training, whose truth and nodes are used."""
    answer = Solution(found.trial, nodes=solution.nodes)
    answer._truth = solution._truth  # some take a minute
    errors = {field: error["relative_l2"] for field, error in answer.errors().items()}
    estimate = found.measured
    ratios = {field: estimate.errors[field] / error for field, error in errors.items() if error > 0}
    field = max(ratios, key=lambda name: abs(math.log(ratios[name] or 1e-300)))
    mark = " " if estimate.is_resolved else ">"
    return (
        f"{label:34s}{errors[field]:10.1e} {mark}{estimate.errors[field]:8.1e}{ratios[field]:9.2f}{estimate.left:10.1e}"
        f"{estimate.corrections:4d}{seconds:8.1f}"
    )


def examine(problem: str, stage: str, words: list[str]) -> None:
    """Train, estimate and correct; print both lines."""
    start = time.perf_counter()
    try:
        configured = pinn.configured(f"problem={problem}", *TRAINED, *words)
    except UserError as error:
        print(f"{problem}: not with least_damping: {error}", flush=True)  # noqa: T201
        return
    if configured["problem"].truth_kind is None:
        return
    trained = Trained()
    solution = pinn.solve(**configured, callbacks=[trained])
    share = max(SHARE * (time.perf_counter() - start), LEAST)
    solution.errors()
    for second_stage in (False, True):
        start = time.perf_counter()
        found = staged(solution.trial, None, share, second_stage=second_stage, change=trained.run.change())
        label = f"{problem}, {stage}" if not second_stage else "  as saved"
        print(row(label, found, solution, time.perf_counter() - start), flush=True)  # noqa: T201


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problems", nargs="+", default=sorted(groups()["problem"]))
    parser.add_argument("--limit", type=float, default=60.0)
    parser.add_argument("--steps", type=int, nargs="*", default=[10, 40])
    parser.add_argument("--words", nargs="*", default=[])
    parser.add_argument("--cpu", action="store_true")
    arguments = parser.parse_args()
    if arguments.cpu:
        time.perf_counter = time.process_time  # the clock of training
    logger.setLevel(logging.ERROR)
    logger.addHandler(logging.NullHandler())
    head = f"{'problem, steps':34s}{'error':>10s}{'estimate':>10s}{'ratio':>9s}{'left':>10s}{'':4s}{'seconds':>8s}"
    print(head)  # noqa: T201
    limit = [f"training.time_limit={arguments.limit:g}", *arguments.words]
    for problem in arguments.problems:
        for steps in arguments.steps:
            examine(problem, f"{steps} steps", [f"training.steps={steps}", *limit])
        examine(problem, f"{arguments.limit:g} s", limit)


if __name__ == "__main__":
    main()
