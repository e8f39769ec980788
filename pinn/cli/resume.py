"""`pinn resume`: continue a run where its checkpoint stands, or a sweep."""

import contextlib
import logging
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from pinn.basis.errors import UserError
from pinn.basis.logs import logger
from pinn.basis.rebuilding import renewed
from pinn.cli.command import run
from pinn.cli.composition import register, solve_configured
from pinn.cli.mistakes import dotted_keys
from pinn.cli.near import did_you_mean
from pinn.cli.strict import KEY
from pinn.cli.sweeping.ending import command_of
from pinn.solving.tried import can_resume
from pinn.sweeps.records import settle


def resume(given: Namespace) -> None:
    """Continue the run in a folder with its saved configuration, changed by KEY=VALUE words; or a sweep.

    Raises Doubted where it is strict and the answer neither trusted nor plausible, UserError where the folder holds no
    run, or an option is not one of the run's.
    """
    folder = Path(given.run)
    words = [*given.options, *([f"{KEY}=true"] if given.strict else [])]
    command = command_of(folder)
    if command is not None:
        run([*command, *words, f"hydra.sweep.dir={folder}"])
        return
    saved = folder / ".hydra" / "config.yaml"
    if not saved.is_file():
        raise UserError(f"no run to resume in {folder}: {saved} is not there; see pinn resume --help")
    register([])  # a problem in the user's own file is found from the working directory
    config = _overridden(saved, words)
    with_file = _logging_to(folder / "pinn.log")
    try:
        begun = can_resume(folder)
        if not begun:
            logger.info("%s holds no checkpoint yet: the run begins anew", folder)
        doubted = solve_configured(config, folder, resume=begun)
        settle(folder)
    finally:
        for handler in with_file:
            logging.getLogger().removeHandler(handler)
            with contextlib.suppress(OSError):  # a full disk, of which more is told elsewhere
                handler.close()
    if config[KEY] and doubted is not None:
        raise doubted


def _overridden(saved: Path, words: Sequence[str]) -> DictConfig:
    config = OmegaConf.merge({KEY: False}, OmegaConf.load(saved))
    assert isinstance(config, DictConfig)
    for word in words:
        key, equals, _ = word.partition("=")
        known = list(dotted_keys(config))
        if not equals:
            raise UserError(f"resume takes options of the form KEY=VALUE after the run, got {word!r}")
        if key not in known and not key.startswith("weights."):
            raise UserError(f"no option {key!r}{did_you_mean(key, known)} in the saved configuration {saved}")
        config.merge_with_dotlist([word])
    return OmegaConf.create(renewed(OmegaConf.to_container(config)))


def _logging_to(path: Path) -> list[logging.Handler]:
    """The root logger's handlers as Hydra sets them up in a run: the terminal, and the run's log, appended to."""
    try:
        handlers: list[logging.Handler] = [logging.StreamHandler(sys.stdout), logging.FileHandler(path)]
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}; resume needs to write to the run's folder") from error
    handlers[0].setFormatter(logging.Formatter("%(message)s"))
    handlers[1].setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    for handler in handlers:
        logging.getLogger().addHandler(handler)
    logging.getLogger("pinn").setLevel(logging.INFO)
    return handlers
