"""`pinn resume`: continue a run where its checkpoint stands, or a sweep."""

import contextlib
import logging
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf

from pinn.basis.errors import UserError, require
from pinn.basis.files import read_text, read_yaml
from pinn.basis.logs import logger
from pinn.basis.rebuilding import renewed
from pinn.basis.seals import is_sealed
from pinn.cli.command import run
from pinn.cli.composition import OF_PYTHON, TRACKER, arguments, register, solve_built, tracked
from pinn.cli.mistakes import OURS, dotted_keys, explain
from pinn.cli.near import did_you_mean
from pinn.cli.own import CONFIGURATION, PLACES, check_folder, check_stranger
from pinn.cli.schema import parameters
from pinn.cli.strict import KEY
from pinn.cli.sweeping.ending import COMMAND, command_of
from pinn.cli.sweeping.pages import install_kept_pages
from pinn.solution.loading import tell_changes
from pinn.solution_file.soundness import understood
from pinn.solving.page_folder import kept_page
from pinn.solving.run import solve
from pinn.solving.tried import can_resume
from pinn.sweeps.records import settle

FOLDERS = ("hydra.run.dir=", "hydra.sweep.dir=", "hydra.output_subdir=", "hydra.job.chdir=", "hydra.runtime.")


def resume(given: Namespace) -> None:
    """Continue the run in a folder with its saved configuration, changed by KEY=VALUE words; or a sweep.

    What this user's pinn has made here goes on without a word: its configuration, or a sweep's command, is sealed.

    Raises Doubted where it is strict and the answer neither trusted nor plausible, UserError where the folder holds no
    run, an option is not one of the run's, or it was made elsewhere and names what it may not without trust.
    """
    folder = Path(given.run)
    words = [*given.options, *([f"{KEY}=true"] if given.strict else [])]
    command = command_of(folder)
    saved = folder / CONFIGURATION
    if command is None and not saved.is_file():
        raise UserError(f"no run to resume in {folder}: {saved} is not there; see pinn resume --help")
    check_folder(folder)
    if command is not None:
        told = f"{folder} is a sweep that was not begun here by you; --trust runs what its command names: pinn "
        require(given.trust or is_sealed(folder, COMMAND), told + " ".join(command))
        install_kept_pages(folder, given.trust)
        run([*filter(_stays, command), *words, f"hydra.sweep.dir={folder}"])
        return
    register([])  # a problem in the user's own file is found from the working directory
    config = _overridden(saved, words, given.trust or is_sealed(folder, CONFIGURATION))
    _install_page(folder, given.trust, str(config.problem._target_))
    with_file = _logging_to(folder / "pinn.log")
    try:
        begun = can_resume(folder)
        if not begun:
            logger.info("%s holds no checkpoint yet: the run begins anew", folder)
        doubted = solve_built(_built(config, saved), folder, resume=begun, callbacks=tracked(config, folder))
        settle(folder)
    finally:
        for handler in with_file:
            logging.getLogger().removeHandler(handler)
            with contextlib.suppress(OSError):  # a full disk, of which more is told elsewhere
                handler.close()
    if config[KEY] and doubted is not None:
        raise doubted


def _install_page(folder: Path, trust: bool, problem: str) -> None:
    """Have the run's problem, `heat.Heat`, be of the page that it began with, which is kept in its folder."""
    page = kept_page(folder, trust) if problem.split(".")[0] != "pinn" else None
    if page is not None:
        tell_changes(page, folder)
        page.install()


def _stays(word: str) -> bool:
    """Whether a word of a sweep's command leaves the folders alone: they are those of the sweep, wherever it is now."""
    return not word.lstrip("+~").startswith(FOLDERS)


def _overridden(saved: Path, words: Sequence[str], trusted: bool) -> DictConfig:
    text = read_text(saved)
    told = f"{saved} ends within a line: it was cut short, and what is missing would be guessed; copy it again"
    require(text.endswith("\n"), f"{told} (or end its last line, if it is whole)")
    with understood(saved):
        read_yaml(text)  # in bounds
        config = OmegaConf.merge({KEY: False}, OmegaConf.create(text))
        require(isinstance(config, DictConfig), f"{saved} holds no configuration")
        if not trusted:
            check_stranger(cast("dict[str, Any]", OmegaConf.to_container(config)), saved)
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


def _built(config: DictConfig, saved: Path) -> dict[str, Any]:
    """The arguments of `solve`; raises UserError where the configuration is damaged."""
    known = [*parameters(solve), KEY, TRACKER]
    for name in map(str, config):
        require(name in known, f"no option {name!r} of a run{did_you_mean(name, known)}, which {saved} has")
    missing = [name for name in parameters(solve) if name not in OF_PYTHON and name not in config]
    told = f"{saved} lacks {', '.join(missing)}: it was cut short, or written by another version of pinn"
    require(not missing, f"{told}; add what it lacks, as pinn --cfg job prints it")
    try:
        built = arguments(config)
    except Exception as error:
        message, status = explain(error)
        if status == OURS:
            raise UserError(f"{saved} is damaged: {message}") from error
        raise
    for name, (kinds, _) in PLACES.items():
        fits = built[name] is None or isinstance(built[name], kinds) or (name == "network" and callable(built[name]))
        require(fits, f"{saved} is damaged: its {name} is {built[name]!r}")
    return built


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
