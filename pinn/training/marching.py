"""Block time marching: the windows of a trial function, trained one after the other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from pinn.basis.errors import require
from pinn.basis.logs import logger
from pinn.residuals.execution import Execution
from pinn.residuals.protocol import LeastSquares
from pinn.training.plan import Plan
from pinn.training.run import Callback, Outcome, Position, Run, StepRecord, used_up
from pinn.training.settings import stages_of
from pinn.training.trainer import Trainer
from pinn.trial.function import TrialFunction
from pinn.trial.windows import WindowedTrial, of_window

FRESH = 0.01  # share of fresh random parameters in the start of a later window's hidden layers
SHORTEST = 1e-3  # seconds of a window when the run's time is used up: one step


@dataclass
class Finished:
    """What is kept of a window whose training is over, besides its parameters. points: (n, d) by region."""

    points: dict[str, Tensor]
    outcome: Outcome


class TimeMarching(Run):
    """Trains each window from the last state of the one before it, and seems one run, one trainer, to callbacks.

    Each window has steps, tolerance and points of its own; the time that is left is divided evenly among the windows
    that are left. Records carry their window's number, from 1; steps and seconds are counted through.
    saved: a checkpoint from which it goes on. Raises UserError where the residual is not finite at a window's first
    step, and where the checkpoint does not fit.
    """

    def __init__(
        self,
        trial: WindowedTrial,
        plan: Plan,
        execution: Execution,
        callbacks: Sequence[Callback] = (),
        *,
        saved: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(callbacks)
        self.trial = trial
        self.plan = plan
        self.execution = execution
        self.windows = len(trial.windows)
        self.finished: list[Finished] = []
        self._before = Position()  # where the present window began
        self._trainer: Trainer | None = None
        self._at_end: dict[str, Any] | None = None  # the checkpoint of a window's trainer that has come to its end
        if saved is not None:
            self._restore(saved)

    @property
    def at(self) -> Position:
        within = self._trainer.at if self._trainer else Position()
        return Position(step=self._before.step + within.step, seconds=self._before.seconds + within.seconds)

    @property
    def steps(self) -> int:
        each = sum(self.plan.training.stage_steps(stage) for stage in stages_of(self.plan.optimizer))
        return self._before.step + (self.windows - len(self.finished)) * each

    @property
    def heading(self) -> str:
        return f"window {len(self.finished) + 1}/{self.windows}"

    def _leave_team(self) -> None:
        """Each window's trainer leaves for itself."""

    def _keep_best(self) -> None:
        """Windows that were not reached hold the last state before them."""
        begun = self._trainer is not None and self._trainer.at.step > 0
        self.trial.hold_from(len(self.finished) + int(begun))

    def _train(self) -> Outcome:
        while True:
            trainer = self._trainer = self._trainer or self._begin()
            outcome = trainer.run()
            number = len(self.finished) + 1
            if outcome is Outcome.INTERRUPTED:
                return outcome
            logger.info("window %d/%d ends at step %d: %s", number, self.windows, self.at.step, outcome.value)
            if number == self.windows:
                outcomes = [*(window.outcome for window in self.finished), outcome]
                return Outcome.DIVERGED if Outcome.DIVERGED in outcomes else outcome
            self._before = self.at
            self.finished.append(Finished({k: points.x for k, points in trainer.points.items()}, outcome))
            self._trainer, self._at_end = None, None

    def _begin(self, saved: Mapping[str, Any] | None = None) -> Trainer:
        """The trainer of the first window that is not finished."""
        number = len(self.finished)
        window = self.trial.windows[number]
        time = self.trial.time
        logger.info("window %d/%d: %s in [%g, %g]", number + 1, self.windows, time, *window.domain.bounds[time])
        if number and saved is None:
            _carry(self.trial.windows[number - 1], window)
        limit = self.plan.training.time_limit
        share = None if limit is None else max((limit - self._before.seconds) / (self.windows - number), SHORTEST)
        return self.plan.trainer(
            window,
            self.execution,
            saved=saved,
            callbacks=[_Relay(self)],
            time_limit=share,
            interruption=self.interruption,
        )

    def training_points(self) -> dict[str, Tensor]:
        """All windows' together."""
        present = self._trainer.training_points() if self._trainer else {}
        together: dict[str, list[Tensor]] = {}
        for points in (*(window.points for window in self.finished), present):
            for label, x in points.items():
                together.setdefault(label, []).append(x.cpu())
        return {label: torch.cat(parts) for label, parts in together.items()}

    def minimized(self) -> tuple[LeastSquares, Tensor] | None:
        """Of the last window that was trained."""
        return self._trainer.minimized() if self._trainer else None

    def checkpoint(self) -> dict[str, Any]:
        trained = self.trial.windows[: len(self.finished)]
        running = self._at_end or (self._trainer.checkpoint() if self._trainer else None)
        return {
            "windows": self.windows,
            "finished": [{"points": window.points, "outcome": window.outcome.name} for window in self.finished],
            "parameters": {window.prefix + name: v for window in trained for name, v in window.parameters().items()},
            "before": dict(vars(self._before)),
            "trainer": running,
        }

    def _restore(self, tree: Mapping[str, Any]) -> None:
        """Continue from a checkpoint; raises UserError where it belongs to another network, problem or windows."""
        windows = tree.get("windows", 1)
        fits = windows == self.windows
        told = f"the checkpoint is of a run in {windows} windows, not in {self.windows}"
        require(fits, f"{told}; resume with the settings of its run")
        self.finished = [Finished(entry["points"], Outcome[entry["outcome"]]) for entry in tree["finished"]]
        self._before = Position(**tree["before"])
        for window in self.trial.windows[: len(self.finished)]:
            window.load_parameters(of_window(tree["parameters"], window.prefix))
        if tree["trainer"] is not None:
            self._trainer = self._begin(tree["trainer"])

    def check_there_is_more(self) -> None:
        limit = self.plan.training.time_limit
        require(limit is None or self.at.seconds < limit, used_up(limit))
        if self._trainer and len(self.finished) == self.windows - 1:
            self._trainer.check_there_is_more()


class _Relay(Callback):
    """Passes on what a window's trainer tells, as a part of the whole run."""

    def __init__(self, run: TimeMarching) -> None:
        self.run = run

    def on_step(self, record: StepRecord) -> None:
        before, number = self.run._before, len(self.run.finished) + 1
        counted = {"step": before.step + record["step"], "seconds": before.seconds + record["seconds"]}
        for callback in self.run.callbacks:
            callback.on_step(counted | {"window": number} | {k: v for k, v in record.items() if k not in counted})

    def on_end(self, outcome: Outcome) -> None:
        """Before the trainer puts the best parameters in the place of the last ones, from which it would go on."""
        assert self.run._trainer is not None
        self.run._at_end = self.run._trainer.checkpoint()


def _carry(before: TrialFunction, window: TrialFunction) -> None:
    """Start a window from the hidden layers of the one before it, a little shaken, with a last layer of its own.

    theta = theta_before + 0.01 theta_fresh, but theta_fresh in the last layer: what this window adds to the last state
    is not what that one added to its own. On kdv (5 windows of 20 steps) and burgers (4 of 25) the errors were 8e-3
    and 3e-3, with the last layer carried too 9e-3 and 1e-2, with fresh parameters 3e-1 and 2e-2.
    """
    fresh, last = window.parameters(), window.linear_parameters or ()
    window.load_parameters(
        {name: fresh[name] if name in last else v + FRESH * fresh[name] for name, v in before.parameters().items()}
    )
