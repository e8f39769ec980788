"""What `pinn` does: a subcommand where the first word is one, else a solve that Hydra configures."""

import contextlib
import logging
import os
import re
import sys
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from pinn.basis.errors import UserError
from pinn.cli.flags import read_flags
from pinn.cli.help import choice_page, help_page, version_line
from pinn.cli.mistakes import explain
from pinn.cli.subcommands import SUBCOMMANDS

if TYPE_CHECKING:
    from omegaconf import DictConfig

INTERRUPTED = 130  # the shells' convention for a process that SIGINT ended


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command with these words, by default the process's own, and return its exit status.

    0: done. 1: a fault of the program. 2: the user's mistake, told in one line on stderr. With HYDRA_FULL_ERROR=1 in
    the environment the traceback comes with it.
    """
    # Threads that spin while they wait make a run several times slower as soon as another program needs a core. Read
    # when torch is loaded, which is later.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    words = list(sys.argv[1:] if arguments is None else arguments)
    full = os.environ.get("HYDRA_FULL_ERROR") == "1"
    try:
        _run(words)
        return 0
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return INTERRUPTED
    except SystemExit as stop:  # Hydra's --info and its like
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except Exception as error:
        if full:
            traceback.print_exc()
        message, status = explain(error)
        sys.stderr.write(f"error: {message}\n")
        return status


def _run(words: list[str]) -> None:
    if words and words[0] in SUBCOMMANDS:
        SUBCOMMANDS[words[0]](words[1:])
        return
    flags, arguments = read_flags(words)
    if flags.version:
        sys.stdout.write(version_line())
    elif flags.help and flags.words:
        sys.stdout.write("\n".join(choice_page(topic, flags.config_dir) for topic in flags.words))
    elif flags.help:
        sys.stdout.write(help_page(flags.config_dir))
    else:
        solve_by_hydra(arguments, flags.config_dir)


class Job:
    """What Hydra calls: once in a run, for each job in a sweep. words: the command's.

    error: that of a run. failed: what the sweeper says of a sweep's jobs.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self.words = list(words)
        self.error: Exception | None = None
        self.failed: Exception | None = None

    def __call__(self, config: "DictConfig") -> Any:
        if _sweeping():
            from pinn.cli.sweeping.job import sweep_job

            return sweep_job(self.words, config, run_folder())
        try:
            _refuse_search()
            solve_configured(config, run_folder())
        except Exception as error:
            self.error = error
            _record(error)
        return None


def solve_by_hydra(arguments: list[str], config_dir: str | None) -> None:
    """Let Hydra compose and run; raises the first error of composition, of the run folder or of a job."""
    import hydra

    from pinn.cli.composition import register

    job = Job(arguments)
    try:
        with _hydra_environment(register([*arguments, *_follower_words()], config_dir)):
            hydra.main(config_path="pkg://pinn.conf", config_name="config", version_base="1.3")(job)()
    except Exception as error:
        _blame(error)
    finally:
        _close_log_files()
    told = job.error or job.failed
    if told is not None:
        raise told


def _follower_words() -> list[str]:
    """What keeps Hydra from making a folder where a launcher (torchrun) started this process as rank 1 or higher."""
    if int(os.environ.get("WORLD_SIZE", "1")) < 2 or os.environ.get("RANK", "0") == "0":
        return []
    return ["hydra.run.dir=.", "hydra.output_subdir=null", "hydra/job_logging=none"]


def _blame(error: Exception) -> NoReturn:
    """Raise an error from outside a job: Hydra's as it is, that of the run folder or of a check as the user's."""
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

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


def run_folder() -> Path:
    """Hydra's folder for this run, relative to the working directory where it lies below it: short to read."""
    from hydra.core.hydra_config import HydraConfig

    folder, here = Path(HydraConfig.get().runtime.output_dir), Path.cwd()
    return folder.relative_to(here) if folder.is_relative_to(here) else folder


def solve_configured(config: "DictConfig", folder: Path, resume: bool = False) -> None:
    """Build what the configuration names, solve, and write the results to the folder; resume: from its checkpoint."""
    from pinn.cli.configured import arguments
    from pinn.solving.run import solve

    solution = solve(**arguments(config), folder=folder, resume=resume)
    if solution.attributes["status"] == "interrupted":
        raise KeyboardInterrupt


def _sweeping() -> bool:
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    return HydraConfig.get().mode == RunMode.MULTIRUN


def _refuse_search() -> None:
    """Raises UserError where a single run names the sweeper of a search, which it would not use."""
    from hydra.core.hydra_config import HydraConfig

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
            handler.close()
