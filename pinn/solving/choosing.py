"""Trying methods until the estimated error of one is small, and keeping the best."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from pinn.basis.errors import UserError
from pinn.basis.logs import logger
from pinn.diagnosis.noise_error import NoiseErrors
from pinn.diagnosis.second_stage import Staged, beside
from pinn.distributed.rendezvous import launched_rank
from pinn.optimizers.automatic import Automatic
from pinn.residuals.exact_terms import make_residuals
from pinn.residuals.least_squares import bind
from pinn.sampling.sequences import UniformSampler
from pinn.solution.output import Output
from pinn.solution_file.measured import ErrorEstimate, Measure, kept_measurement
from pinn.solving import tried as kept
from pinn.solving.commands import command
from pinn.solving.examination import LEAST_SECONDS, SHARE, errors_of, time_for_errors, time_for_training
from pinn.solving.methods import BETTER, Method, method_named, methods, untried
from pinn.solving.ranking import CREDIBLE, doubted_error, the_best
from pinn.training.callbacks.checkpoints import Checkpoints
from pinn.training.callbacks.history import METRICS, History, MetricsFile
from pinn.training.checkpoint import FILE_NAME as CHECKPOINT
from pinn.training.clock import Clock
from pinn.training.interruption import Interruption
from pinn.training.marching import UNSMOOTH
from pinn.training.plan import Plan
from pinn.training.run import Outcome, Run
from pinn.trial.function import TrialFunction
from pinn.trial.windows import WindowedTrial

EARLY, CLOSE = 0.5, 0.5  # share of the time limit up to which, and error at which, other features are tried
FALLEN = 0.1  # residual on fresh points over the first loss beyond which a fit has failed
LEAST = 0.1  # share of the time limit below which no other method is begun


@dataclass
class Trained:
    """What a method has come to.

    stages: the function with its errors, once they are estimated. is_hopeless: whether the problem has no solution.
    """

    method: Method
    trial: TrialFunction | WindowedTrial
    run: Run
    history: History
    outcome: Outcome
    stages: Staged | NoiseErrors | None = None
    is_hopeless: bool = False

    @property
    def estimate(self) -> ErrorEstimate | None:
        return self.stages.measured if self.stages else None

    @property
    def seconds(self) -> float:
        """That its training took."""
        return self.run.at.seconds

    @property
    def core(self) -> object:
        return self.trial.network.core

    @property
    def is_part(self) -> bool:
        """Whether only the first of its windows of time are trained; from there on it holds their last state."""
        return bool(self.run.shortfall) and len(self.trial.windows) > 1

    @property
    def is_unsmooth(self) -> bool:
        """Whether its windows of time were left where what begins is not smooth."""
        return self.run.shortfall.startswith(UNSMOOTH)

    @property
    def fell(self) -> bool:
        """Whether the residual on fresh points is well below the first step's loss; windows have said so themselves."""
        if self.run.shortfall and self.method.is_tentative:
            return False
        if len(self.trial.windows) > 1:
            return True
        history = self.history.columns()
        held_out = kept_measurement(history).get(Measure.HELD_OUT.total, math.inf)
        if held_out < FALLEN * float(history[Measure.LOSS.total][0]):
            return True
        residuals = make_residuals(self.trial.windows[0])  # it may have started at the solution: next to fields of zero
        zero = bind(residuals.of(residuals.trial.zero()), residuals.draw(UniformSampler(), torch.Generator()))
        return held_out < FALLEN**2 * float(zero.loss(residuals.theta()))

    def keep(self, folder: Path) -> None:
        """Write its record and checkpoint to a folder; raises UserError where they cannot be written."""
        metrics = MetricsFile(folder / METRICS)
        metrics.on_return(0)
        for record in self.history.records:
            metrics.on_step(record)
        metrics.on_end(self.outcome)
        checkpoints = Checkpoints(folder)
        checkpoints.on_start(self.run)
        checkpoints.save()


Train = Callable[..., Trained]  # (method, clock, saved=, looking=): trains by a method


@dataclass
class Choice:
    """A run that trains by the plan's method or, where none was chosen, tries several.

    folder: where it is written, None where it is not. begun: when it began, as if it had not been interrupted. train:
    by a method, into the folder; recall: what a method had come to, nowhere. again: whether it goes on.
    """

    plan: Plan
    output: Output
    folder: Path | None
    begun: float
    train: Train
    recall: Train
    interruption: Interruption
    again: bool = False
    tried: list[Trained] = field(default_factory=list)

    def best(self) -> Trained:
        """What has the least estimated error; of an interrupted run what there is."""
        started = self.begun
        for number, method in enumerate(methods(self.plan, self.tried), 1):
            if self.tried and self.interruption.requested:
                return replace(the_best(self.tried), outcome=Outcome.INTERRUPTED)
            one = self._recalled(number, method) or self._trained(number, method, started)
            if one is None:
                continue
            if one.outcome is Outcome.INTERRUPTED:
                return self._best_with(one)
            self.tried.append(one)
            if one.fell or not method.is_tentative:
                _estimate(one, self.output, self._elapsed, self.plan)
                self._set_beside(one)
            if self._chooses:
                typed = f" (alone: {said})" if (said := command(method.plan)) else ""
                logger.info("method: %s: %s, after %.1f s%s", method.name, _told(one), self._elapsed, typed)
            if one.is_hopeless:
                logger.info("method: no other is tried: the problem has no solution")
                break
            if self._chooses and not self.output.estimate and len(one.trial.windows) > 1 and one.fell:
                break  # nothing judges it against others; all of its windows are solved
        self._judge_parts()
        best = the_best(list(reversed(self.tried)))
        if best is not self.tried[-1] and self.folder is not None:
            kept.begin(self.folder, best.method.name)
            _keep(best, self.folder)
        if len(self.tried) > 1:
            logger.info("method: %s is kept", best.method.name)
        return best

    @property
    def _chooses(self) -> bool:
        return isinstance(self.plan.optimizer, Automatic)

    @property
    def _limit(self) -> float | None:
        return time_for_training(self.plan.training.time_limit, self.output)

    @property
    def _elapsed(self) -> float:
        return time.perf_counter() - self.begun

    def _set_beside(self, one: Trained) -> None:
        """Where a correction does not resolve what more functions lack: by what sets them apart from fewer ones."""
        if not one.method.has_more or not isinstance(one.stages, Staged) or one.stages.measured.is_resolved:
            return
        for other in self.tried[:-1]:
            same = other.method.is_spectral and other.method.plan.constraints == one.method.plan.constraints
            if same and other.stages is not None and len(one.trial.windows) == len(other.trial.windows) == 1:
                one.stages = beside(one.stages, other.stages.trial, self.plan.balanced_weights, self.plan.seed)
                return

    def _judge_parts(self) -> None:
        """Estimate the error of what was trained up to some time, too, where nothing comes close in all of the time."""
        parts = [one for one in self.tried if one.is_part and one.method.is_tentative]
        if parts and not any(doubted_error(one.estimate) < CREDIBLE for one in self.tried):
            _estimate(parts[-1], self.output, self._elapsed, self.plan)
            logger.info("method: %s: %s, after %.1f s", parts[-1].method.name, _told(parts[-1]), self._elapsed)

    def _recalled(self, number: int, method: Method) -> Trained | None:
        """What a method had come to before the run was interrupted."""
        if not self.again or self.folder is None:
            return None
        place = kept.place_of(self.folder, number)
        if kept.method_of(place) != method.name:
            return None
        return self._counted(self.recall, method, Clock(0.0), saved=place)

    def _trained(self, number: int, method: Method, started: float) -> Trained | None:
        """What a method comes to; None where there is no time for it, or it is not for this problem."""
        saved = self._interrupted(method)
        if saved is None and not self._is_in_time(method):
            return None
        left = math.inf if self._limit is None else max(self._limit - self._elapsed, 0.0)
        if method.is_tentative:
            clock = Clock(None if self._limit is None else method.share * left)
        else:
            clock = Clock(self._limit, self.begun if saved is None else started)
        if self._chooses and self.folder is not None and saved is None:
            kept.begin(self.folder, method.name)
        try:
            one = self._counted(self.train, method, clock, saved=saved, looking=saved is None and not self.tried)
        except KeyboardInterrupt:
            if not self.tried:
                raise
            return replace(the_best(self.tried), outcome=Outcome.INTERRUPTED)
        except Exception as error:
            if not method.is_tentative:
                raise
            logger.info("method: %s: not for this problem: %s", method.name, error)
            return None
        several = method.is_tentative or bool(self.tried)
        if several and self.folder is not None and one.outcome is not Outcome.INTERRUPTED:
            _keep(one, self.folder, number)
        return one

    def _counted(self, train: Train, method: Method, clock: Clock, **settings: Any) -> Trained:
        """Train; seconds of before an interruption count to the run's."""
        before = time.perf_counter()
        one = train(method, clock, **settings)
        if self.again and method.is_tentative:
            self.begun -= max(0.0, one.run.at.seconds - (time.perf_counter() - before))
        return one

    def _interrupted(self, method: Method) -> Path | None:
        """The run's folder where its checkpoint is one of this method."""
        if not self.again or self.folder is None or kept.method_of(self.folder) != method.name:
            return None
        return self.folder if (self.folder / CHECKPOINT).is_file() else None

    def _is_in_time(self, method: Method) -> bool:
        enough = self._limit is None or self._limit - self._elapsed >= LEAST * self._limit
        if method.is_tentative and (enough or not self.tried):
            clock = Clock(self._limit, self.begun)
            return not self.tried or method.is_spectral or _is_worth_it(self.plan, self.tried, clock)
        if not method.is_tentative and (enough or not any(one.estimate or one.is_part for one in self.tried)):
            return True
        logger.info("method: no time is left for %s", method.name)
        return False

    def _best_with(self, one: Trained) -> Trained:
        """Of a run that was interrupted in a method: what it has, or an answer before it that is known to be close."""
        best = the_best(self.tried) if self.tried else one
        if best is one or (one.run.at.step > 0 and not doubted_error(best.estimate) < CREDIBLE):
            return one
        return replace(best, outcome=Outcome.INTERRUPTED)


def _keep(one: Trained, folder: Path, number: int | None = None) -> None:
    """Keep a method's record and checkpoint as the run's own, or as those of a method that was tried."""
    try:
        if number is None:
            one.keep(folder)
        else:
            with kept.keeping(folder, number, one.method.name) as place:
                one.keep(place)
    except (UserError, OSError) as error:
        logger.warning("method: what %s has come to is not kept: %s", one.method.name, error)


def _is_worth_it(plan: Plan, tried: Sequence[Trained], clock: Clock) -> bool:
    """Whether other features may do where the first did not: early, and close; always where there is no space.

    Features in the whole time always may where spectral functions in windows did not; where coefficients jump a lift of
    the data may have jumps of its own, so that soft conditions have their turn.
    """
    early = clock.limit is None or clock.elapsed < EARLY * clock.limit
    close = any(one.estimate.worst[1] < CLOSE for one in tried if one.estimate)
    first = all(one.method.is_spectral for one in tried)
    return not plan.problem.domain.space_coordinates or first or (early and (close or plan.parts > 1))


def resumed(plan: Plan, output: Output, folder: Path, started: float, train: Train) -> Trained:
    """What the method of the run in a folder has trained, from its checkpoint on."""
    method: Method | None = Method(replace(plan, optimizer=plan.stages))
    name = kept.method_of(folder)
    if isinstance(plan.optimizer, Automatic) and name:
        method = method_named(plan, name)
    if method is None:
        raise UserError(
            f"no method {name!r} to go on with ({folder / kept.METHOD}); resume with optimizer=least_damping or another"
        )
    clock = Clock(time_for_training(plan.training.time_limit, output), started)
    one = train(method, clock, saved=folder)
    if one.outcome is not Outcome.INTERRUPTED:
        _estimate(one, output, clock.elapsed, plan)
    return one


def quick_trial(plan: Plan, found: Trained, output: Output, spent: float, train: Train) -> str:
    """What to try, where a method that was not tried comes to a smaller error in a share of the time; else nothing.

    train: writes nowhere. spent: seconds of the run so far.
    """
    method = untried(plan)
    if method is None or found.estimate is None:
        return ""
    clock = Clock(max(SHARE * spent, LEAST_SECONDS))
    try:
        one = train(method, clock)
        _estimate(one, output, clock.elapsed, plan)
    except Exception as error:  # a finished run is still to be written
        logger.info("quick trial of %s: %s", method.name, error)
        return ""
    if BETTER * doubted_error(one.estimate) < doubted_error(found.estimate) and one.estimate is not None:
        reached = one.estimate.worst[1]
        return f"optimizer=auto: {method.name} came to an estimated error of {reached:.1g} in {clock.elapsed:.0f} s"
    return ""


def _estimate(one: Trained, output: Output, spent: float, plan: Plan) -> None:
    if output.estimate and launched_rank() == 0 and not one.run.interruption.requested:
        seconds = time_for_errors(spent, plan.training.time_limit, output)
        limit = plan.training.time_limit or math.inf
        spare = max(0.0, limit - spent - seconds)
        one.stages = errors_of(one.trial, one.method.plan, seconds, output.second_stage, one.run, spare)


def _told(one: Trained) -> str:
    if one.estimate is None:
        return "no error is estimated" if one.fell else "it does not fit"
    field, error = one.estimate.worst
    return f"estimated error of {field} {error:.1e}" + ("" if one.estimate.is_resolved else " or more")
