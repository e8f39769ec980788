"""Error after so many processor seconds: pinn, other libraries for physics-informed networks, and classical methods.

pip install -e '.[bench]'; OMP_NUM_THREADS=1 python tests/benchmarks/peers.py [--problems burgers poisson_2d heat]
    [--only pinn deepxde ...] [--budgets 10 30] [--figure PNG]

Each run has a process of its own and its budget in the processor's seconds, from when the libraries are imported. The
error is the relative L2 norm against the same reference on the same 101 x 101 nodes. Each library is used as its
documentation does: DeepXDE by Adam (learning rate 1e-3) and then L-BFGS, in float32, three layers of 20 tanh for
equations in time, four of 50 for Poisson's, and by its NNCG after these; PINA and jinns by Adam, networks of the same
size; `torch` is a network of four layers of 50 tanh in float64 with Adam and L-BFGS for half of the time each. The
classical methods take the finest of a sequence of resolutions that fits: `chebyshev` collocation (in time by scipy's
BDF to 1e-10), `scikit-fem` quadratic triangles. Their seconds are those of that resolution alone.
What is periodic is left out, for not all of them know it.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from peer_cases import CASES, NODES, Case, Predict
from peer_classical import chebyshev, elements, finest
from peer_libraries import run_deepxde, run_jinns, run_pina, run_pinn, run_torch

METHODS: dict[str, Callable[[Case, float], tuple[Predict, float]]] = {
    "pinn": run_pinn,
    "torch": run_torch,
    "deepxde": run_deepxde,
    "deepxde, nncg": partial(run_deepxde, newton=True),
    "pina": run_pina,
    "jinns": run_jinns,
    "chebyshev": partial(finest, chebyshev, [8, 16, 32, 64, 128, 256, 384]),
    "scikit-fem": partial(finest, elements, [3, 4, 5, 6, 7]),
}


def one(problem: str, method: str, budget: float) -> dict[str, float]:
    """Error and seconds of a method in this process."""
    case = CASES[problem]
    predict, seconds = METHODS[method](case, budget)
    axes = [np.linspace(low, high, NODES) for low, high in zip(case.low, case.high, strict=True)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 2)
    truth = case.truth(points)
    return {"error": float(np.linalg.norm(predict(points) - truth) / np.linalg.norm(truth)), "seconds": seconds}


def measured(problem: str, method: str, budget: float) -> dict[str, float] | None:
    """The same in a process of its own; None where it fails, with the last line that it said."""
    words = [sys.executable, __file__, "--one", problem, method, str(budget)]
    run = subprocess.run(words, capture_output=True, text=True)
    if run.returncode:
        print(f"{problem}, {method}: {(run.stderr.strip().splitlines() or ['?'])[-1]}")  # noqa: T201
        return None
    row: dict[str, float] = json.loads(run.stdout.strip().splitlines()[-1])
    return row


def draw(path: Path, rows: dict[tuple[str, str, float], dict[str, float]], problems: list[str]) -> None:
    figure = Figure(figsize=(3.4 * len(problems), 3), layout="constrained", dpi=120)
    for panel, problem in zip(figure.subplots(1, len(problems), squeeze=False)[0], problems, strict=True):
        for method in METHODS:
            own = [row for (p, m, _), row in rows.items() if (p, m) == (problem, method)]
            if own:
                panel.loglog([r["seconds"] for r in own], [r["error"] for r in own], marker="o", label=method)
        panel.set_title(problem, fontsize=9)
        panel.set_xlabel("processor seconds")
        panel.grid(alpha=0.3)
    figure.axes[0].set_ylabel("relative L2 error")
    handles = {label: h for panel in figure.axes for h, label in zip(*panel.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=5, fontsize=8)
    figure.savefig(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problems", nargs="+", default=list(CASES), choices=list(CASES))
    parser.add_argument("--only", nargs="+", default=list(METHODS), choices=list(METHODS))
    parser.add_argument("--budgets", nargs="+", type=float, default=[10.0, 30.0])
    parser.add_argument("--figure", type=Path)
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        problem, method, budget = arguments.one
        print(json.dumps(one(problem, method, float(budget))))  # noqa: T201
        return
    rows = {}
    for problem in arguments.problems:
        for method in arguments.only:
            for budget in arguments.budgets:
                if method == "scikit-fem" and CASES[problem].start:
                    continue
                row = measured(problem, method, budget)
                if row:
                    rows[problem, method, budget] = row
                    print(f"{problem}, {method}: {row['error']:.1e} in {row['seconds']:.3g} s", flush=True)  # noqa: T201
    if arguments.figure:
        draw(arguments.figure, rows, arguments.problems)


if __name__ == "__main__":
    main()
