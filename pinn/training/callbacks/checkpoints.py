"""Checkpoints while a run goes on."""

import time
from pathlib import Path

from pinn.training.checkpoint import FILE_NAME, save_tree
from pinn.training.run import Callback, Outcome, Run, StepRecord


class Checkpoints(Callback):
    """Saves the run's state to `folder/checkpoint.h5`, last and best parameters in one file, and at the end.

    seconds: between two checkpoints; 0 saves after every step, None at the end only.
    """

    def __init__(self, folder: Path, seconds: float | None = 60.0) -> None:
        self.path = folder / FILE_NAME
        self.seconds = seconds
        self.run: Run | None = None
        self.saved_at = 0.0

    def on_start(self, run: Run) -> None:
        self.run = run
        self.saved_at = time.monotonic()

    def on_step(self, record: StepRecord) -> None:
        if self.seconds is not None and time.monotonic() - self.saved_at >= self.seconds:
            self.save()

    def on_end(self, outcome: Outcome) -> None:
        self.save()

    def save(self) -> None:
        assert self.run is not None
        save_tree(self.path, self.run.checkpoint())
        self.saved_at = time.monotonic()
