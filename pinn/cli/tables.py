"""`pinn table` and `pinn compare`."""

import sys
from argparse import Namespace
from pathlib import Path

from pinn.basis.errors import UserError
from pinn.cli.problem_file import search_working_directory
from pinn.cli.sweeping.ending import SAVED
from pinn.solution.loading import load
from pinn.solution_file.reading import locate
from pinn.sweeps.against import deviations, draw_deviations
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
    """Print the errors of several runs on the first one's nodes, and draw their training; or runs against a file."""
    if given.data is not None:
        _against(given)
        return
    if len(given.runs) < 2:
        raise UserError("compare takes two runs or more, or --with FILE; see pinn compare --help")
    search_working_directory()
    sys.stdout.write(table_text(compared({run: load(run, trust=given.trust) for run in given.runs})))
    if given.to:
        sys.stdout.write(f"{draw_comparison(given.runs, given.to)}\n")


def _against(given: Namespace) -> None:
    """Print how far runs are off the values of a file, and draw where."""
    search_working_directory()
    at = {name: number(value) for name, _, value in (word.partition("=") for word in given.at)}
    if given.to and len(given.runs) > 1:
        raise UserError("--to names one figure; leave it out, and each run has its own beside its others")
    rows, pictures = [], []
    for run in given.runs:
        solution = load(run, trust=given.trust)
        found = deviations(solution, Path(given.data), at)
        rows += [one.row(str(run)) for one in found]
        beside = locate(run).parent / "figures" / f"against_{Path(given.data).stem}.png"
        pictures.append(draw_deviations(found, solution.contents(), Path(given.to or beside)))
    sys.stdout.write(table_text(rows) + "".join(f"{path}\n" for path in pictures))


def number(text: str) -> float:
    """A number of --at; raises UserError where it is none."""
    try:
        return float(text)
    except ValueError:
        raise UserError(f"--at takes coordinate=number, such as t=1.0, got {text!r}") from None
