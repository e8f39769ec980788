"""`pinn show RUN`: a summary of a finished run."""

import sys
from collections.abc import Sequence
from pathlib import Path

from pinn.errors import UserError

USAGE = "pinn show RUN...    RUN is a run folder, such as runs/burgers/2026-11-22_10-00-00, or a solution file"


def show(words: Sequence[str]) -> int:
    """Print the summary of each run; raises UserError where one is not there."""
    if not words:
        raise UserError(f"show needs a run; try {USAGE}")
    if {"--help", "-h"} & set(words):
        sys.stdout.write(USAGE + "\n")
        return 0
    from pinn.report.show import describe

    for word in words:
        path = Path(word)
        sys.stdout.write(describe(path / "solution.h5" if path.is_dir() else path).rstrip() + "\n")
    return 0
