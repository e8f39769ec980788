"""Commands on finished runs: `show`, `table`, `compare`, `plot`, `report`, `export`."""

import sys
from collections.abc import Sequence
from pathlib import Path

from pinn.basis.errors import UserError
from pinn.cli.parser import Parser
from pinn.cli.problem_file import search_working_directory


def show(words: Sequence[str]) -> None:
    """Print the summary of each run."""
    examples = "  pinn show runs/burgers/2026-11-22_10-00-00\n  pinn show solution.h5 other.h5"
    description = (
        "Summarizes finished runs: errors, residuals, verdict and time, then the equation, the configuration and, as "
        "ncdump -h does, all dimensions, variables and attributes of the solution file."
    )
    parser = Parser("show", description, examples)
    parser.add_runs()
    given = parser.parse_args(words)
    from pinn.report.show import describe

    sys.stdout.write("\n".join(describe(run) for run in given.runs))


def table(words: Sequence[str]) -> None:
    """Print and write the table of all runs below a folder; of a sweep its summary."""
    examples = "  pinn table runs/burgers\n  pinn table runs/multirun/2026-11-22_10-00-00 --to sweep.csv sweep.h5"
    description = (
        "All finished runs below a folder, the smallest error first. Of a sweep's folder: means and spread over seeds; "
        "summary.csv and summary.h5 are written again."
    )
    parser = Parser("table", description, examples)
    parser.add_argument("folder", metavar="DIR", help="a folder of runs, or that of a sweep")
    parser.add_argument("--to", nargs="+", default=[], metavar="FILE", help="write it, too, as .csv or .h5")
    read = parser.parse_args(words)
    from pinn.cli.sweeping.ending import SAVED
    from pinn.sweeps.summary import summarize
    from pinn.sweeps.table import rows_below, table_text, write_table

    if (Path(read.folder) / SAVED).is_file() and not read.to:
        text, files = summarize(Path(read.folder))
        sys.stdout.write(text + "".join(f"{path}\n" for path in files))
        return
    rows = rows_below(read.folder)
    sys.stdout.write(table_text(rows))
    for name in read.to:
        sys.stdout.write(f"{write_table(rows, Path(name))}\n")


def compare(words: Sequence[str]) -> None:
    """Print the errors of several runs on the first one's nodes, and draw their training."""
    examples = "  pinn compare runs/burgers/2026-11-22_10-00-00 runs/burgers/2026-11-22_11-00-00 --to compared.png"
    parser = Parser("compare", "Errors of runs on the nodes of the first, and their difference to it.", examples)
    parser.add_runs()
    parser.add_argument("--to", metavar="FIGURE", help="draw held-out residuals and errors against time")
    parser.add_trust()
    read = parser.parse_args(words)
    if len(read.runs) < 2:
        raise UserError("compare takes two runs or more; see pinn compare --help")
    from pinn.solution.loading import load
    from pinn.sweeps.comparison import compared, draw_comparison
    from pinn.sweeps.table import table_text

    search_working_directory()
    sys.stdout.write(table_text(compared({run: load(run, trust=read.trust) for run in read.runs})))
    if read.to:
        sys.stdout.write(f"{draw_comparison(read.runs, read.to)}\n")


def plot(words: Sequence[str]) -> None:
    """Draw the figures of finished runs again."""
    examples = "  pinn plot runs/burgers/2026-11-22_10-00-00\n  pinn plot runs/burgers/2026-11-22_10-00-00 --to pdf"
    parser = Parser("plot", "Draws the figures of finished runs that are made from their solution files.", examples)
    parser.add_runs()
    parser.add_argument("--to", default="png", metavar="FORMAT", help="png (default), pdf, svg, ...")
    given = parser.parse_args(words)
    from pinn.report.drawing import FIGURES
    from pinn.solution_file.reading import locate, read

    for run in given.runs:
        contents, folder = read(path := locate(run)), path.parent / "figures"
        for draw in FIGURES.values():
            drawn = draw(contents, folder, f".{given.to}")
            sys.stdout.write(f"{drawn}\n" if drawn else "")


def report(words: Sequence[str]) -> None:
    """Write the page of finished runs."""
    examples = (
        "  pinn report runs/burgers/2026-11-22_10-00-00\n"
        "  pinn report runs/multirun/2026-11-22_10-00-00\n"
        "  pinn report runs/burgers --to burgers.html"
    )
    described = "Writes report.html, a page that needs no other file: of a run, or of all below a folder, compared."
    parser = Parser("report", described, examples)
    parser.add_argument("runs", metavar="RUN|DIR", nargs="+", help="a run, or a folder with several below it")
    parser.add_argument("--to", metavar="FILE", help="default: report.html in that folder")
    given = parser.parse_args(words)
    if given.to and len(given.runs) > 1:
        raise UserError(f"report --to takes one run or folder, got {len(given.runs)}; see pinn report --help")
    from pinn.report.page import write_report
    from pinn.solution_file.contents import FILE_NAME
    from pinn.sweeps.report import write_sweep_report

    for run in map(Path, given.runs):
        of_several = run.is_dir() and not (run / FILE_NAME).exists()
        write = write_sweep_report if of_several else write_report
        sys.stdout.write(f"{write(run, given.to)}\n")


def export(words: Sequence[str]) -> None:
    """Write a solution in another format."""
    examples = (
        "  pinn export runs/burgers/2026-11-22_10-00-00 --to csv\n"
        "  pinn export solution.h5 --to vtu --output cylinder.vtu\n"
        "  pinn export runs/heat/2026-11-22_10-00-00 --to pt2 --trust       a problem in a file of your own"
    )
    parser = Parser("export", "Writes a solution in another program's format.", examples)
    parser.add_runs(several=False)
    formats = "vtu (ParaView), csv (a row a node), npz (numpy) or pt2 (torch.export)"
    parser.add_argument("--to", required=True, metavar="FORMAT", help=formats)
    parser.add_argument("--output", metavar="FILE", help="default: solution.FORMAT beside the solution file")
    parser.add_trust()
    read = parser.parse_args(words)
    from pinn.solution.export.formats import export as write

    search_working_directory()
    first, *others = write(read.run, read.to, read.output, trust=read.trust)
    sys.stdout.write(f"{first}\n" + (f"and {len(others)} files that it names\n" if others else ""))
