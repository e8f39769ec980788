"""Error against seconds of every optimizer on a set of problems, with the same network, points and seeds.

python tests/benchmarks/optimizers.py [--seconds 60] [--seeds 0 1 2] [--problems ...] [--optimizers ...] [--folder F]
    [--cpu]

Each optimizer trains the default network, three layers of 20 tanh, at 2,000 Sobol points; the row `default` is the
problem's own default configuration. With --cpu seconds are those of the processor, which on one thread
(OMP_NUM_THREADS=1) do not depend on what else the machine does. Prints, for each problem, the median over the seeds of
the smallest relative L2 error (largest field, 2,000 fixed random points) within 1/16, 1/8, ... of the
time; writes errors_*.csv and errors_*.png (error against seconds, log-log) to the folder. Runs that are done are not
repeated.
"""

import argparse
import csv
import logging
import time
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import pinn
from pinn.basis.logs import logger
from pinn.training.run import Callback

PROBLEMS = ["burgers", "poisson_2d", "heat", "helmholtz", "wave", "kovasznay", "allen_cahn", "kdv"]
OPTIMIZERS = ["default", "trust_region", "least_damping", "levenberg_marquardt", "ssbroyden", "lbfgs", "soap", "adam"]
HALVINGS = 5


class Start(Callback):
    """Notes the seconds before training, in which the default of some problems chooses its features."""

    def __init__(self) -> None:
        self.made = time.perf_counter()

    def on_start(self, trainer: Any) -> None:
        self.preparation = time.perf_counter() - self.made


def settings(problem: str, optimizer: str, seconds: float, seed: int) -> dict[str, Any]:
    """The arguments of `pinn.solve`: the problem's own default, or an optimizer on the default network and points."""
    words = [f"problem={problem}", f"seed={seed}", "compile=never", "output.estimate=false"]
    words += ["training.steps=10000000", f"training.time_limit={seconds}"]
    if optimizer == "default":
        return pinn.configured(*words, "training.check_every=1")
    network = ["network=mlp", "network.width=20", "network.depth=3"]
    plain = [
        "sampler=sobol",
        "sampler.interior=2000",
        "initial_guess=null",
        "training.windows=1",
        "training.tolerance=0",
    ]
    return pinn.configured(*words, f"optimizer={optimizer}", *network, *plain, "training.check_every=5")


def errors(problem: str, optimizer: str, seed: int, times: np.ndarray) -> np.ndarray:
    """The smallest measured error within each of the given times (seconds)."""
    start = Start()
    history = pinn.solve(**settings(problem, optimizer, float(times[-1]), seed), callbacks=[start]).history
    columns = [values for name, values in history.items() if name.startswith("error/")]
    error = np.max(columns, axis=0)
    measured, seconds = np.isfinite(error), start.preparation + history["seconds"]
    return np.array([error[measured & (seconds <= limit)].min(initial=1.0) for limit in times])


def read(path: Path) -> dict[tuple[str, str, int], list[float]]:
    """The runs in a file that an earlier call wrote."""
    if not path.exists():
        return {}
    with path.open(newline="") as file:
        rows = list(csv.reader(file))[1:]
    return {(row[0], row[1], int(row[2])): [float(value) for value in row[3:]] for row in rows}


def write(path: Path, times: np.ndarray, runs: dict[tuple[str, str, int], list[float]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["problem", "optimizer", "seed", *(f"{time:g} s" for time in times)])
        writer.writerows([*key, *values] for key, values in runs.items())


def medians(runs: dict[tuple[str, str, int], list[float]], problem: str, optimizer: str) -> np.ndarray | None:
    found = [values for (p, o, _), values in runs.items() if (p, o) == (problem, optimizer)]
    return np.median(found, axis=0) if found else None


def show(times: np.ndarray, runs: dict[tuple[str, str, int], list[float]], problem: str, optimizers: list[str]) -> None:
    print(f"\n{problem}".ljust(24) + "".join(f"{time:9.3g} s" for time in times))  # noqa: T201
    for optimizer in optimizers:
        middle = medians(runs, problem, optimizer)
        if middle is not None:
            print(f"  {optimizer:22s}" + "".join(f"{value:11.1e}" for value in middle))  # noqa: T201


def draw(path: Path, times: np.ndarray, runs: dict, problems: list[str], optimizers: list[str]) -> None:
    columns = min(4, len(problems))
    figure = Figure(figsize=(3.2 * columns, 2.8 * -(-len(problems) // columns)), layout="constrained", dpi=150)
    panels = figure.subplots(-(-len(problems) // columns), columns, squeeze=False).ravel()
    markers = "osD^vP"
    for panel, problem in zip(panels, problems, strict=False):
        for number, optimizer in enumerate(optimizers):
            middle = medians(runs, problem, optimizer)
            if middle is not None:
                panel.loglog(times, middle, marker=markers[number % 6], markersize=4, label=optimizer)
        panel.set_title(problem, fontsize=10)
        panel.set_xticks(times, [f"{time:.3g}" for time in times])
        panel.minorticks_off()
        panel.set_xlabel("seconds")
        panel.set_ylabel("relative L2 error")
        panel.grid(alpha=0.3)
    for panel in panels[len(problems) :]:
        panel.remove()
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=6, fontsize=9)
    figure.savefig(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--problems", nargs="+", default=PROBLEMS)
    parser.add_argument("--optimizers", nargs="+", default=OPTIMIZERS)
    parser.add_argument("--cpu", action="store_true")
    parser.add_argument("--folder", type=Path, default=Path("runs/benchmark"))
    arguments = parser.parse_args()
    if arguments.cpu:
        time.perf_counter = time.process_time  # the clock of training
    logger.setLevel(logging.WARNING)
    logger.addHandler(logging.NullHandler())
    arguments.folder.mkdir(parents=True, exist_ok=True)
    table = arguments.folder / f"errors_{arguments.seconds:g}s.csv"
    times, runs = arguments.seconds / 2.0 ** np.arange(HALVINGS - 1, -1, -1), read(table)
    for problem in arguments.problems:
        for seed in arguments.seeds:
            for optimizer in arguments.optimizers:
                if (problem, optimizer, seed) not in runs:
                    runs[problem, optimizer, seed] = errors(problem, optimizer, seed, times).tolist()
                    write(table, times, runs)
        show(times, runs, problem, arguments.optimizers)
    draw(table.with_suffix(".png"), times, runs, arguments.problems, arguments.optimizers)


if __name__ == "__main__":
    main()
