"""Block time marching: the windows of a trial function, trained one after the other."""

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from pinn.basis.errors import require
from pinn.basis.logs import logger
from pinn.networks.random_features import RandomFeatures
from pinn.networks.spectral import Spectral
from pinn.residuals.execution import Execution
from pinn.residuals.protocol import LeastSquares
from pinn.training.clock import Clock
from pinn.training.cutting import Cutting
from pinn.training.defect import defect, field_sizes
from pinn.training.fronts import resolve_front
from pinn.training.interruption import Interruption
from pinn.training.orders import carry, lacks_functions_of_space, rebalance
from pinn.training.plan import Plan
from pinn.training.run import Callback, Outcome, Position, Run, StepRecord
from pinn.training.trainer import Trainer
from pinn.trial.function import TrialFunction
from pinn.trial.windows import WindowedTrial, of_window

FRESH = 0.01  # share of fresh random parameters in the start of a later window's hidden layers, where they are trained
TRIAL_SHARE = 0.35  # of the time that is left, for the first attempt at the whole
NEWTON_STEPS = 12  # of one attempt at a window
SHORTEST_OF_ALL, SHORTEST_WINDOW = 1e-13, 1e-3  # windows in the whole time, of time alone and of others
SEARCHES = 3  # for scales of features, where shorter windows gain nothing
ROWS = 3.0  # points a feature
# Defects: at which a window is solved, and below which it may be where shorter ones gain nothing
SOLVED_IN_TIME, SOLVED, TRAINED = (1e-10, 1e-6), (1e-7, 1e-2), (1e-4, 1e-2)  # features of time, others, trained ones
SOLVED_SPECTRAL = (1e-9, 1e-3)
MOST_FAILED = 8  # attempts at one window of spectral functions
REORDERED = 2  # attempts with other orders
SLOW, LATE = 0.2, 0.5  # share of the whole time that is to be solved at this share of the time limit
UNSMOOTH = "what begins is not smooth, and is left to other functions before"  # the window of the shortfall
SHORTEST = 1e-3  # seconds of a window when the run's time is used up: one step


@dataclass
class Finished:
    """What is kept of a window whose training is over, besides its parameters.

    points: (n, d) by region. change: by field, as of `Run.change`.
    """

    points: dict[str, Tensor]
    outcome: Outcome
    change: dict[str, float] = field(default_factory=dict)


class TimeMarching(Run):
    """Trains each window from the last state of the one before it, and seems one run, one trainer, to callbacks.

    Each window has steps, tolerance and points of its own. Where their ends are settled, the time that is left is
    divided evenly among the windows that are left; else a window that is not solved is cut shorter and tried again, and
    the run goes back to its first step. Records carry their window's number, from 1; steps and seconds are counted
    through. saved: a checkpoint from which it goes on. clock: the run's time. Raises UserError where the residual is
    not finite at a window's first step, and where the checkpoint does not fit.
    """

    def __init__(
        self,
        trial: WindowedTrial,
        plan: Plan,
        execution: Execution,
        callbacks: Sequence[Callback] = (),
        *,
        saved: Mapping[str, Any] | None = None,
        clock: Clock | None = None,
        interruption: Interruption | None = None,
    ) -> None:
        super().__init__(callbacks, interruption)
        self.trial = trial
        self.plan = plan
        self.execution = execution
        self.clock = clock or Clock(plan.training.time_limit)
        self.windows = str(plan.training.windows)
        self.finished: list[Finished] = []
        self.time = trial.problem.domain.bounds[trial.time]
        self.cutting = None if trial.scissors is None else make_cutting(trial, plan)
        self._before = Position()  # where the present window began
        self._sizes: dict[str, float] = {}  # of the fields so far
        self._tried: dict[str, Tensor] = {}  # parameters of the last attempt at the present window that failed
        self._tried_length, self._reordered = 0.0, 0  # of that attempt, and how often orders were the reason
        self._prepared = 0.0  # seconds of the present window before its first step
        self._trainer: Trainer | None = None
        self._end: dict[str, Any] | None = None  # how the run ended that is continued
        self._at_end: dict[str, Any] | None = None  # the checkpoint of a window's trainer that has come to its end
        if saved is not None:
            self._restore(saved)
        self._before.seconds += self.clock.elapsed

    @property
    def at(self) -> Position:
        within = self._trainer.at if self._trainer else Position()
        return Position(step=self._before.step + within.step, seconds=self._before.seconds + within.seconds)

    @property
    def steps(self) -> int:
        each = sum(self.plan.training.stage_steps(stage) for stage in self.plan.stages.stages)
        return self._before.step + (1 if self.cutting else int(self.windows) - len(self.finished)) * each

    @property
    def heading(self) -> str:
        number = len(self.finished)
        if self.cutting is None:
            return f"window {number + 1}/{self.windows}"
        return f"window {number + 1} to {self.trial.time} = {self.trial.ends[-1]:.4g} of {self.time[1]:g}"

    def _leave_team(self) -> None:
        """Each window's trainer leaves for itself."""

    def _keep_best(self) -> None:
        """Windows that were not reached hold the last state before them."""
        begun = self._trainer is not None and self._trainer.at.step > 0
        reached = len(self.finished) + int(begun)
        if self.cutting is not None and (reached == 0 or self.trial.ends[reached - 1] < self.time[1]):
            self.trial.cut(reached, self.time[1])
        self.trial.hold_from(reached)

    def _train(self) -> Outcome:
        if self._end is not None and self._is_over(self._end):
            self.shortfall = self._end["shortfall"]
            if self._trainer is not None:
                self._trainer.run()  # no step, but its best parameters
            return Outcome[self._end["outcome"]]
        while True:
            if self._trainer is None and self.finished and self._time_left <= 0.0:
                return self._cut_off()
            trainer = self._trainer = self._trainer or self._begin()
            outcome = trainer.run()
            if outcome is Outcome.INTERRUPTED:
                return outcome
            if self.cutting is not None and not self._is_solved(trainer, outcome):
                if self._is_hopeless:
                    if self.finished:  # else this attempt is all there is
                        self._go_back()
                    return self._cut_off("spectral functions do not solve")
                if not self._is_out_of_time(outcome):
                    self._go_back()
                    continue
                if self.finished:
                    self._go_back()
                    return self._cut_off()
            if self.plan.hasty and self.cutting is not None and self.cutting.lost > 0.0:
                return self._cut_off(UNSMOOTH)
            number = len(self.finished) + 1
            logger.info("%s ends at step %d: %s", self.heading, self.at.step, outcome.value)
            if self.trial.ends[number - 1] == self.time[1]:
                outcomes = [*(window.outcome for window in self.finished), outcome]
                return Outcome.DIVERGED if Outcome.DIVERGED in outcomes else outcome
            self._sizes, self._tried, self._reordered = self._largest_sizes(trainer), {}, 0
            self._before = self.at
            points = {k: points.x for k, points in trainer.points.items()}
            self.finished.append(Finished(points, outcome, trainer.change()))
            self._trainer, self._at_end = None, None

    def _is_over(self, end: Mapping[str, Any]) -> bool:
        """Whether nothing is left of a run that has ended so: its last window is not judged again."""
        if end["outcome"] == Outcome.TIME.name:
            return self.clock.limit is not None and self.clock.limit <= end["limit"]
        if end["outcome"] == Outcome.INTERRUPTED.name or self._trainer is None:
            return False
        return self.trial.ends[len(self.finished)] == self.time[1] and self._trainer.is_over

    @property
    def _time_left(self) -> float:
        """Seconds of the run, the same in all processes."""
        (spent,) = self.execution.team.largest(self.at.seconds)
        return math.inf if self.clock.limit is None else self.clock.limit - spent

    def _is_out_of_time(self, outcome: Outcome) -> bool:
        """Whether the run's time is over, after a window that has ended so."""
        return self._time_left <= 0.0 or (outcome is Outcome.TIME and features_stay(self.plan))

    @property
    def _is_hopeless(self) -> bool:
        """Whether spectral functions are not for this solution, which is not smooth, or takes too long."""
        if self.cutting is None or not isinstance(self.trial.network.core, Spectral):
            return False
        reached = self.trial.ends[len(self.finished) - 1] if self.finished else self.time[0]
        slow = reached - self.time[0] < SLOW * (self.time[1] - self.time[0])
        late = self.clock.limit is not None and self.at.seconds > LATE * self.clock.limit
        return self.cutting.forced or len(self.cutting.failed) >= MOST_FAILED or (slow and late)

    def _cut_off(self, ended: str = "the time limit ended the run in") -> Outcome:
        reached, name = self.trial.ends[len(self.finished) - 1] if self.finished else self.time[0], self.trial.time
        window = f"window {len(self.finished) + 1}" + ("" if self.cutting else f" of {self.windows}")
        self.shortfall = f"{ended} {window}: {name} up to {reached:.4g} of {self.time[1]:g} is trained"
        logger.warning("%s; from there on the fields go on as they ended", self.shortfall)
        return Outcome.TIME

    def _is_solved(self, trainer: Trainer, outcome: Outcome) -> bool:
        assert self.cutting is not None
        start, end = trainer.residuals.trial.domain.bounds[self.trial.time]
        size = math.inf if outcome is Outcome.DIVERGED else defect(trainer.residuals, self._sizes, self.plan.seed)
        size, seconds = self.execution.team.largest(size, trainer.at.seconds - self._prepared)
        left = 0.0 if self._is_out_of_time(outcome) else self._time_left
        few = self._reordered < REORDERED and size > self.cutting.tolerance
        if left and few and lacks_functions_of_space(trainer.residuals.trial):
            self._reordered += 1
            solved, how = False, "other functions are wanted"
        else:
            solved = self.cutting.judge(start, end, size, seconds, left)
            how = "solved" if solved else "not solved, cut shorter"
        number, step = len(self.finished) + 1, trainer.at.step
        logger.info("window %d, to %.6g: defect %.1e after %d steps: %s", number, end, size, step, how)
        return solved

    def _go_back(self) -> None:
        """To the start of the present window, but for the time."""
        assert self._trainer is not None
        self._tried = self._trainer.residuals.trial.parameters()
        start, end = self._trainer.residuals.trial.domain.bounds[self.trial.time]
        self._tried_length = end - start
        self._before.seconds = self.at.seconds
        self._trainer, self._at_end = None, None
        for callback in self.callbacks:
            callback.on_return(self._before.step)

    def _largest_sizes(self, trainer: Trainer) -> dict[str, float]:
        own = field_sizes(trainer.residuals.trial, seed=self.plan.seed) if self.cutting else {}
        return {name: max(size, self._sizes.get(name, 0.0)) for name, size in own.items()}

    def _begin(self, saved: Mapping[str, Any] | None = None) -> Trainer:
        """The trainer of the first window that is not finished."""
        number, clock = len(self.finished), Clock(None)
        if self.cutting is not None and saved is None:
            start = self.trial.ends[number - 1] if number else self.time[0]
            self.trial.cut(number, self.cutting.next_end(start))
        window = self.trial.windows[number]
        logger.info("%s: %s in [%g, %g]", self.heading, self.trial.time, *window.domain.bounds[self.trial.time])
        if saved is None and features_stay(self.plan) and self._tried:
            carry(self._tried, window, 0.0)
            rebalance(self._tried, window, self._stretch(number))
        elif saved is None and number:
            carry(self.trial.windows[number - 1].parameters(), window, 0.0 if features_stay(self.plan) else FRESH)
            rebalance(self.trial.windows[number - 1].parameters(), window, self._stretch(number), holding=True)
        if saved is None:
            resolve_front(window, self.trial.windows[number - 1] if number else None)
        plan = self.plan if self.cutting is None else _in_proportion(self.plan, window)
        trainer = plan.trainer(
            window,
            self.execution,
            saved=saved,
            callbacks=[_Relay(self)],
            clock=replace(clock, limit=self._share(window)),
            interruption=self.interruption,
            searching=self.cutting is None or self.cutting.searching,
        )
        self._prepared = trainer.at.seconds
        return trainer

    def _stretch(self, number: int) -> float:
        """How much longer a window is than the last attempt at it or, without one, than the window before it."""
        start, end = self.trial.windows[number].domain.bounds[self.trial.time]
        if self._tried:
            return (end - start) / self._tried_length
        first, last = self.trial.windows[max(0, number - 1)].domain.bounds[self.trial.time]
        return (end - start) / (last - first)

    def _share(self, window: TrialFunction) -> float | None:
        """Seconds for a window: of what is left a part for each window left, or its share of the time that is left."""
        if self.clock.limit is None:
            return None
        if self.cutting is None:
            return max(self._time_left / (int(self.windows) - len(self.finished)), SHORTEST)
        if features_stay(self.plan):
            return max(self._time_left, SHORTEST)
        start, end = window.domain.bounds[self.trial.time]
        part = (end - start) / (self.time[1] - start)
        return max(self._time_left * (part if self.finished or self.cutting.failed else TRIAL_SHARE), SHORTEST)

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

    def change(self) -> dict[str, float]:
        """The largest of any window."""
        told = [window.change for window in self.finished] + ([self._trainer.change()] if self._trainer else [])
        return {name: max(one.get(name, 0.0) for one in told) for name in {name for one in told for name in one}}

    def checkpoint(self) -> dict[str, Any]:
        trained = self.trial.windows[: len(self.finished)]
        running = self._at_end or (self._trainer.checkpoint() if self._trainer else None)
        return {
            "windows": self.windows,
            "ends": list(self.trial.ends[: len(self.finished) + int(running is not None)]),
            "cutting": None if self.cutting is None else self.cutting.state(),
            "sizes": self._sizes,
            "tried": self._tried,
            "tried_length": self._tried_length,
            "reordered": self._reordered,
            "finished": [dict(vars(window)) | {"outcome": window.outcome.name} for window in self.finished],
            "parameters": {window.prefix + name: v for window in trained for name, v in window.parameters().items()},
            "before": dict(vars(self._before)),
            "trainer": running,
            "end": None if self.ended is None else self._limit_at_end(self.ended),
        }

    def _limit_at_end(self, outcome: Outcome) -> dict[str, Any]:
        limit = math.inf if self.clock.limit is None else self.clock.limit
        return {"outcome": outcome.name, "limit": limit, "shortfall": self.shortfall}

    def _restore(self, tree: Mapping[str, Any]) -> None:
        """Continue from a checkpoint; raises UserError where it belongs to another network, problem or windows."""
        windows = str(tree.get("windows", 1))
        fits = windows == self.windows
        told = f"the checkpoint is of a run in {windows} windows, not in {self.windows}"
        require(fits, f"{told}; resume with the settings of its run")
        self.finished = [Finished(**entry | {"outcome": Outcome[entry["outcome"]]}) for entry in tree["finished"]]
        self._before, self._sizes = Position(**tree["before"]), tree["sizes"]
        self._tried, self._tried_length, self._reordered = tree["tried"], tree["tried_length"], tree["reordered"]
        if self.cutting is not None:
            self.cutting = Cutting(**tree["cutting"])
            for number, end in enumerate(tree["ends"]):
                self.trial.cut(number, end)
        for window in self.trial.windows[: len(self.finished)]:
            window.load_parameters(of_window(tree["parameters"], window.prefix))
        if tree["trainer"] is not None:
            self._trainer = self._begin(tree["trainer"])
        self._end = tree.get("end")


class _Relay(Callback):
    """Passes on what a window's trainer tells, as a part of the whole run."""

    def __init__(self, run: TimeMarching) -> None:
        self.run = run

    def on_step(self, record: StepRecord) -> None:
        before, number = self.run._before, len(self.run.finished) + 1
        counted = {"step": before.step + record["step"], "seconds": before.seconds + record["seconds"]}
        for callback in self.run.callbacks:
            callback.on_step(counted | {"window": number} | {k: v for k, v in record.items() if k not in counted})

    def on_return(self, step: int) -> None:
        for callback in self.run.callbacks:
            callback.on_return(self.run._before.step + step)

    def on_end(self, outcome: Outcome) -> None:
        """Before the trainer puts the best parameters in the place of the last ones, from which it would go on."""
        assert self.run._trainer is not None
        self.run._at_end = self.run._trainer.checkpoint()


def features_stay(plan: Plan) -> bool:
    """Whether every stage moves the last layer alone."""
    return all(stage.optimizer.moves_last_layer_only for stage in plan.stages.stages)


def make_cutting(trial: WindowedTrial, plan: Plan) -> Cutting:
    """What cuts a trial function's time into windows; raises UserError where the initial guess has windows already."""
    given = plan.initial_guess in (None, "linear", "features")
    require(given, f"initial_guess={plan.initial_guess} is of other windows; set training.windows to theirs")
    count = len(trial.problem.coordinates)
    scaled = plan.initial_guess == "features" and isinstance(trial.network.core, RandomFeatures)
    searches = SEARCHES if scaled and count > 1 else 0
    shortest = SHORTEST_OF_ALL if count == 1 else SHORTEST_WINDOW
    time, reach = trial.problem.domain.bounds[trial.time], in_reach(plan, trial.windows[0])
    return Cutting(*time, *reach, shortest, searches=searches, cheap=features_stay(plan))


def in_reach(plan: Plan, window: TrialFunction) -> tuple[float, float]:
    """The defect at which a window counts as solved, and that below which it may where shorter ones gain nothing."""
    if not features_stay(plan):
        return TRAINED
    if isinstance(window.network.core, Spectral):
        return SOLVED_SPECTRAL
    return SOLVED_IN_TIME if len(window.problem.coordinates) == 1 else SOLVED


def _in_proportion(plan: Plan, window: TrialFunction) -> Plan:
    """The same with no more steps and points than features that stay are worth."""
    core, training = window.network.core, copy.copy(plan.training)
    if not features_stay(plan):
        return plan
    training.steps = training.steps or NEWTON_STEPS
    if not isinstance(core, (RandomFeatures, Spectral)):
        return replace(plan, training=training)
    rows = math.ceil(ROWS * core.width)
    training.held_out = min(training.held_out, rows if isinstance(core, RandomFeatures) else core.width)
    return replace(plan, sampler=plan.sampler.fewer(rows), training=training)
