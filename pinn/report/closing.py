"""The table that ends a run."""

import io
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pinn.report.accuracy import Accuracy
from pinn.solution.solution import Solution
from pinn.solution_file.identified import identified_rows
from pinn.solution_file.measured import Measure, kept_measurement
from pinn.solution_file.results import result_rows

WIDTH = 100  # at most


def closing_table(solution: Solution, files: Sequence[Path]) -> str:
    """Verdict, errors per field, residual per term, time and files as text, as wide as the terminal up to `WIDTH`."""
    table = Table(
        box=SIMPLE_HEAD,
        title=Text(f"{solution.problem.name}: {solution.attributes['outcome']}", "table.title"),
        title_justify="left",
    )
    for column in ("quantity", "value", ""):
        table.add_column(column, justify="right" if column == "value" else "left", overflow="fold")
    attributes = {**solution.attributes, "truth": solution.problem.truth_kind}
    errors = {field: (error["relative_l2"], error["max"]) for field, error in solution.errors().items()}
    rows = [*Accuracy.of(attributes, kept_measurement(solution.history), errors).rows()]
    rows += identified_rows(attributes | Measure.UNKNOWN.entries(solution.trial.unknowns))
    rows += result_rows(solution.results)
    rows += [("time", f"{attributes['wall_seconds']:.1f} s", f"{solution.history['step'][-1]} steps")]
    rows += [("" if number else "files", "", str(path)) for number, path in enumerate(files)]
    for row in rows:
        table.add_row(*map(Text, row))  # as it is: brackets in a path are no markup
    text = io.StringIO()
    width = min(WIDTH, shutil.get_terminal_size((WIDTH, 0)).columns) if sys.stdout.isatty() else WIDTH
    Console(file=text, width=width, force_jupyter=False).print(table)
    return text.getvalue().rstrip()
