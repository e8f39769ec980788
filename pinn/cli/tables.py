"""`pinn table` and `pinn compare`."""

import sys
from argparse import Namespace
from pathlib import Path

from pinn.basis.errors import UserError
from pinn.cli.problem_file import search_working_directory
from pinn.cli.sweeping.ending import SAVED
from pinn.solution.loading import load
from pinn.sweeps.comparison import compared, draw_comparison
from pinn.sweeps.summary import summarize
from pinn.sweeps.table import rows_below, table_text, write_table


def table(given: Namespace) -> None:
    """Print and write the table of all runs below a folder; of a sweep its summary."""
    if (Path(given.folder) / SAVED).is_file() and not given.to:
        text, files = summarize(Path(given.folder))
        sys.stdout.write(text + "".join(f"{path}\n" for path in files))
        return
    rows = rows_below(given.folder)
    sys.stdout.write(table_text(rows))
    for name in given.to:
        sys.stdout.write(f"{write_table(rows, Path(name))}\n")


def compare(given: Namespace) -> None:
    """Print the errors of several runs on the first one's nodes, and draw their training."""
    if len(given.runs) < 2:
        raise UserError("compare takes two runs or more; see pinn compare --help")
    search_working_directory()
    sys.stdout.write(table_text(compared({run: load(run, trust=given.trust) for run in given.runs})))
    if given.to:
        sys.stdout.write(f"{draw_comparison(given.runs, given.to)}\n")
