"""What `pinn` does: a subcommand where the first word is one, else a solve that Hydra configures.

Nothing is loaded here that takes time, so that help and mistakes in the words are told at once.
"""

import logging
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

from pinn.basis.errors import UserError
from pinn.basis.files import printable
from pinn.basis.signals import handled
from pinn.cli.flags import read_flags
from pinn.cli.help import EXPERIMENT, choice_options, choice_page, defaults, groups, help_page, version_line
from pinn.cli.near import nearest, no_choice, no_option
from pinn.cli.strict import STATUS, Doubted
from pinn.cli.subcommands import SUBCOMMANDS, no_command, run_subcommand

BY_SIGNAL = 128  # the shells' convention: the status of a process that a signal ended is this and its number
ELSEWHERE = ("hydra.searchpath=", "--config-path", "--config-name", "-cp", "-cn")  # where choices are unknown here
SOLVE, PAGES = "pinn.cli.launch", "pinn.cli.problem_file"  # loaded on use, as the subcommands


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command with these words, by default the process's own, and return its exit status.

    0: done. 1: a fault of the program. 2: the user's mistake, told in one line on stderr. 3: done, but the answer is
    neither trusted nor plausible, where `strict` asks for it. 130, 143: Ctrl-C or SIGTERM ended it, what was done is
    saved. With HYDRA_FULL_ERROR=1 in the environment the traceback comes with it.
    """
    # Threads that spin while they wait make a run several times slower as soon as another program needs a core. Read
    # when torch is loaded, which is later.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    logging.raiseExceptions = False  # a line of the log that a full disk does not take is no reason for a traceback
    full = os.environ.get("HYDRA_FULL_ERROR") == "1"
    try:
        with handled(_interrupt, signal.SIGTERM):  # as Ctrl-C does
            run(list(sys.argv[1:] if arguments is None else arguments))
        return 0
    except KeyboardInterrupt as interrupt:
        sys.stderr.write("interrupted\n")
        return BY_SIGNAL + (interrupt.args[0] if interrupt.args else signal.SIGINT)
    except SystemExit as stop:  # Hydra's --info and its like
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except Doubted as doubted:
        sys.stderr.write(printable(f"{doubted}\n"))
        return STATUS
    except Exception as error:
        from pinn.cli.mistakes import explain  # which needs Hydra

        if full:
            traceback.print_exc()
        message, status = explain(error)
        sys.stderr.write(f"error: {printable(message)}\n")
        return status


def _interrupt(number: int, frame: Any) -> NoReturn:
    raise KeyboardInterrupt(number)


def run(words: list[str]) -> None:
    """Do what the words say; raises what goes wrong."""
    if words and words[0] in SUBCOMMANDS:
        run_subcommand(words[0], words[1:])
        return
    flags, arguments = read_flags(words)
    if flags.version:
        sys.stdout.write(version_line())
    elif flags.help and flags.words:
        sys.stdout.write("\n".join(_explained(topic, flags.config_dir) for topic in flags.words))
    elif flags.help:
        sys.stdout.write(help_page(flags.config_dir))
    else:
        if not any(word.startswith(ELSEWHERE) for word in words):
            _check_words(flags.words, flags.config_dir)
        import_module(SOLVE).solve_by_hydra(arguments, flags.config_dir)


def _explained(topic: str, config_dir: str | None) -> str:
    """The options of a choice, or of the problem in a file of the user's own."""
    group, _, choice = topic.partition("=")
    if group == "problem" and choice.partition(":")[0].endswith(".py"):
        return str(import_module(PAGES).options_page(choice))
    return choice_page(topic, config_dir)


def _check_words(words: Sequence[str], config_dir: str | None) -> None:
    """Raises UserError for a word that is no option, or a choice that is none, before what takes seconds is loaded."""
    listed = groups(config_dir)
    for word in words:
        name, equals, choice = word.partition("=")
        if not equals and not word.startswith("~"):
            raise UserError(no_command(word))
        if choice.isidentifier() and name in listed and choice not in {"null", *listed[name]}:
            raise UserError(no_choice(choice, name, listed[name]))
    if config_dir is None:
        _check_options(dict(word.partition("=")[::2] for word in words))


def _check_options(values: dict[str, str]) -> None:
    """Raises UserError for an option that is misspelt, as far as conf/ alone tells; Hydra checks all of them later.

    A group's choice is known where it is named, the problem's also where no experiment changes it.
    """
    listed = groups()
    chosen = values if EXPERIMENT in values else {"problem": defaults()["problem"]} | values
    for path in values:
        group, _, name = path.partition(".")
        if name.isidentifier() and chosen.get(group) in listed.get(group, {}):
            options = choice_options(group, chosen[group])
            meant = nearest(name, options)
            if name not in options and meant:
                raise UserError(no_option(path, f"{group}.{meant}", f"the options of {group}", options))
