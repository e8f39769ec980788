"""The record of a run: in memory, and line by line on disk."""

import contextlib
import io
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from pinn.basis.errors import UserError
from pinn.basis.logs import logger
from pinn.training.run import Callback, Outcome, Run, StepRecord

METRICS = "metrics.jsonl"


class History(Callback):
    """Keeps every step's record. records: those of the run that is continued."""

    def __init__(self, records: list[StepRecord] | None = None) -> None:
        self.records: list[StepRecord] = list(records or [])

    def on_step(self, record: StepRecord) -> None:
        self.records.append(record)

    def on_return(self, step: int) -> None:
        self.records = [record for record in self.records if record["step"] <= step]

    def columns(self) -> dict[str, np.ndarray]:
        """Name -> values (steps,), NaN where a step has no such entry."""
        names = dict.fromkeys(name for record in self.records for name in record)
        return {name: np.array([record.get(name, np.nan) for record in self.records]) for name in names}


class MetricsFile(Callback):
    """Appends each step's record to a file of JSON lines, so that a killed run leaves what it measured.

    Where a resumed run starts at step k, lines after step k are cut off first, a torn last one too; nothing before
    is touched. Lines that a full disk does not take are written as soon as it does.

    Raises UserError where the file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: io.FileIO | None = None
        self._whole = 0  # bytes of the file that are whole lines
        self._waiting = b""

    def on_start(self, run: Run) -> None:
        self.on_return(run.at.step)

    def on_return(self, step: int) -> None:
        self._close()
        try:
            self._file = open(self.path, "ab", buffering=0)  # noqa: SIM115 - closed in on_end
            self._whole, self._waiting = _length(self.path, step), b""
            self._file.truncate(self._whole)
        except OSError as error:
            raise UserError(f"cannot write {self.path}: {error}; choose another folder or free the space") from error

    def on_step(self, record: StepRecord) -> None:
        self._write((json.dumps(record) + "\n").encode())

    def on_end(self, outcome: Outcome) -> None:
        self._write(b"")
        self._close()

    def _write(self, line: bytes) -> None:
        assert self._file is not None
        held_back, self._waiting = bool(self._waiting), self._waiting + line
        try:
            left = self._waiting
            while left:
                left = left[self._file.write(left) or 0 :]
        except OSError as error:
            with contextlib.suppress(OSError):
                self._file.truncate(self._whole)
            if not held_back:
                logger.warning("cannot write %s: %s; its lines are kept until it can be written", self.path, error)
            return
        self._whole, self._waiting = self._whole + len(self._waiting), b""

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def read_metrics(path: Path, last_step: int) -> list[StepRecord]:
    """The records of a file of JSON lines up to and including `last_step`; none where there is no file."""
    return [record for record, _ in _records(path, last_step)]


def _length(path: Path, last_step: int) -> int:
    """Bytes of a file of JSON lines up to and including `last_step`."""
    return sum(length for _, length in _records(path, last_step))


def _records(path: Path, last_step: int) -> Iterator[tuple[StepRecord, int]]:
    """Records and the bytes of their lines, without the last one where a run was killed in it.

    Raises ValueError, KeyError or TypeError where a whole line is no record.
    """
    if last_step < 1 or not path.exists():
        return
    with open(path, "rb") as file:
        for line in file:
            if not line.endswith(b"\n"):
                return
            record = json.loads(line)
            if record["step"] > last_step:
                return
            yield record, len(line)
