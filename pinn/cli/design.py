"""`pinn design`."""

import sys
from argparse import Namespace

from pinn.cli.problem_file import search_working_directory
from pinn.report.design import draw_design
from pinn.report.style import write
from pinn.solution.loading import load


def design(given: Namespace) -> None:
    """Print the place that tells most, and draw all of them where a figure is asked for."""
    search_working_directory()
    found = load(given.run, trust=given.trust).next_measurement(given.quantity, given.of, noise=given.noise)
    place = ", ".join(f"{name} = {value:.4g}" for name, value in found.best.items())
    told = (
        f"measure {found.quantity} at {place}: {found.left.min():.1%} of the error bar of {', '.join(found.of)} is left"
    )
    sys.stdout.write(f"{told}\n")
    if given.to:
        sys.stdout.write(f"{write(draw_design(found), given.to)}\n")
