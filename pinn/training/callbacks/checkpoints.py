"""Checkpoints while a run goes on."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

from pinn.training.callbacks.base import Callback, Record
from pinn.training.checkpoint import FILE_NAME, save_tree

if TYPE_CHECKING:
    from pinn.training.marching import TimeMarching
    from pinn.training.settings import Outcome
    from pinn.training.trainer import Trainer


class Checkpoints(Callback):
    """Saves the trainer's state to `folder/checkpoint.h5`, last and best parameters in one file, and at the end.

    seconds: between two checkpoints; 0 saves after every step, None at the end only.
    """

    def __init__(self, folder: Path, seconds: float | None = 60.0) -> None:
        self.path = folder / FILE_NAME
        self.seconds = seconds
        self.trainer: Trainer | TimeMarching | None = None
        self.saved_at = 0.0

    def on_start(self, trainer: "Trainer | TimeMarching") -> None:
        self.trainer = trainer
        self.saved_at = time.monotonic()

    def on_step(self, record: Record) -> None:
        if self.seconds is not None and time.monotonic() - self.saved_at >= self.seconds:
            self.save()

    def on_end(self, outcome: "Outcome") -> None:
        self.save()

    def save(self) -> None:
        assert self.trainer is not None
        save_tree(self.path, self.trainer.checkpoint())
        self.saved_at = time.monotonic()
