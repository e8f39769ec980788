"""The flags of the command: Hydra's own, read first so that mistakes are told in one line."""

import argparse
from collections.abc import Sequence
from typing import NoReturn

from pinn.basis.errors import UserError
from pinn.cli.near import did_you_mean
from pinn.cli.strict import KEY

SWITCHES = (
    ("--help", "-h"),
    ("--version",),
    ("--multirun", "-m"),
    ("--run", "-r"),
    ("--resolve",),
    ("--strict",),
    ("--hydra-help",),
    ("--shell-completion", "-sc"),
)
VALUES = (
    ("--package", "-p"),
    ("--config-dir", "-cd"),
    ("--config-path", "-cp"),
    ("--config-name", "-cn"),
    ("--experimental-rerun",),
)
OURS = ("config_dir", "strict")  # not Hydra's
INFO = ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message}; see pinn --help and pinn --hydra-help")


def _parser() -> _Parser:
    parser = _Parser(prog="pinn", add_help=False, allow_abbrev=False)
    for names in SWITCHES:
        parser.add_argument(*names, action="store_true")
    for names in VALUES:
        parser.add_argument(*names)
    parser.add_argument("--cfg", "-c", choices=("job", "hydra", "all"))
    parser.add_argument("--info", "-i", nargs="?", const="all", choices=INFO)
    parser.add_argument("words", nargs="*")
    return parser


def read_flags(arguments: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """The flags by name (and `words`, the rest), and all the arguments in the order that Hydra wants: flags last.

    --config-dir is not among them: Hydra would search that folder last (see `composition`). --strict is a word of its
    own. Raises UserError for a flag
    that does not exist or has a value it cannot have.
    """
    parser = _parser()
    flags, unknown = parser.parse_known_intermixed_args(list(arguments))
    if unknown:
        known = [name for action in parser._actions for name in action.option_strings]
        flag = unknown[0].partition("=")[0]
        raise UserError(f"no flag {flag!r}{did_you_mean(flag, known)}; see pinn --help and pinn --hydra-help")
    flags.words += [f"{KEY}=true"] if flags.strict else []
    ordered = list(flags.words)
    for action in parser._actions:
        value = getattr(flags, action.dest)
        if action.option_strings and action.dest not in OURS and value not in (None, False):
            ordered += [action.option_strings[0]] if value is True else [action.option_strings[0], value]
    return flags, ordered
