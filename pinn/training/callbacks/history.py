"""The record of a run: in memory, and line by line on disk."""

import json
from pathlib import Path
from typing import IO

import numpy as np

from pinn.training.run import Callback, Outcome, Run, StepRecord


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

    Where a resumed run starts at step k, lines after step k are dropped first, a torn last one too.

    Raises OSError where the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[str] | None = None

    def on_start(self, run: Run) -> None:
        self.on_return(run.at.step)

    def on_return(self, step: int) -> None:
        kept = read_metrics(self.path, step) if self.path.exists() else []
        self.on_end(Outcome.STEPS)
        self._file = open(self.path, "w", buffering=1)  # noqa: SIM115 - closed in on_end
        for record in kept:
            self.on_step(record)

    def on_step(self, record: StepRecord) -> None:
        assert self._file is not None
        self._file.write(json.dumps(record) + "\n")

    def on_end(self, outcome: Outcome) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def read_metrics(path: Path, last_step: int) -> list[StepRecord]:
    """The records of a file of JSON lines up to and including `last_step`."""
    records = []
    for line in path.read_text().splitlines():
        try:
            record = json.loads(line)
        except json.JSONDecodeError:
            break  # the line that was being written when the run was killed
        if record["step"] > last_step:
            break
        records.append(record)
    return records
