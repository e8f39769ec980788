"""What a job of a sweep leaves beside its results: `status.json`, by which a rerun knows what is finished."""

import dataclasses
import hashlib
import json
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from pinn.basis.disk import is_alive, write_text
from pinn.basis.files import read_text

FILE_NAME = "status.json"


class Status(Enum):
    """Where a job stands."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    PRUNED = "pruned"  # ended by the search, because others were better at the same step


FINISHED = (Status.DONE, Status.PRUNED)


@dataclass
class JobRecord:
    """A job's configuration, how it ended, and by which process it is run.

    config_hash: of the resolved configuration. overrides: key -> value as given on the command line. error: one line,
    where it failed. mistake: whether it is the user's. traceback: the whole. seconds: from start to end.
    """

    config_hash: str
    overrides: dict[str, str]
    status: Status = Status.RUNNING
    error: str | None = None
    mistake: bool = False
    traceback: str | None = None
    seconds: float | None = None
    process: int = field(default_factory=os.getpid)
    host: str = field(default_factory=socket.gethostname)

    def save(self, folder: Path) -> None:
        """Write status.json to the job's folder, whole or not at all."""
        entries = dataclasses.asdict(self) | {"status": self.status.value}
        write_text(folder / FILE_NAME, json.dumps(entries, indent=1) + "\n")

    @property
    def finished(self) -> bool:
        """Whether a rerun has nothing to do."""
        return self.status in FINISHED


def read_record(folder: Path) -> JobRecord | None:
    """The record in a job's folder; None where there is none that can be read.

    A job that says it is running although its process is gone was interrupted.
    """
    try:
        entries = json.loads(read_text(folder / FILE_NAME))
        record = JobRecord(**(entries | {"status": Status(entries["status"])}))
    except (OSError, ValueError, TypeError, KeyError):
        return None
    if record.status is Status.RUNNING and not _alive(record):
        record.status = Status.INTERRUPTED
    return record


def settle(folder: Path) -> None:
    """Note that the job in a folder, where it is one, has been finished outside its sweep."""
    record = read_record(folder)
    if record is not None:
        dataclasses.replace(record, status=Status.DONE, error=None, traceback=None).save(folder)


def records_below(sweep: Path) -> dict[Path, JobRecord]:
    """Folder -> record of every job below the sweep's folder, in the order of their numbers."""
    records = {path.parent: read_record(path.parent) for path in sweep.rglob(FILE_NAME)}
    return {folder: record for folder, record in sorted(records.items(), key=_number) if record is not None}


def config_hash(configuration: Mapping[str, Any]) -> str:
    """Of a resolved configuration: the same for the same settings, whatever the folder and the date."""
    text = json.dumps(configuration, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _number(entry: tuple[Path, Any]) -> tuple[int, str]:
    name = entry[0].name
    return (int(name) if name.isdigit() else 0, str(entry[0]))


def _alive(record: JobRecord) -> bool:
    """Whether the record's process runs; of one on another machine nothing is known, which counts as yes."""
    if record.host != socket.gethostname():
        return True
    return is_alive(record.process)
