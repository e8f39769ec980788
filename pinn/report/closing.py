"""The table that ends a run."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from pinn.diagnosis.verdict import verdict_of
from pinn.solution.solution import Solution
from pinn.solution_file.measured import ErrorEstimate, Measure, kept_measurement


def closing_table(solution: Solution, files: Sequence[Path]) -> str:
    """Errors per field, held-out residual per term, time, files and verdict, as text 100 columns wide."""
    latest = kept_measurement(solution.history)
    table = Table(
        box=SIMPLE_HEAD, title=f"{solution.problem.name}: {solution.attributes['outcome']}", title_justify="left"
    )
    for column in ("quantity", "value", ""):
        table.add_column(column, justify="right" if column == "value" else "left", overflow="fold")
    estimate = ErrorEstimate.of(solution.attributes)
    for name, told, kind in estimate.rows() if estimate else ():
        table.add_row(f"estimated error of {name}", told, kind)
    if estimate and estimate.corrections:
        table.add_row("corrected", str(estimate.corrections), estimate.correction)
    for field, error in solution.errors().items():
        table.add_row(f"error of {field}", f"{error['relative_l2']:.2e}", "relative L2 on the file's grid")
        table.add_row("", f"{error['max']:.2e}", "largest")
    noise = Measure.NOISE.within(latest)
    for block, value in Measure.HELD_OUT.within(latest).items():
        if block in noise:
            table.add_row(f"misfit of {block}", f"{noise[block]:.2e}", "root mean square, of the noise")
        else:
            table.add_row(f"residual of {block}", f"{np.sqrt(value):.2e}", "root mean square on fresh points")
    for name, value in solution.trial.unknowns.items():
        table.add_row(name, f"{value:.6g}", "identified")
    table.add_row("time", f"{solution.attributes['wall_seconds']:.1f} s", f"{len(solution.history['step'])} steps")
    for number, path in enumerate(files):
        table.add_row("" if number else "files", "", str(path))
    for number, finding in enumerate(verdict_of(solution.attributes, latest).lines):
        table.add_row("" if number else "verdict", "", finding)
    text = io.StringIO()
    Console(file=text, width=100, force_jupyter=False).print(table)
    return text.getvalue().rstrip()
