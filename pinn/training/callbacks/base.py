"""What may be done while a run goes on."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pinn.training.marching import TimeMarching
    from pinn.training.settings import Outcome
    from pinn.training.trainer import Trainer

Record = dict[str, Any]  # one training step: step, seconds, loss, loss/<block>, ..., error/<field> where measured


class Callback:
    """Called at the start, after each step and at the end of a run; does nothing by itself."""

    def on_start(self, trainer: "Trainer | TimeMarching") -> None:
        """Before the first step."""

    def on_step(self, record: Record) -> None:
        """After a step, with its record."""

    def on_end(self, outcome: "Outcome") -> None:
        """After the last step, also when the run was interrupted or failed."""
