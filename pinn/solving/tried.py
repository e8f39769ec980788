"""The methods that a run has tried, kept until it has chosen: one that is continued need not try them again."""

import contextlib
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from pinn.basis.disk import sync, write_text
from pinn.basis.errors import UserError
from pinn.basis.files import read_text
from pinn.solution_file.contents import FILE_NAME
from pinn.solution_file.reading import opened
from pinn.training.callbacks.history import METRICS, read_metrics
from pinn.training.checkpoint import FILE_NAME as CHECKPOINT

TRIED = "tried"  # folder in that of a run, with one a method; there as long as the choice is open
METHOD = "method.txt"  # beside a record and a checkpoint: the method that they belong to


def can_resume(folder: Path) -> bool:
    """Whether the run in a folder has left something to go on from."""
    return (folder / CHECKPOINT).is_file() or (folder / TRIED).is_dir()


def seconds_before(folder: Path | None) -> float:
    """Seconds that the run in a folder has taken before it is continued, as far as is known; 0 for a new run, None."""
    if folder is None:
        return 0.0
    parts, whole = [folder / METRICS, *folder.glob(f"{TRIED}/*/{METRICS}")], 0.0
    with contextlib.suppress(ValueError, KeyError, TypeError):  # of damaged files, of which more is told elsewhere
        whole = sum(record["seconds"] for path in parts for record in read_metrics(path, sys.maxsize)[-1:])
        with opened(folder / FILE_NAME) as file:
            whole = max(whole, float(file.attrs["wall_seconds"]))
    return whole


def method_of(folder: Path) -> str:
    """The name of the method whose record and checkpoint are in a folder; empty where none is named."""
    try:
        return read_text(folder / METHOD).strip()
    except UserError:
        return ""


def begin(folder: Path, name: str) -> None:
    """Have a folder's record and checkpoint be those of a method from now on, the choice being open."""
    (folder / TRIED).mkdir(exist_ok=True)
    (folder / CHECKPOINT).unlink(missing_ok=True)  # of the one before
    write_text(folder / METHOD, name + "\n")


def place_of(folder: Path, number: int) -> Path:
    """Where the method that is tried in this place of the order is kept."""
    return folder / TRIED / str(number)


@contextlib.contextmanager
def keeping(folder: Path, number: int, name: str) -> Iterator[Path]:
    """A folder to be filled with a method's record and checkpoint, kept whole or not at all."""
    place = place_of(folder, number)
    filled = place.with_name(f".{number}")
    for old in (filled, place):
        shutil.rmtree(old, ignore_errors=True)
    filled.mkdir(parents=True)
    yield filled
    write_text(filled / METHOD, name + "\n")
    filled.rename(place)
    sync(place.parent)


def forget(folder: Path) -> None:
    """Remove what was kept; at once, so that a kill leaves no part of it."""
    place, gone = folder / TRIED, folder / f".{TRIED}"
    shutil.rmtree(gone, ignore_errors=True)
    if place.is_dir():
        place.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)
