"""Error, memory and processor seconds against the number of dimensions, with exact and with estimated Laplacians.

OMP_NUM_THREADS=1 python tests/benchmarks/dimension.py [--problems poisson_10d ...] [--dimensions 2 5 10 20 50 100]
    [--ways ...] [--seconds 20] [--probes 16] [--words network.width=64 ...] [--figure PNG]

Each run has a process of its own, whose clock is the processor's. A way is an optimizer and how Laplacians are had.
Of each run: the relative L2 error on the solution file's nodes, the training steps, seconds a step (all of training,
measurements included) and the most memory that the process held, in MiB, torch included. `channels` is what a jet of
the equation carries, exactly and estimated. Where an estimate carries no fewer it is not made: the row is left out.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

from matplotlib.figure import Figure

PROBLEMS = ["poisson_10d", "heat_10d", "hamilton_jacobi_bellman", "fokker_planck"]
DIMENSIONS = [2, 5, 10, 20, 50, 100]
WAYS = {
    "default": [],
    "least damping": ["optimizer=least_damping"],
    "least damping, hutchinson": ["optimizer=least_damping", "derivatives=hutchinson"],
    "spring": ["optimizer=spring", "sampler.interior=500"],
    "spring, hutchinson": ["optimizer=spring", "sampler.interior=500", "derivatives=hutchinson"],
    "adam": ["optimizer=adam", "sampler.interior=500", "sampler.redraw_every=1"],
    "adam, hutchinson": ["optimizer=adam", "sampler.interior=500", "sampler.redraw_every=1", "derivatives=hutchinson"],
    "adam, stde": ["optimizer=adam", "sampler.interior=500", "sampler.redraw_every=1", "derivatives=stde"],
}
Row = dict[str, float]


def one(words: list[str]) -> Row:
    """A run in this process, by the processor's clock."""
    time.perf_counter = time.process_time
    import pinn
    from pinn.residuals.residuals import Residuals
    from pinn.training.plan import Plan
    from pinn.trial.making import make_trial

    settings = pinn.configured(*words, "compile=never", "output.estimate=false", "output.figures=false")
    estimator, trial = Plan.of(settings).estimator, make_trial(settings["problem"], settings["network"])
    group = Residuals(trial, estimator=estimator).regions["interior"]
    if estimator is not None and group.estimates is None:
        return {}
    solution = pinn.solve(**settings)
    history = solution.history
    return {
        "error": max(one["relative_l2"] for one in solution.errors().values()),
        "steps": float(history["step"][-1]),
        "seconds": float(history["seconds"][-1]),
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "channels": len((group.estimates or group.request).field_channels),
    }


def measured(words: list[str]) -> Row:
    """A run in a process of its own; no numbers where it fails, and its last line."""
    run = subprocess.run([sys.executable, __file__, "--one", *words], capture_output=True, text=True)
    if run.returncode:
        print(f"  failed: {(run.stderr.strip().splitlines() or ['?'])[-1]}")  # noqa: T201
        return {}
    row: Row = json.loads(run.stdout.splitlines()[-1])
    return row


def draw(path: Path, rows: dict[tuple[str, str, int], Row], problems: list[str]) -> None:
    """Error and seconds a step against d."""
    figure = Figure(figsize=(3.4 * len(problems), 5), layout="constrained", dpi=120)
    panels = figure.subplots(2, len(problems), squeeze=False)
    for column, problem in enumerate(problems):
        for way in WAYS:
            own = {d: row for (p, w, d), row in rows.items() if (p, w) == (problem, way) and row}
            for panel, values in zip(
                panels[:, column],
                ([r["error"] for r in own.values()], [r["seconds"] / r["steps"] for r in own.values()]),
                strict=True,
            ):
                panel.loglog(list(own), values, marker="o", markersize=3, label=way)
        panels[0, column].set_title(problem, fontsize=9)
        panels[1, column].set_xlabel("dimensions")
    for panel, label in zip(panels[:, 0], ("relative L2 error", "seconds a step"), strict=True):
        panel.set_ylabel(label)
    figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=8)
    figure.savefig(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problems", nargs="+", default=PROBLEMS, choices=PROBLEMS)
    parser.add_argument("--dimensions", nargs="+", type=int, default=DIMENSIONS)
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=list(WAYS))
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--probes", type=int, default=16)
    parser.add_argument("--words", nargs="+", default=[], help="further options of every run")
    parser.add_argument("--figure", type=Path)
    parser.add_argument("--one", nargs="+", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(one(arguments.one)))  # noqa: T201
        return
    limits = [f"training.time_limit={arguments.seconds}", "training.steps=10000000", f"probes={arguments.probes}"]
    rows: dict[tuple[str, str, int], Row] = {}
    print("problem, d, way: error, steps, seconds a step, MiB, channels")  # noqa: T201
    for problem in arguments.problems:
        for d in arguments.dimensions:
            for way in arguments.ways:
                words = [f"problem={problem}", f"problem.dimension={d}", *WAYS[way], *limits, *arguments.words]
                row = rows[problem, way, d] = measured(words)
                if row:
                    each = row["seconds"] / row["steps"]
                    numbers = f"{row['error']:.1e}, {row['steps']:.0f}, {each:.3g}, {row['memory']:.0f}"
                    print(f"{problem}, {d}, {way}: {numbers}, {row['channels']:.0f}", flush=True)  # noqa: T201
    if arguments.figure:
        draw(arguments.figure, rows, arguments.problems)


if __name__ == "__main__":
    main()
