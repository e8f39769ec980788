"""Training: stages of optimizers on residuals at points that are redrawn on a schedule."""

import contextlib
import math
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import torch
from torch import Tensor

from pinn.callbacks import Callback, Record
from pinn.configurable import Configurable
from pinn.errors import UserError, require
from pinn.logs import logger
from pinn.measuring import HeldOut
from pinn.optimizers import Optimizer
from pinn.residuals import Residuals
from pinn.sampling import Points, PointSet, Sampler
from pinn.weighting import FixedWeights, Weighting


class Outcome(Enum):
    """How a stage or a run ended."""

    STEPS = "all steps done"
    TIME = "time limit reached"
    TOLERANCE = "tolerance reached"
    SETTLED = "solved: another step would gain nothing"
    STALLED = "no step decreased the loss any more"
    DIVERGED = "the loss became NaN or infinite; the best parameters were kept"
    INTERRUPTED = "interrupted; the best parameters were kept"


ENDS_RUN = (Outcome.INTERRUPTED, Outcome.TIME)
FAILED = (Outcome.DIVERGED, Outcome.STALLED)


class Training(Configurable):
    """When training stops and what is measured on the way.

    steps: number of steps of a stage; None takes the optimizer's own. time_limit: seconds, None for no limit.
    tolerance: a stage stops at a held-out residual (weighted mean square on fresh points) below this, 0 never.
    check_every: steps between two measurements of held-out residual and error. held_out: number of fresh points a
    region. log_every: steps between two log lines. jacobian_chunk: points whose Jacobian rows are held at once, None
    for automatic. checkpoint_seconds: between two checkpoints, 0 for every step, None for the end only.
    """

    def __init__(
        self,
        *,
        steps: int | None = None,
        time_limit: float | None = 75.0,
        tolerance: float = 0.0,
        check_every: int = 10,
        held_out: int = 2000,
        log_every: int = 50,
        jacobian_chunk: int | None = None,
        checkpoint_seconds: float | None = 60.0,
    ) -> None:
        _check_stop("training", steps, time_limit, tolerance)
        for name, value in (("check_every", check_every), ("held_out", held_out), ("log_every", log_every)):
            require(value >= 1, f"training.{name} must be >= 1, got {value}")
        require(
            checkpoint_seconds is None or 0 <= checkpoint_seconds < math.inf,
            f"training.checkpoint_seconds must be finite and >= 0 or null, got {checkpoint_seconds}",
        )
        self.steps = steps
        self.time_limit = time_limit
        self.tolerance = tolerance
        self.check_every = check_every
        self.held_out = held_out
        self.log_every = log_every
        self.jacobian_chunk = jacobian_chunk
        self.checkpoint_seconds = checkpoint_seconds


def _check_stop(where: str, steps: int | None, time_limit: float | None, tolerance: float) -> None:
    require(steps is None or steps >= 1, f"{where}.steps must be >= 1 or null, got {steps}")
    require(
        time_limit is None or 0 < time_limit < math.inf,
        f"{where}.time_limit must be positive and finite or null, got {time_limit}",
    )
    require(0 <= tolerance < math.inf, f"{where}.tolerance must be >= 0 and finite, got {tolerance}")


class Stage(Configurable):
    """One optimizer's part of a run.

    steps, time_limit, tolerance: as in `Training`, for this stage; None takes the training's (for steps: the
    optimizer's own). redraw_every: steps between two draws of points, None takes the sampler's.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        *,
        steps: int | None = None,
        time_limit: float | None = None,
        tolerance: float | None = None,
        redraw_every: int | None = None,
    ) -> None:
        require(isinstance(optimizer, Optimizer), f"a stage needs an optimizer, got {optimizer!r}")
        _check_stop("stage", steps, time_limit, tolerance or 0.0)
        require(redraw_every is None or redraw_every >= 0, f"stage.redraw_every must be >= 0, got {redraw_every}")
        self.optimizer = optimizer
        self.steps = steps
        self.time_limit = time_limit
        self.tolerance = tolerance
        self.redraw_every = redraw_every


class Stages(Configurable):
    """Several stages, one after the other: `Stages([Stage(Adam(), steps=500), Stage(TrustRegion())])`.

    A stage that stalls or diverges hands its best parameters to the next.
    """

    def __init__(self, stages: Sequence[Stage]) -> None:
        require(len(stages) >= 1, "stages must hold at least one stage")
        self.stages = tuple(stages)


@dataclass
class Best:
    """The parameters with the smallest held-out residual so far."""

    theta: Tensor
    held_out: float = math.inf


@dataclass
class Position:
    """Where a run stands: what a checkpoint needs besides tensors."""

    step: int = 0  # of the run
    stage: int = 0
    stage_step: int = 0
    seconds: float = 0.0
    stage_seconds: float = 0.0
    rejected: int = 0  # steps in a row that were not accepted


class Trainer:
    """Runs the stages on the residuals of a trial function and leaves the best parameters in it.

    optimizer: an Optimizer or Stages. weighting: changes the residuals' weights at every redraw of the points.
    Raises UserError where the residual is not finite at the first step.
    """

    def __init__(
        self,
        residuals: Residuals,
        optimizer: Optimizer | Stages,
        sampler: Sampler,
        training: Training,
        *,
        seed: int = 0,
        callbacks: Sequence[Callback] = (),
        weighting: Weighting | None = None,
    ) -> None:
        self.residuals = residuals
        self.stages = optimizer.stages if isinstance(optimizer, Stages) else (Stage(optimizer),)
        self.sampler = sampler
        self.training = training
        self.callbacks = callbacks
        self.weighting = weighting or FixedWeights()
        self.steps = sum(self._stage_steps(stage) for stage in self.stages)
        self.generator = torch.Generator().manual_seed(seed)
        self.held_out = HeldOut(residuals, training.held_out, seed + 2**20)
        self.theta = residuals.theta()
        self.state = self.stages[0].optimizer.init(self.theta)
        self.points: PointSet = {}
        self.best = Best(self.theta)
        self.at = Position()
        self.interrupted = False

    def run(self) -> Outcome:
        """Train to the last stage's end or a limit; the trial function then holds the best parameters."""
        for callback in self.callbacks:
            callback.on_start(self)
        outcome = Outcome.INTERRUPTED
        try:
            with self._finishing_step_on_signals():
                outcome = self._run_stages()
        except KeyboardInterrupt:
            logger.warning("interrupted at step %d: saving what there is", self.at.step)
        finally:
            for callback in self.callbacks:
                callback.on_end(outcome)
            self._keep_best()
        return outcome

    def _run_stages(self) -> Outcome:
        while True:
            stage = self.stages[self.at.stage]
            outcome = self._run_stage(stage)
            last = self.at.stage == len(self.stages) - 1
            if outcome in ENDS_RUN or last:
                return outcome
            name = type(stage.optimizer).__name__
            logger.info("stage %d (%s) ends at step %d: %s", self.at.stage + 1, name, self.at.step, outcome.value)
            if outcome in FAILED:
                self.theta = self.best.theta
            self.at.stage, self.at.stage_step, self.at.stage_seconds, self.at.rejected = self.at.stage + 1, 0, 0.0, 0
            self.state = self.stages[self.at.stage].optimizer.init(self.theta)

    def _run_stage(self, stage: Stage) -> Outcome:
        started, before = time.perf_counter(), (self.at.seconds, self.at.stage_seconds)
        while self.at.stage_step < self._stage_steps(stage):
            self._redraw_if_due(stage)
            theta, state, report = stage.optimizer.step(self.theta, self.state, self.residuals.at(self.points))
            loss = float(report["loss"])
            if not math.isfinite(loss) or not bool(theta.isfinite().all()):
                self._explain_first_step(loss)
                return Outcome.DIVERGED
            self.theta, self.state = theta, state
            self.at.step, self.at.stage_step = self.at.step + 1, self.at.stage_step + 1
            elapsed = time.perf_counter() - started
            self.at.seconds, self.at.stage_seconds = before[0] + elapsed, before[1] + elapsed
            self.at.rejected = 0 if report.get("accepted", True) else self.at.rejected + 1
            settled = bool(report.get("settled", False))
            self._record({"step": self.at.step, "seconds": self.at.seconds, **report}, measured=settled)
            outcome = self._stop(stage) or (Outcome.SETTLED if settled else None)
            if outcome is not None:
                return outcome
        return Outcome.STEPS

    def _stop(self, stage: Stage) -> Outcome | None:
        """Whether the stage, or the run, ends after this step."""
        if self.interrupted:
            return Outcome.INTERRUPTED
        if self.training.time_limit is not None and self.at.seconds >= self.training.time_limit:
            return Outcome.TIME
        if stage.time_limit is not None and self.at.stage_seconds >= stage.time_limit:
            return Outcome.STEPS
        if self.at.rejected > 2 * max(self.sampler.redraw_every, 3):
            return Outcome.STALLED
        tolerance = self.training.tolerance if stage.tolerance is None else stage.tolerance
        return Outcome.TOLERANCE if self.best.held_out < tolerance else None

    def _stage_steps(self, stage: Stage) -> int:
        return stage.steps or self.training.steps or stage.optimizer.default_steps

    def _record(self, record: Record, measured: bool) -> None:
        if measured or self.at.step % self.training.check_every == 0 or self.at.step == 1:
            record |= self._measure(self.theta)
        elif self.at.step == self.steps:  # shown, but not part of the state that a longer run would be in
            record |= self.held_out.measure(self.theta, self.points)
        for callback in self.callbacks:
            callback.on_step(record)

    def _measure(self, theta: Tensor) -> Record:
        record = self.held_out.measure(theta, self.points)
        if record["held_out"] < self.best.held_out:
            self.best = Best(theta.clone(), record["held_out"])
        return record

    def _redraw_if_due(self, stage: Stage) -> None:
        every = self.sampler.redraw_every if stage.redraw_every is None else stage.redraw_every
        if self.points and not (every and self.at.stage_step % every == 0):
            return
        self.points = self._draw()
        if not isinstance(self.weighting, FixedWeights):
            means = self.residuals.mean_squares(self.theta, self.points)
            self.residuals.weights = self.weighting.updated(self.residuals.weights, means)
            self.best.held_out = math.inf  # measured with other weights

    def _draw(self) -> PointSet:
        """New points; after the first step those in the interior follow the residual, where the sampler wants it."""
        trial, found = self.residuals.trial, {}
        for label, group in self.residuals.regions.items():
            follow = self.sampler.concentration > 0 and group.region.is_whole and self.at.step > 0
            magnitude = self._magnitude if follow else None
            points = self.sampler.draw(trial.problem.domain, group.region, self.generator, magnitude)
            found[label] = points.to(trial.dtype, trial.device)
        return found

    def _magnitude(self, x: Tensor) -> Tensor:
        """The weighted residual's magnitude at points x (n, d), over the interior blocks."""
        trial = self.residuals.trial
        values = self.residuals.pointwise(x.to(dtype=trial.dtype, device=trial.device), self.theta)
        squares = [self.residuals.weights[block] * value.square() for block, value in values.items()]
        return torch.stack(squares).sum(0).sqrt()

    def _keep_best(self) -> None:
        """Prefer the best measured parameters over the last ones, which a late bad step may have spoilt."""
        if self.points and bool(self.theta.isfinite().all()):
            self._measure(self.theta)
        self.theta = self.best.theta
        self.residuals.load(self.theta)

    def _explain_first_step(self, loss: float) -> None:
        """At the first step a loss that is not finite is the equation's fault: say where."""
        if self.at.step > 0 or math.isfinite(loss):
            return
        parameters = self.residuals.unflatten(self.theta)
        for label, group in self.residuals.regions.items():
            points = self.points[label]
            values = self.residuals.region_values(group, points, parameters)
            for block, value in zip(group.blocks, values, strict=True):
                bad = ~value.detach().isfinite()
                if bool(bad.any()):
                    x = points.x[: len(points)][bad][0].tolist()
                    names = self.residuals.trial.problem.coordinates
                    place = ", ".join(f"{name} = {at:.4g}" for name, at in zip(names, x, strict=True))
                    raise UserError(
                        f"the residual {block.equation.name} is {float(value.detach()[bad][0])} at the first step, at "
                        f"{place} ({int(bad.sum())} of {len(points)} points); check its formula there"
                    )

    @contextlib.contextmanager
    def _finishing_step_on_signals(self) -> Iterator[None]:
        """Ctrl-C and SIGTERM end the run after the present step; a second one ends it at once."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def interrupt(number: int, frame: Any) -> None:
            if self.interrupted:
                raise KeyboardInterrupt
            self.interrupted = True

        before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def checkpoint(self) -> dict[str, Any]:
        """Everything that the next step depends on, as a plain tree."""
        return {
            "theta": self.theta,
            "best": {"theta": self.best.theta, "held_out": self.best.held_out},
            "state": self.state,
            "position": dict(vars(self.at)),
            "points": {label: dict(vars(points)) for label, points in self.points.items()},
            "generator": self.generator.get_state(),
            "weights": dict(self.residuals.weights),
        }

    def restore(self, tree: Mapping[str, Any]) -> None:
        """Continue from a checkpoint; raises UserError where it belongs to another network or problem."""
        fits = tree["theta"].shape == self.theta.shape and set(tree["weights"]) == set(self.residuals.weights)
        require(fits, "the checkpoint belongs to another network or problem; resume with the settings of its run")
        require(tree["position"]["stage"] < len(self.stages), "the checkpoint belongs to a run with more stages")
        self.at = Position(**tree["position"])
        self._check_there_is_more()
        self.theta = _moved(tree["theta"], self.theta)
        self.best = Best(_moved(tree["best"]["theta"], self.theta), tree["best"]["held_out"])
        self.state = _moved(tree["state"], self.theta)
        self.points = {label: Points(**_moved(entry, self.theta)) for label, entry in tree["points"].items()}
        self.generator.set_state(tree["generator"])
        self.residuals.weights = dict(tree["weights"])

    def _check_there_is_more(self) -> None:
        limit, last = self.training.time_limit, self.at.stage == len(self.stages) - 1
        timed_out = limit is not None and self.at.seconds >= limit
        require(
            not timed_out,
            f"the run has used its time limit ({limit} s); resume it with a larger training.time_limit, or null",
        )
        steps = self._stage_steps(self.stages[self.at.stage])
        require(
            not (last and self.at.stage_step >= steps),
            f"the run has done all its {steps} steps; resume it with more training.steps",
        )


def _moved(tree: Any, like: Tensor) -> Any:
    """The tree with its tensors on the device of `like`; types as they are."""
    if isinstance(tree, Tensor):
        return tree.to(like.device)
    if isinstance(tree, dict):
        return {key: _moved(value, like) for key, value in tree.items()}
    return [_moved(value, like) for value in tree] if isinstance(tree, list) else tree
