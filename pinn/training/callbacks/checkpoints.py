"""Checkpoints while a run goes on."""

import time
from pathlib import Path

from pinn.basis.disk import sync
from pinn.basis.errors import UserError
from pinn.basis.logs import logger
from pinn.training.callbacks.history import METRICS
from pinn.training.checkpoint import FILE_NAME, save_tree
from pinn.training.run import Callback, Outcome, Run, StepRecord


class Checkpoints(Callback):
    """Saves the run's state to `folder/checkpoint.h5`, last and best parameters in one file, and at the end.

    One that cannot be written, as on a full disk, leaves the one before, and the next is tried in its turn.
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
            self._try("the one before stays, the next is tried in its turn")

    def on_end(self, outcome: Outcome) -> None:
        assert self.run is not None
        if self.run.at.step > 0:
            self._try("the run can be continued from the one before, if there is one")

    def _try(self, consequence: str) -> None:
        try:
            self.save()
        except UserError as error:
            logger.warning("no checkpoint at this step: %s; %s", error, consequence)
        self.saved_at = time.monotonic()

    def save(self) -> None:
        """Raises UserError where it cannot be written."""
        assert self.run is not None
        metrics = self.path.with_name(METRICS)
        try:
            if metrics.exists():  # before the checkpoint says that they are there
                sync(metrics)
        except OSError as error:
            raise UserError(f"cannot write {metrics}: {error}") from error
        save_tree(self.path, self.run.checkpoint())
