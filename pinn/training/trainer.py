"""The trainer: stages of optimizers on residuals at points that are redrawn on a schedule."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor

from pinn.basis.errors import require
from pinn.basis.logs import logger
from pinn.distributed.team import Alone, Team
from pinn.optimizers.base import Optimizer
from pinn.residuals.execution import Execution
from pinn.residuals.protocol import Collocation, LeastSquares
from pinn.residuals.residuals import Residuals
from pinn.sampling.adaptation import State
from pinn.sampling.base import Sampler
from pinn.sampling.points import Points, PointSet
from pinn.solution_file.measured import Measure
from pinn.training.checkpoint import check_whole, moved
from pinn.training.evidence import by_evidence
from pinn.training.first_step import explain_first_step
from pinn.training.gradient_weights import gradient_norms
from pinn.training.held_out import HeldOut, numbers
from pinn.training.interruption import SECOND, Interruption
from pinn.training.prediction import Moved, Simplest, followed, prediction_error
from pinn.training.redrawing import Trained
from pinn.training.renewal import LOOK_EVERY, MOST_DOUBLINGS, Look
from pinn.training.run import Callback, Outcome, Position, Run, StepRecord
from pinn.training.settings import Stage, Stages, Training, stages_of
from pinn.training.trail import Trail
from pinn.training.weighting import NoiseWeights, View, Weighting

ENDS_RUN = (Outcome.INTERRUPTED, Outcome.TIME)
FAILED = (Outcome.DIVERGED, Outcome.STALLED)
WEIGHED_EVERY = 10  # steps
STATISTIC = 0.5  # of chi squared: what a prediction must gain between two draws of points


@dataclass
class Best:
    """The parameters with the smallest held-out loss so far."""

    theta: Tensor
    held_out: float = math.inf


class Trainer(Run):
    """Runs the stages on the residuals of a trial function and leaves the best parameters in it.

    optimizer: an Optimizer or Stages. weighting: changes the residuals' weights at every redraw of the points.
    time_limit: seconds, in place of the training's. interruption: of the run that this is a part of.
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
        time_limit: float | None = None,
        execution: Execution | None = None,
        interruption: Interruption | None = None,
    ) -> None:
        super().__init__(callbacks, interruption)
        self.residuals = residuals
        self.stages = stages_of(optimizer)
        self.sampler = sampler
        self.training = training
        self.weighting = weighting or NoiseWeights()
        self.given = dict(residuals.weights)  # to which others are compared: they know of sizes and units
        self.time_limit = training.time_limit if time_limit is None else time_limit
        self.execution = execution or Execution()
        self.generator = torch.Generator().manual_seed(seed)
        self.held_out = HeldOut(residuals, training.held_out, seed + 2**20, self.team)
        self.theta = residuals.theta()
        self.state = self.stages[0].optimizer.init(self.theta)
        self.points: PointSet = {}
        self.adaptation: dict[str, State] = {}  # of the sampler, by region
        self.best = Best(self.theta)
        self.simplest: Simplest | None = None
        self.damping = 0.0  # of the last step
        self.trail = Trail(residuals, seed + 2**21)
        self._at = Position()
        self._before_draw: dict[str, Any] | None = None  # as it was before points were drawn for the next step
        self._least_squares: Collocation | None = None
        self._smooth()

    @property
    def team(self) -> Team:
        """The processes that share the rows."""
        return self.execution.team

    @property
    def at(self) -> Position:
        return self._at

    @property
    def steps(self) -> int:
        return sum(self.training.stage_steps(stage) for stage in self.stages)

    @property
    def least_squares(self) -> Collocation:
        """The residuals at the present points: what the optimizer minimizes."""
        if self._least_squares is None:
            self._least_squares = self.execution.bind(self.residuals, self.points)
        elif self._least_squares.points is not self.points:
            self._least_squares = self._least_squares.at(self.points)
        return self._least_squares

    def _leave_team(self) -> None:
        if self.team.size > 1:
            self.execution, self._least_squares = replace(self.execution, team=Alone()), None
            self.held_out.leave_team()

    def _train(self) -> Outcome:
        if self.at.step == 0 and self.time_limit is not None and self.at.seconds >= self.time_limit:
            told = (
                "no time is left for a step after %.1f s of preparation: one is made; try a larger training.time_limit"
            )
            logger.warning(told, self.at.seconds)
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
            self.at.next_stage()
            self.trail.forget()
            self._smooth()
            self.state = self.stages[self.at.stage].optimizer.init(self.theta)

    def _smooth(self) -> None:
        """With artificial viscosities so many times as large as the stage wants."""
        factor = self.stages[self.at.stage].smoothing
        if factor != self.residuals.smoothing:
            self.residuals, self._least_squares = self.residuals.smoothed(factor), None
            self.best = Best(self.theta)  # of another equation

    def _run_stage(self, stage: Stage) -> Outcome:
        started, before = time.perf_counter(), (self.at.seconds, self.at.stage_seconds)
        while True:
            outcome = self._stop(stage)
            if outcome is Outcome.NOISE:
                self._go_back()
            if outcome is not None:
                return outcome
            self._redraw_if_due(stage)
            try:
                with self.interruption.breakable(SECOND):
                    theta, state, report = stage.optimizer.step(self.theta, self.state, self.least_squares)
            except KeyboardInterrupt:
                self._undo_draw()
                raise
            theta, loss = self.team.firsts(theta), float(report["loss"])  # unlike processors round differently
            if not math.isfinite(loss) or not bool(theta.isfinite().all()):
                if self.at.step == 0 and not math.isfinite(loss):
                    explain_first_step(self.residuals, self.points, self.theta)
                return Outcome.DIVERGED
            self.theta, self.state, self._before_draw = theta, state, None
            self.interruption.begun = True
            self.at.step, self.at.stage_step = self.at.step + 1, self.at.stage_step + 1
            begun = self.at.stage_seconds
            self._count(before, time.perf_counter() - started)
            self.at.last_step = self.at.stage_seconds - begun
            self.at.rejected = 0 if report.get("accepted", True) else self.at.rejected + 1
            self.damping = float(report.get("damping", 0.0))
            self.at.settled = bool(report.get("settled", False)) and not self._weighs_anew(stage)
            self.trail.note(self.at.stage_step, self.theta)
            self._tell({"step": self.at.step, "seconds": self.at.seconds, **report})

    def _count(self, before: tuple[float, float], elapsed: float) -> None:
        """The seconds of the run and of the stage, as all processes agree on them."""
        self.at.seconds, self.at.stage_seconds = self.team.largest(before[0] + elapsed, before[1] + elapsed)

    def _stop(self, stage: Stage) -> Outcome | None:
        """Whether the stage, or the run, ends where it stands, at the earliest after the run's first step.

        No step is begun of which less than half would be within the time limit, if it takes as long as the last.
        """
        if self.at.step == 0 and not self.interruption.begun:
            return None
        (asked,) = self.team.largest(float(self.interruption.requested))  # of any process, at this step
        if asked:
            return Outcome.INTERRUPTED
        if self.at.step == 0:
            return None
        ended = None if self.at.stage_step == 0 else self._stage_end(stage)
        return Outcome.TIME if ended is None and self._is_out_of_time else ended

    @property
    def _is_out_of_time(self) -> bool:
        return self.time_limit is not None and self.at.seconds + 0.5 * self.at.last_step >= self.time_limit

    def _stage_end(self, stage: Stage) -> Outcome | None:
        """Whether a stage ends after its last step, by itself: time that passes until it is asked does not matter."""
        if stage.time_limit is not None and self.at.stage_seconds >= stage.time_limit:
            return Outcome.STAGE_TIME
        if self.at.rejected > min(2 * max(self._redraw_every(stage) or 0, 5), 40):
            return Outcome.STALLED
        tolerance = self.training.tolerance if stage.tolerance is None else stage.tolerance
        if self.best.held_out < tolerance:
            return Outcome.TOLERANCE
        if self.at.settled:
            return Outcome.SETTLED
        if self.at.fits_noise:
            return Outcome.NOISE
        return Outcome.STEPS if self.at.stage_step >= self.training.stage_steps(stage) else None

    def _go_back(self) -> None:
        """To before the noise was fitted."""
        assert self.simplest is not None
        self.theta, self.at.step, self.best = self.simplest.theta, self.simplest.step, Best(self.simplest.theta)
        self.damping = self.simplest.damping
        for callback in self.callbacks:
            callback.on_return(self.at.step)

    def _tell(self, record: StepRecord) -> None:
        record |= {"weighed": self.at.weighed} if self.at.weighed else {}
        if self.at.settled or self.at.step % self.training.check_every == 0 or self.at.step == 1:
            record |= self._measure(self.theta)
        elif (
            self.at.step == self.steps or self._is_out_of_time
        ):  # shown, but not part of the state that a longer run would be in
            record |= self.held_out.measure(self.theta, self.least_squares)
        for callback in self.callbacks:
            callback.on_step(record)

    def _measure(self, theta: Tensor) -> StepRecord:
        record = self.held_out.measure(theta, self.least_squares)
        if record[Measure.HELD_OUT.total] < self.best.held_out:
            self.best = Best(theta.clone(), record[Measure.HELD_OUT.total])
        return record

    def _redraw_if_due(self, stage: Stage) -> None:
        every = self._redraw_every(stage)
        often = LOOK_EVERY if every is None else every
        if self.points and not (often and self.at.stage_step % often == 0):
            return
        self._before_draw = self.checkpoint()
        if self.points and every is None and self.at.stage_step > 0 and not self._are_learnt(stage):
            return
        self.points = self._draw()
        if self.weighting.may_change(self.held_out.noisy):
            self._weigh()

    def _are_learnt(self, stage: Stage) -> bool:
        """Whether points that stay are to be drawn anew; then how many, and the optimizer's state at them."""
        losses = float(self.least_squares.loss(self.theta)), float(self.held_out.least_squares.loss(self.theta))
        look = Look(*losses, before=self.at.looked_at)
        due = look.is_apart or look.is_still
        self.at.looked_at = 0.0 if due else look.training
        if due:
            self.state, more = stage.optimizer.redrawn(self.state)
            if look.is_distinct and (more or look.is_still) and self.at.doublings < MOST_DOUBLINGS:
                self.at.doublings += 1
            logger.info("new points at step %d, %d times as many", self.at.step, 2**self.at.doublings)
        return due

    def _weighs_anew(self, stage: Stage) -> bool:
        """Whether noisy data change the weights where fits have settled, so that these go on."""
        before, noisy = self.at.weighed, self.held_out.noisy
        if stage.optimizer.moves_last_layer_only and noisy and self.weighting.may_change(noisy):
            self._weigh()
        if self.at.weighed > before:
            self._least_squares = self.least_squares.at(self.points)  # another function at the same points
        return self.at.weighed > before

    def _weigh(self) -> None:
        """Change the weights, if it is time for that; see whether noisy data are met, and how much is still gained."""
        noisy, before = self.held_out.noisy, self.residuals.weights
        means = numbers(self.least_squares.mean_squares(self.theta))
        units = {b: 1.0 if b in noisy else w for b, w in self.given.items() if b not in self.residuals.priors}
        weighed = {block: before[block] / unit for block, unit in units.items()}
        relative = {block: unit * means[block] for block, unit in units.items()}
        look = cache(partial(followed, self.residuals, self.least_squares, self._moved, noisy, self.damping))
        gradients = partial(gradient_norms, self.residuals, self.least_squares, self.theta, units)
        inner = [group.blocks for group in self.residuals.regions.values() if group.region.is_interior]
        view = View(look, gradients, frozenset(block.name for blocks in inner for block in blocks))
        updated = self.weighting.updated(weighed, relative, noisy, view)
        self.residuals.weights = before | {b: units[b] * w for b, w in updated.items() if w != weighed[b]}
        if self.weighting.may_ask(means, noisy):
            self.residuals.weights |= by_evidence(self.residuals, *self._moved.of(self.least_squares), noisy)
        if self.residuals.weights != before:
            self.best.held_out, self.simplest = math.inf, None  # measured with other weights
            self.at.weighed += 1
        elif self.at.step and self.weighting.is_done(weighed, relative, noisy, view):  # a record to go back to
            loss = sum(before[block] * mean for block, mean in means.items())
            error = prediction_error(loss, noisy, look().count)
            if self.simplest is not None and error > self.simplest.error - STATISTIC:
                self.at.fits_noise = True
            else:
                self.simplest = Simplest(self.theta, error, self.at.step, self.damping)

    def _undo_draw(self) -> None:
        """Back to where the last step left it: a run that is continued draws again."""
        if self._before_draw is not None:
            self._restore_draw(self._before_draw)

    def _restore_draw(self, tree: Mapping[str, Any]) -> None:
        self.state = moved(tree["state"], self.theta)
        self._at = Position(**tree["position"])  # how often weights have changed, and whether noise is fitted
        self.best.held_out = tree["best"]["held_out"]
        self.points = {label: Points(**moved(entry, self.theta)) for label, entry in tree["points"].items()}
        self.adaptation = tree["adaptation"]
        self.generator.set_state(tree["generator"])
        self.residuals.weights = dict(tree["weights"])
        simplest = tree.get("simplest")
        self.simplest = None if simplest is None else Simplest(**moved(simplest, self.theta))

    def _redraw_every(self, stage: Stage) -> int | None:
        """The stage's wish, else the sampler's, else what suits the optimizer; None where its points stay.

        Weights that change with the points do not wait for these.
        """
        wishes = (stage.redraw_every, self.sampler.redraw_every, stage.optimizer.redraw_every)
        every = next((wish for wish in wishes if wish is not None), None)
        return WEIGHED_EVERY if every is None and self.weighting.may_change(self.held_out.noisy) else every

    def _draw(self) -> PointSet:
        """New points; after the first step those in the interior follow the residual, where the sampler wants it."""
        if self.at.step == 0:
            return self.residuals.draw(self.sampler, self.generator)
        sampler = self.sampler.larger(2**self.at.doublings)
        return Trained(self.residuals, self.theta).redraw(sampler, self.adaptation, self.generator)

    def _keep_best(self) -> None:
        """Prefer the best measured parameters over the last ones, which a late bad step may have spoilt."""
        if self.points and bool(self.theta.isfinite().all()):
            self._measure(self.theta)
        self.theta = self.best.theta
        self.residuals.load(self.theta)

    def training_points(self) -> dict[str, Tensor]:
        return {label: points.x for label, points in self.points.items()}

    def change(self) -> dict[str, float]:
        return {} if self.at.settled else self.trail.change(self.at.stage_step, self.best.theta)

    def minimized(self) -> tuple[LeastSquares, Tensor] | None:
        if not self.points:
            return None
        self._leave_team()
        return self._moved.of(self.least_squares)

    @property
    def _moved(self) -> Moved:
        return Moved(self.theta, self.stages[self.at.stage].optimizer)

    def checkpoint(self) -> dict[str, Any]:
        return {
            "theta": self.theta,
            "best": {"theta": self.best.theta, "held_out": self.best.held_out},
            "state": self.state,
            "position": dict(vars(self.at)),
            "points": {label: dict(vars(points)) for label, points in self.points.items()},
            "adaptation": dict(self.adaptation),
            "generator": self.generator.get_state(),
            "weights": dict(self.residuals.weights),
            "simplest": None if self.simplest is None else dict(vars(self.simplest)),
            "damping": self.damping,
            "trail": self.trail.state(),
        }

    def restore(self, tree: Mapping[str, Any]) -> None:
        """Continue from a checkpoint; raises UserError where it is of another network or problem, or damaged."""
        own = "theta" in tree  # else it is that of a run in windows
        fits = own and tree["theta"].shape == self.theta.shape and set(tree["weights"]) == set(self.residuals.weights)
        require(fits, "the checkpoint belongs to another network or problem; resume with the settings of its run")
        self._at = Position(**tree["position"])
        require(self._at.stage < len(self.stages), "the checkpoint belongs to a run with more stages")
        check_whole(tree, len(self.residuals.trial.problem.coordinates), self.theta.shape)
        self._smooth()
        self.theta = moved(tree["theta"], self.theta)
        self.best = Best(moved(tree["best"]["theta"], self.theta), tree["best"]["held_out"])
        self.damping = tree.get("damping", 0.0)
        self.trail.restore(moved(tree.get("trail", {}), self.theta))
        self._restore_draw(tree)

    @property
    def is_over(self) -> bool:
        """Whether no step is left where it stands."""
        last = self.at.stage == len(self.stages) - 1
        return last and self._stop(self.stages[self.at.stage]) not in (None, Outcome.INTERRUPTED)
