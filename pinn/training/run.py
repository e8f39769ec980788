"""A training run as its callbacks see it: its records, where it stands, how it may end."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from torch import Tensor

from pinn.basis.logs import logger
from pinn.residuals.protocol import LeastSquares
from pinn.training.interruption import Interruption

StepRecord = dict[str, Any]  # of one step: step, seconds, loss, loss/<block>, ..., error/<field> where measured


class Outcome(Enum):
    """How a stage or a run ended."""

    STEPS = "all steps done"
    TIME = "time limit reached"
    STAGE_TIME = "the stage's time limit reached"
    TOLERANCE = "tolerance reached"
    SETTLED = "settled: another step would gain nothing"
    NOISE = "the data are met to their noise: another step would fit that"
    STALLED = "no step decreased the loss any more"
    DIVERGED = "the loss became NaN or infinite; the best parameters were kept"
    INTERRUPTED = "interrupted; the best parameters were kept"


@dataclass
class Position:
    """Where a run stands: what a checkpoint needs besides tensors."""

    step: int = 0  # of the run
    stage: int = 0
    stage_step: int = 0
    seconds: float = 0.0
    stage_seconds: float = 0.0
    rejected: int = 0  # steps in a row that were not accepted
    settled: bool = False  # whether the optimizer says that another step would gain nothing
    weighed: int = 0  # how often the weights have changed
    fits_noise: bool = False  # whether the steps since the last draw of points have fitted the noise of data
    last_step: float = 0.0  # seconds
    looked_at: float = 0.0  # the loss when it was last asked whether points that stay are to be renewed, 0 before
    doublings: int = 0  # of such points
    eigenvalues: list[float] = field(default_factory=list)  # of a problem that asks for one, in order, as far as known
    wanted: float | None = None  # the one of them that is asked for

    def next_stage(self) -> None:
        """To the first step of the stage that follows."""
        self.stage, self.stage_step, self.stage_seconds = self.stage + 1, 0, 0.0
        self.rejected, self.settled, self.fits_noise = 0, False, False
        self.looked_at, self.doublings = 0.0, 0


class Callback:
    """Called at the start, after each step and at the end of a run; does nothing by itself."""

    def on_start(self, run: "Run") -> None:
        """Before the first step."""

    def on_step(self, record: StepRecord) -> None:
        """After a step, with its record."""

    def on_return(self, step: int) -> None:
        """Where the run goes back to a step, to start anew from there: later records do not count."""

    def on_end(self, outcome: Outcome) -> None:
        """After the last step, also when the run was interrupted or failed."""


class Run(ABC):
    """Training from where it stands to its end, watched by callbacks. interruption: what asks it to end."""

    def __init__(self, callbacks: Sequence[Callback], interruption: Interruption | None = None) -> None:
        self.callbacks = callbacks
        self.shortfall = ""  # what was to be trained and was not reached; empty where all of it was
        self.interruption = interruption or Interruption()
        self.ended: Outcome | None = None  # how it ended, once it has

    def run(self) -> Outcome:
        """Train to the end or a limit; the trial function then holds the best parameters.

        Makes no step where it stands at its end. Raises KeyboardInterrupt where it is interrupted before its first.
        """
        with self.interruption.watched():
            return self._run()

    def _run(self) -> Outcome:
        for callback in self.callbacks:
            callback.on_start(self)
        begun, outcome = self.at.step, Outcome.INTERRUPTED
        self.interruption.begun |= begun > 0
        try:
            outcome = self._train()
        except KeyboardInterrupt:
            self._leave_team()
            if self.at.step == 0:  # nothing is done
                raise
            logger.warning("interrupted at step %d: saving what there is", self.at.step)
        except Exception:
            self._leave_team()
            raise
        finally:
            self.ended = outcome
            for callback in self.callbacks:
                callback.on_end(outcome)
            self._keep_best()
        if begun == self.at.step > 0 and outcome is not Outcome.INTERRUPTED:
            logger.info("%s; to go on: more training.steps, or a larger training.time_limit", outcome.value)
        return outcome

    @property
    @abstractmethod
    def at(self) -> Position:
        """Where the run stands: its steps and seconds."""

    @property
    @abstractmethod
    def steps(self) -> int:
        """The run's last step, if nothing ends it early."""

    @property
    def heading(self) -> str:
        """The part of the run that goes on, for the progress display; empty where it has no parts."""
        return ""

    @abstractmethod
    def _train(self) -> Outcome:
        """Train to the end or a limit."""

    @abstractmethod
    def _leave_team(self) -> None:
        """What is left to do is done alone: the others may be in the middle of a sum, or gone."""

    @abstractmethod
    def _keep_best(self) -> None:
        """Put the best parameters into the trial function."""

    @abstractmethod
    def training_points(self) -> dict[str, Tensor]:
        """The last training points (n, d) of each region."""

    @abstractmethod
    def minimized(self) -> tuple[LeastSquares, Tensor] | None:
        """After a run: the last stage's least squares at its last points, and its parameters (q,); None without a step.

        The parameters are those that its optimizer moves; all rows are this process's.
        """

    @abstractmethod
    def change(self) -> dict[str, float]:
        """Field -> by how much of its size the last steps still changed it; empty where they had settled."""

    @abstractmethod
    def checkpoint(self) -> dict[str, Any]:
        """Everything that the next step depends on, as a plain tree."""
