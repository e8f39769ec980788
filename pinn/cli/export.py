"""`pinn export`."""

import sys
from argparse import Namespace

from pinn.cli.problem_file import search_working_directory
from pinn.solution.export.formats import export as write


def export(given: Namespace) -> None:
    """Write a solution in another format."""
    search_working_directory()
    first, *others = write(given.run, given.to, given.output, trust=given.trust)
    sys.stdout.write(f"{first}\n" + (f"and {len(others)} files that it names\n" if others else ""))
