"""`pinn plot`."""

import sys
from argparse import Namespace

from pinn.basis.files import without_links
from pinn.report.drawing import FIGURES
from pinn.solution_file.reading import locate, read
from pinn.solution_file.soundness import understood


def plot(given: Namespace) -> None:
    """Draw the figures of finished runs again."""
    for run in given.runs:
        contents = read(path := locate(run))
        folder = without_links(path.parent / "figures", path.parent)
        for draw in FIGURES.values():
            with understood(path):
                drawn = draw(contents, folder, f".{given.to}")
            sys.stdout.write(f"{drawn}\n" if drawn else "")
