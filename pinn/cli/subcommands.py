"""The commands beside a solve, by the first word."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from pinn.cli.check import check
from pinn.cli.finished import compare, export, plot, report, table
from pinn.cli.new import new
from pinn.cli.resume import resume
from pinn.errors import UserError

SHOW = "pinn show RUN...    RUN is a run folder, such as runs/burgers/2026-11-22_10-00-00, or a solution file"


def show(words: Sequence[str]) -> None:
    """Print the summary of each run; raises UserError where one is not there."""
    if {"--help", "-h"} & set(words):
        sys.stdout.write(SHOW + "\n")
        return
    if not words:
        raise UserError(f"show needs a run; try {SHOW}")
    from pinn.report.show import describe

    for word in words:
        path = Path(word)
        sys.stdout.write(describe(path / "solution.h5" if path.is_dir() else path).rstrip() + "\n")


SUBCOMMANDS: dict[str, Callable[[Sequence[str]], None]] = {
    "new": new,
    "check": check,
    "resume": resume,
    "show": show,
    "compare": compare,
    "table": table,
    "plot": plot,
    "report": report,
    "export": export,
}
