"""The end of a sweep: its summary, also after failures and Ctrl-C; and whether a rerun is of the same sweep."""

import contextlib
import json
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from pinn.basis.disk import held, write_text
from pinn.basis.errors import UserError, require
from pinn.basis.files import read_text
from pinn.basis.seals import seal
from pinn.basis.signals import ENDING, handled
from pinn.cli.mistakes import JobsFailed
from pinn.cli.strict import doubt, without_strict
from pinn.cli.sweeping.pages import keep_pages
from pinn.diagnosis.verdict import Verdict
from pinn.report.record import read_record
from pinn.solution_file.contents import FILE_NAME
from pinn.sweeps.records import Status, records_below
from pinn.sweeps.report import write_sweep_report

SAVED = "multirun.yaml"  # what Hydra keeps of a sweep
COMMAND = "command.json"  # its words, by which `pinn resume` goes on with it

Summarize = Callable[[Path], tuple[str, list[Path]]]


def same_sweep(config: DictConfig, folder: Path) -> None:
    """Raise UserError where the folder holds another sweep, whose jobs' numbers mean other settings."""
    if not (folder / SAVED).is_file():
        return
    saved, given = (
        without_strict(list(read.hydra.overrides.task)) for read in (OmegaConf.load(folder / SAVED), config)
    )
    require(
        saved == given,
        f"{folder} holds another sweep ({' '.join(saved) or 'of the defaults'}); give the same options to go on with "
        "it, or another hydra.sweep.dir=...",
    )


def command_of(folder: Path) -> list[str] | None:
    """The words with which the sweep in a folder was started; None where the folder is no sweep's.

    Raises UserError where they cannot be read.
    """
    if not (folder / COMMAND).exists():
        return None
    try:
        words = json.loads(read_text(folder / COMMAND))
    except (ValueError, RecursionError):
        words = None
    require(isinstance(words, list), f"{folder / COMMAND} is damaged: it must be a list of words")
    return [str(word) for word in words]


@contextlib.contextmanager
def concluded(folder: Path, task: Any, summarize: Summarize, strict: bool = False) -> Iterator[None]:
    """Hold the folder; sum up what is done at the end, whatever the signals, and tell `task` which jobs failed.

    summarize: writes the summary in the folder, and returns a text and the paths. strict: tell it, too, which answers
    are not to be used.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with held(folder):
        write_text(folder / COMMAND, json.dumps(task.words) + "\n")
        seal(folder, COMMAND)
        keep_pages(folder, task.pages)
        try:
            yield
        finally:
            _dismiss_workers()
            with handled(signal.SIG_IGN, *ENDING):  # which is not broken off
                conclude(folder, task, summarize)
                task.doubted = doubt(_verdicts(folder)) if strict else None


def _verdicts(folder: Path) -> dict[str, Verdict]:
    """Job's folder -> verdict, of those that have a solution."""
    files = [job / FILE_NAME for job in records_below(folder) if (job / FILE_NAME).is_file()]
    return {str(path.parent): read_record(path).accuracy.verdict for path in files}


def _dismiss_workers() -> None:
    """End joblib's workers, which would keep their memory, and their working directory for the next sweep."""
    if "joblib" in sys.modules:
        from joblib.externals.loky import get_reusable_executor

        get_reusable_executor().shutdown(wait=True)


def conclude(folder: Path, task: Any, summarize: Summarize) -> None:
    """Write the summary and the report, and print the table; nothing where no job was begun."""
    records = records_below(folder)
    if not records:
        return
    text, files = summarize(folder)
    with contextlib.suppress(UserError):  # where no job has left a solution
        files.append(write_sweep_report(folder))
    sys.stdout.write(text + "".join(f"{path}\n" for path in files))
    if not all(record.finished for record in records.values()):
        sys.stdout.write(f"what is not done: pinn resume {folder}\n")
    failed = {path: record for path, record in records.items() if record.status is Status.FAILED}
    if failed:
        first, record = next(iter(failed.items()))
        told = (
            f"{len(failed)} of {len(records)} jobs failed, the first is {first}: {record.error}; see {first}/pinn.log"
        )
        task.failed = JobsFailed(told, all(record.mistake for record in failed.values()))
