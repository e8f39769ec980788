"""The commands beside a solve, by the first word: what each reads, and the module that does it, loaded on use."""

from argparse import Namespace
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from pinn.cli.help import further_groups, groups
from pinn.cli.near import nearest, question
from pinn.cli.parser import Parser


@dataclass(frozen=True)
class Subcommand:
    """A command's page of help, its arguments, and the module with the function of its name."""

    module: str
    description: str
    examples: str
    add_arguments: Callable[[Parser], Any]


def _new(parser: Parser) -> None:
    parser.add_argument("name", metavar="NAME", help="of the problem and its file, such as heat_sink")
    parser.add_argument("--folder", type=Path, default=Path(), metavar="DIR", help="default: the working directory")


def _guide(parser: Parser) -> None:
    parser.add_argument("topic", metavar="TOPIC", nargs="?", help="a page's name; without one the pages are listed")


def _check(parser: Parser) -> None:
    parser.add_argument("options", metavar="KEY=VALUE", nargs="*", help="those of a run, GROUP=CHOICE among them")
    parser.add_argument("--figure", metavar="FILE", help="draw the domain with each term's points and the normals")
    parser.add_argument("--config-dir", "-cd", metavar="DIR", help="your own choices of the groups")


def _resume(parser: Parser) -> None:
    parser.add_argument("run", metavar="RUN", help="the folder of a run or of a sweep")
    parser.add_argument("options", metavar="KEY=VALUE", nargs="*", help="of the run, as training.steps=2000")
    parser.add_argument("--strict", action="store_true", help="short for strict=true")
    parser.add_trust()


def _verdict(parser: Parser) -> None:
    parser.add_runs()
    parser.add_argument("--json", action="store_true", help="for programs: an object of JSON a line for each run")
    parser.add_argument("--strict", action="store_true", help="exit status 3 where an answer is not to be used")


def _compare(parser: Parser) -> None:
    parser.add_runs()
    parser.add_argument("--to", metavar="FIGURE", help="draw held-out losses and errors against time")
    told = "columns named as coordinates and fields: text, NetCDF, HDF5; .vtu by pyvista"
    parser.add_argument("--with", dest="data", metavar="FILE", help=f"compare with the values of a file: {told}")
    parser.add_argument("--at", metavar="NAME=NUMBER", nargs="+", default=[], help="coordinates that the file lacks")
    parser.add_trust()


def _table(parser: Parser) -> None:
    parser.add_argument("folder", metavar="DIR", help="a folder of runs, or that of a sweep")
    parser.add_argument("--to", nargs="+", default=[], metavar="FILE", help="write it, too, as .csv or .h5")


def _plot(parser: Parser) -> None:
    parser.add_runs()
    parser.add_argument("--to", default="png", metavar="FORMAT", help="png (default), pdf, svg, ...")


def _report(parser: Parser) -> None:
    parser.add_argument("runs", metavar="RUN|DIR", nargs="+", help="a run, or a folder with several below it")
    parser.add_argument("--to", metavar="FILE", help="default: report.html in that folder")


def _export(parser: Parser) -> None:
    parser.add_runs(several=False)
    formats = "vtu (ParaView), csv (a row a node), npz (numpy) or pt2 (torch.export)"
    parser.add_argument("--to", required=True, metavar="FORMAT", help=formats)
    parser.add_argument("--output", metavar="FILE", help="default: solution.FORMAT beside the solution file")
    parser.add_trust()


def _design(parser: Parser) -> None:
    parser.add_runs(several=False)
    parser.add_argument("quantity", metavar="QUANTITY", help="what is to be measured: a field, or a derivative")
    parser.add_argument(
        "--of", metavar="NAME", help="the unknown or field that is to be known better; default: unknowns"
    )
    parser.add_argument("--noise", type=float, metavar="NUMBER", help="of the measurement; default: as of its data")
    parser.add_argument("--to", metavar="FIGURE", help="draw what is left of the error bar, place by place")
    parser.add_trust()


def _completion(parser: Parser) -> None:
    parser.add_argument("shell", metavar="SHELL", nargs="?", default="bash", choices=("bash", "zsh", "fish"))
    parser.add_argument("--line", metavar="LINE", help="print what completes a line that begins with pinn")
    parser.set_defaults(commands=tuple(SUBCOMMANDS))


SUBCOMMANDS = {
    "new": Subcommand(
        "pinn.cli.new",
        "Writes a problem of one's own that runs as it stands: a page to change.",
        "  pinn new heat_sink\n  pinn new heat_sink --folder sinks",
        _new,
    ),
    "guide": Subcommand(
        "pinn.cli.guide",
        "Prints a page of the guide: one task each, from an equation of one's own to a cluster.",
        "  pinn guide\n  pinn guide ode\n  pinn guide data | less",
        _guide,
    ),
    "check": Subcommand(
        "pinn.cli.check",
        "Compares the derivatives that the problem's residuals ask for, by Taylor mode, by reverse mode and by "
        "numbers, in double precision with a fresh network. Then the pre-flight that every run has: conditions "
        "select points, agree in corners and are enough; no term dwarfs another at the start; the exact solution "
        "satisfies every term.\n\nExit status: 0 passed, 1 failed.",
        "  pinn check problem=wave\n"
        "  pinn check problem=heat.py problem.kappa=2\n"
        "  pinn check problem=poisson_holes --figure points.png",
        _check,
    ),
    "resume": Subcommand(
        "pinn.cli.resume",
        "Goes on with a run that was interrupted, or longer, where its checkpoint stands; with a sweep, where jobs are "
        "left. The options override the run's saved configuration.\n\n"
        "A run of yours on this machine goes on as it is, with the page that it began with (page/ in its folder), "
        "whatever the page is now. One from elsewhere may name what comes with pinn; --trust lets it name code of "
        "yours, which is then run.",
        "  pinn resume runs/burgers/2026-11-22_10-00-00\n"
        "  pinn resume runs/burgers/2026-11-22_10-00-00 training.time_limit=600\n"
        "  pinn resume runs/multirun/2026-11-22_10-00-00",
        _resume,
    ),
    "verdict": Subcommand(
        "pinn.cli.verdict",
        "Tells how far the answers of finished runs can be trusted: trusted, plausible, not solved or ill-posed, with "
        "the reasons, what to try, and the numbers: estimated errors, true ones where they are known, and what is left "
        "of each equation and condition on fresh points, in its own units.\n\n"
        "Exit status: 0; with --strict 3 where one is neither trusted nor plausible.",
        "  pinn verdict runs/burgers/2026-11-22_10-00-00\n"
        "  pinn verdict --json runs/burgers/2026-11-22_10-00-00 | jq .word\n"
        "  pinn verdict --strict runs/burgers/2026-11-22_10-00-00 && echo good",
        _verdict,
    ),
    "show": Subcommand(
        "pinn.cli.show",
        "Summarizes finished runs: verdict, errors, residuals and time, then the equation, the configuration and, as "
        "ncdump -h does, all dimensions, variables and attributes of the solution file.",
        "  pinn show runs/burgers/2026-11-22_10-00-00\n  pinn show solution.h5 other.h5",
        Parser.add_runs,
    ),
    "compare": Subcommand(
        "pinn.cli.tables",
        "Errors of runs on the nodes of the first, and their difference to it. With a file of values, such as "
        "measurements: how far each run is off them, and a figure of where.",
        "  pinn compare runs/burgers/2026-11-22_10-00-00 runs/burgers/2026-11-22_11-00-00 --to compared.png\n"
        "  pinn compare runs/heat/2026-11-22_10-00-00 --with probe.csv",
        _compare,
    ),
    "table": Subcommand(
        "pinn.cli.tables",
        "All finished runs below a folder, the smallest error first. Of a sweep's folder: means and spread over seeds; "
        "summary.csv and summary.h5 are written again.",
        "  pinn table runs/burgers\n  pinn table runs/multirun/2026-11-22_10-00-00 --to sweep.csv sweep.h5",
        _table,
    ),
    "plot": Subcommand(
        "pinn.cli.plot",
        "Draws the figures of finished runs that are made from their solution files.",
        "  pinn plot runs/burgers/2026-11-22_10-00-00\n  pinn plot runs/burgers/2026-11-22_10-00-00 --to pdf",
        _plot,
    ),
    "report": Subcommand(
        "pinn.cli.report",
        "Writes report.html, a page that needs no other file: of a run, or of all below a folder, compared.",
        "  pinn report runs/burgers/2026-11-22_10-00-00\n"
        "  pinn report runs/multirun/2026-11-22_10-00-00\n"
        "  pinn report runs/burgers --to burgers.html",
        _report,
    ),
    "design": Subcommand(
        "pinn.cli.design",
        "Tells where one more measurement shrinks the error bars of what a run has identified most, or the band of a "
        "field, by the noise of its data.",
        "  pinn design runs/spring_damper/2026-11-22_10-00-00 u\n"
        "  pinn design runs/poisson_inverse/2026-11-22_10-00-00 u --of a --to design.png",
        _design,
    ),
    "export": Subcommand(
        "pinn.cli.export",
        "Writes a solution in another program's format.",
        "  pinn export runs/burgers/2026-11-22_10-00-00 --to csv\n"
        "  pinn export solution.h5 --to vtu --output cylinder.vtu\n"
        "  pinn export runs/heat/2026-11-22_10-00-00 --to pt2 --trust       a problem in a file of your own",
        _export,
    ),
    "completion": Subcommand(
        "pinn.cli.completion",
        "Prints a script by which the Tab key completes commands, groups, choices (of a page of one's own, too) and "
        "their options, from the next shell on. The page itself is read, not run.",
        "  pinn completion bash >> ~/.bashrc\n"
        "  pinn completion zsh >> ~/.zshrc\n"
        "  pinn completion fish >> ~/.config/fish/config.fish",
        _completion,
    ),
}


def run_subcommand(name: str, words: Sequence[str]) -> None:
    """Read a subcommand's words and do it; raises UserError where they do not fit."""
    subcommand = SUBCOMMANDS[name]
    parser = Parser(name, subcommand.description, subcommand.examples)
    subcommand.add_arguments(parser)
    given: Namespace = parser.parse_intermixed_args(words)
    getattr(import_module(subcommand.module), name)(given)


MEANT = {
    "solve run train fit start main problem": "solving has no word: pinn problem=heat, problem=heat.py of yours",
    "help docs man commands": "pinn --help, pinn COMMAND --help",
    "version": "pinn --version",
    "init create template": "a page of your own begins with pinn new heat_sink",
    "test validate verify lint": "pinn check problem=heat before a run, pinn verdict RUN after it",
    "list ls problems": "pinn --help problem lists the problems, pinn table runs the runs",
    "continue restart": "pinn resume RUN",
    "predict eval evaluate": 'pinn.load("RUN")(x=0.5, t=1.0) in Python, pinn export RUN for others',
    "view open visualize draw": "pinn plot RUN, pinn report RUN",
    "info status inspect describe summary": "pinn show RUN",
    "sweep multirun search": "pinn -m problem=heat network.width=8,16",
    "save convert": "pinn export RUN --to csv",
}
"""Words that other programs have -> what there is here."""


def no_command(word: str) -> str:
    """That a word is neither a command nor an option, and which was meant."""
    if word.partition(":")[0].endswith(".py"):
        return f"no command {word!r}: options have the form KEY=VALUE; try problem={word}"
    meant = next((told for words, told in MEANT.items() if word in words.split()), None)
    if meant is not None:
        return f"no command {word!r}; {meant}"
    choices = {
        choice: f"{group}={choice}" for group, listed in (groups() | further_groups()).items() for choice in listed
    }
    match = nearest(word, [*SUBCOMMANDS, *choices])
    hint = question(choices.get(match, match) if match else None)
    return f"no command {word!r}{hint}; the commands are {', '.join(SUBCOMMANDS)}, options have the form KEY=VALUE"
