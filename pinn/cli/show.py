"""`pinn show`."""

import sys
from argparse import Namespace

from pinn.basis.files import printable
from pinn.report.show import describe


def show(given: Namespace) -> None:
    """Print the summary of each run."""
    sys.stdout.write(printable("\n".join(describe(run) for run in given.runs)))
