"""`pinn plot`."""

import sys
from argparse import Namespace

from pinn.report.drawing import FIGURES
from pinn.solution_file.reading import locate, read


def plot(given: Namespace) -> None:
    """Draw the figures of finished runs again."""
    for run in given.runs:
        contents, folder = read(path := locate(run)), path.parent / "figures"
        for draw in FIGURES.values():
            drawn = draw(contents, folder, f".{given.to}")
            sys.stdout.write(f"{drawn}\n" if drawn else "")
