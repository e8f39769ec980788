"""`pinn report`."""

import sys
from argparse import Namespace
from pathlib import Path

from pinn.basis.errors import UserError
from pinn.report.page import write_report
from pinn.solution_file.contents import FILE_NAME
from pinn.sweeps.report import write_sweep_report


def report(given: Namespace) -> None:
    """Write the page of finished runs."""
    if given.to and len(given.runs) > 1:
        raise UserError(f"report --to takes one run or folder, got {len(given.runs)}; see pinn report --help")
    for run in map(Path, given.runs):
        of_several = run.is_dir() and not (run / FILE_NAME).exists()
        write = write_sweep_report if of_several else write_report
        sys.stdout.write(f"{write(run, given.to)}\n")
