"""A solve, or a sweep of them, as Hydra configures and calls it."""

import contextlib
import logging
import os
import re
import socket
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NoReturn

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from pinn.basis.errors import UserError
from pinn.basis.pages import Page
from pinn.basis.seals import seal
from pinn.cli.composition import pages_named, register, solve_configured
from pinn.cli.mistakes import explain
from pinn.cli.own import CONFIGURATION
from pinn.cli.run_folder import check_free, new_folder, only_named, run_folder
from pinn.cli.strict import KEY, Doubted
from pinn.cli.sweeping.child import perform
from pinn.cli.sweeping.job import sweep_job
from pinn.cli.sweeping.sweepers import register_sweepers
from pinn.sweeps.isolation import end_with

SHOWN = ("--cfg", "-c", "--info", "-i")  # where nothing is run


@dataclass(eq=False)
class Job:
    """What Hydra calls: once in a run, for each job in a sweep. words: the command's. process, host: its own.

    pages: of the problems in files that the words name, as they are imported.

    error: that of a run. failed: what the sweeper says of a sweep's jobs. doubted: what `strict` says of the answers.
    """

    words: list[str]
    process: int = field(default_factory=os.getpid)
    host: str = field(default_factory=socket.gethostname)
    pages: tuple[Page, ...] = ()
    error: Exception | None = None
    failed: Exception | None = None
    doubted: Doubted | None = None

    def __call__(self, config: DictConfig) -> Any:
        seal(run_folder(), CONFIGURATION)
        if HydraConfig.get().mode == RunMode.MULTIRUN:
            end_with(self.process, self.host)
            return sweep_job(self.words, self.pages, config, run_folder(), perform)
        try:
            _refuse_search()
            doubted = solve_configured(config, run_folder())
            self.doubted = doubted if config[KEY] else None
        except Exception as error:
            self.error = error
            _record(error)
        return None


def solve_by_hydra(arguments: list[str], config_dir: str | None) -> None:
    """Let Hydra compose and run; raises the first error of composition, of the run folder or of a job."""
    job = Job(arguments if config_dir is None else [*arguments, "--config-dir", config_dir])
    register_sweepers()
    check_free(arguments)
    is_shown = any(word.startswith(SHOWN) for word in arguments)
    OmegaConf.register_new_resolver("new_folder", only_named if is_shown else new_folder, use_cache=True, replace=True)
    try:
        words = register([*arguments, *_follower_words()], config_dir)
        job.pages = pages_named(arguments)
        with _hydra_environment(words):
            hydra.main(config_path="pkg://pinn.conf", config_name="config", version_base="1.3")(job)()
    except Exception as error:
        _blame(error)
    finally:
        _close_log_files()
    told = job.error or job.failed or job.doubted
    if told is not None:
        raise told


def _follower_words() -> list[str]:
    """What keeps Hydra from making a folder where a launcher (torchrun) started this process as rank 1 or higher."""
    if int(os.environ.get("WORLD_SIZE", "1")) < 2 or os.environ.get("RANK", "0") == "0":
        return []
    return ["hydra.run.dir=.", "hydra.output_subdir=null", "hydra/job_logging=none"]


def _blame(error: Exception) -> NoReturn:
    """Raise an error from outside a job: Hydra's as it is, that of the run folder or of a check as the user's."""
    if isinstance(error, (HydraException, OmegaConfBaseException)):
        raise error
    if isinstance(error, OSError) or isinstance(error.__cause__, OSError):
        told = error.__cause__ or error
        raise UserError(f"cannot write the run folder: {told}; try another hydra.run.dir=...") from error
    if isinstance(error, ValueError):
        raise UserError(str(error)) from error
    missing = re.search(r"Unknown plugin class : '.*\.(\w+)'", str(error))
    if missing:
        raise UserError(f"{missing[1]} is not installed; pip install 'pinn[sweeps]'") from error
    raise error


def _refuse_search() -> None:
    """Raises UserError where a single run names the sweeper of a search, which it would not use."""
    if "trials" in HydraConfig.get().sweeper:
        raise UserError("hydra/sweeper=optuna is for several runs; add -m to search")


def _record(error: Exception) -> None:
    """Write the error to the run's log: a user's mistake in a line, anything else with its traceback.

    The terminal gets its line from `main`.
    """
    message, status = explain(error)
    told = message if status == 2 else "".join(traceback.format_exception(error))
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.FileHandler):
            handler.handle(logging.LogRecord("pinn", logging.ERROR, __file__, 0, told, None, None))


@contextlib.contextmanager
def _hydra_environment(words: list[str]) -> Iterator[None]:
    """Hydra reads sys.argv, and raises its errors instead of printing them only where HYDRA_FULL_ERROR is set."""
    argv, full = sys.argv, os.environ.get("HYDRA_FULL_ERROR")
    sys.argv, os.environ["HYDRA_FULL_ERROR"] = ["pinn", *words], "1"
    try:
        yield
    finally:
        sys.argv = argv
        if full is None:
            del os.environ["HYDRA_FULL_ERROR"]
        else:
            os.environ["HYDRA_FULL_ERROR"] = full


def _close_log_files() -> None:
    root = logging.getLogger()
    for handler in list(root.handlers):
        if isinstance(handler, logging.FileHandler):
            root.removeHandler(handler)
            with contextlib.suppress(OSError):  # a full disk, of which more is told elsewhere
                handler.close()
