"""The commands beside a solve, by the first word."""

from collections.abc import Callable, Sequence

from pinn.cli.check import check
from pinn.cli.finished import compare, export, plot, report, show, table
from pinn.cli.new import new
from pinn.cli.resume import resume

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
