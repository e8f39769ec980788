"""The folder of a run: one that no other has, and that no other process holds."""

from collections.abc import Sequence
from itertools import count
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf

from pinn.basis.disk import held
from pinn.basis.errors import UserError

GIVEN = ("hydra.run.dir=", "hydra.sweep.dir=")


def new_folder(wished: str) -> str:
    """A folder that was not there, made for whoever asks first: the wished one or, where it is taken, `_1`, `_2`, ...

    Runs that start within one second wish for the same. Raises UserError where none can be made.
    """
    for number in count():
        folder = Path(f"{wished}_{number}" if number else wished)
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError as error:
            raise UserError(f"cannot write the run folder: {error}; try another hydra.run.dir=...") from error
        return str(folder)
    raise AssertionError


# In every process that has a job of a sweep, too: Hydra asks there again, and is told what it was told first.
OmegaConf.register_new_resolver("new_folder", new_folder, use_cache=True, replace=True)


def only_named(wished: str) -> str:
    """The wished folder's name, for a configuration that is shown and not run."""
    return wished


def check_free(words: Sequence[str]) -> None:
    """Raises UserError where words name a folder that another process holds, before Hydra writes into it."""
    for word in words:
        folder = Path(word.partition("=")[2].strip("'\""))
        if word.startswith(GIVEN) and folder.is_dir():
            with held(folder):
                pass


def run_folder() -> Path:
    """Hydra's folder for this run, relative to the working directory where it lies below it: short to read."""
    folder, here = Path(HydraConfig.get().runtime.output_dir), Path.cwd()
    return folder.relative_to(here) if folder.is_relative_to(here) else folder
