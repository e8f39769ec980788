"""Reads the words after a subcommand."""

import argparse
import textwrap
from typing import NoReturn

from pinn.basis.errors import UserError


class Parser(argparse.ArgumentParser):
    """Reads a subcommand's words; a mistake is a UserError. description and examples: shown by --help."""

    def __init__(self, command: str, description: str, examples: str) -> None:
        super().__init__(
            f"pinn {command}",
            description="\n\n".join(textwrap.fill(paragraph, 100) for paragraph in description.split("\n\n")),
            epilog=f"examples:\n{examples}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        self.command = command

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{self.command}: {message}; see pinn {self.command} --help")

    def add_runs(self, several: bool = True) -> None:
        """The argument for finished runs: `runs`, or `run` where there can be one only."""
        told = "a run's folder, such as runs/burgers/2026-11-22_10-00-00, or a solution file"
        if several:
            self.add_argument("runs", metavar="RUN", nargs="+", help=told)
        else:
            self.add_argument("run", metavar="RUN", help=told)

    def add_trust(self) -> None:
        """The flag by which a user says that a file is of their own."""
        told = "run the page that is kept in a file, and import what else it names; only for files of your own"
        self.add_argument("--trust", action="store_true", help=told)
