"""Trying methods until the estimated error of one is small, and keeping the best."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pinn.basis.errors import UserError
from pinn.basis.files import write_text
from pinn.basis.logs import logger
from pinn.diagnosis.second_stage import Staged
from pinn.distributed.rendezvous import launched_rank
from pinn.optimizers.automatic import Automatic
from pinn.solution.output import Output
from pinn.solution_file.measured import ErrorEstimate, Measure, kept_measurement
from pinn.solving.examination import LEAST_SECONDS, SHARE, errors_of, time_for_errors, time_for_training
from pinn.solving.methods import BETTER, Method, doubted_error, method_named, methods, the_best, untried
from pinn.training.callbacks.checkpoints import Checkpoints
from pinn.training.callbacks.history import History, MetricsFile
from pinn.training.clock import Clock
from pinn.training.plan import Plan
from pinn.training.run import Outcome, Run
from pinn.trial.function import TrialFunction
from pinn.trial.windows import WindowedTrial

METRICS = "metrics.jsonl"
EARLY, CLOSE = 0.3, 0.5  # share of the time limit up to which, and error at which, other features are tried
FALLEN = 0.1  # residual on fresh points over the first loss beyond which a fit has failed
LEAST = 0.1  # share of the time limit below which no other method is begun
FILE_NAME = "method.txt"  # in a run's folder: the method that its record and checkpoint belong to


@dataclass
class Trained:
    """What a method has come to. stages: the function with its errors, once they are estimated."""

    method: Method
    trial: TrialFunction | WindowedTrial
    run: Run
    history: History
    outcome: Outcome
    stages: Staged | None = None

    @property
    def estimate(self) -> ErrorEstimate | None:
        return self.stages.measured if self.stages else None

    @property
    def fell(self) -> bool:
        """Whether the residual on fresh points is well below the first step's loss; windows have said so themselves."""
        if len(self.trial.windows) > 1:
            return True
        history = self.history.columns()
        held_out = kept_measurement(history).get(Measure.HELD_OUT.total, math.inf)
        return held_out < FALLEN * float(history[Measure.LOSS.total][0])

    def keep(self, folder: Path, checkpoint_seconds: float | None) -> None:
        """Write its record and checkpoint to the folder again, after others had theirs there."""
        metrics = MetricsFile(folder / METRICS)
        metrics.on_return(0)
        for record in self.history.records:
            metrics.on_step(record)
        metrics.on_end(self.outcome)
        checkpoints = Checkpoints(folder, checkpoint_seconds)
        checkpoints.on_start(self.run)
        checkpoints.save()


Train = Callable[..., Trained]  # (method, clock, saved=, looking=): trains by a method


def trained_by_best(plan: Plan, output: Output, folder: Path | None, started: float, train: Train) -> Trained:
    """What the plan's method has trained; where none was chosen, what has the least estimated error of several.

    folder: where it is written, None where it is not. started: when the run was, by `time.perf_counter`.
    """
    tried: list[Trained] = []
    limit, chooses = time_for_training(plan.training.time_limit, output), isinstance(plan.optimizer, Automatic)
    for method in methods(plan, tried):
        clock = Clock(limit, started)
        left = math.inf if limit is None else limit - clock.elapsed
        if method.is_tentative:
            if tried and not _is_worth_it(plan, tried, clock):
                continue
            clock = Clock(None if limit is None else method.share * max(left, 0.0))
        elif limit is not None and left < LEAST * limit and any(one.estimate for one in tried):
            logger.info("method: no time is left for %s", method.name)
            break
        _remember(folder if chooses else None, method)
        try:
            one = train(method, clock, looking=not tried)
        except Exception as error:
            if not method.is_tentative:
                raise
            logger.info("method: %s: not for this problem: %s", method.name, error)
            continue
        tried.append(one)
        if one.outcome is Outcome.INTERRUPTED:
            return one
        if one.fell or not method.is_tentative:
            _estimate(one, output, clock.elapsed, plan)
        if chooses:
            logger.info("method: %s: %s, after %.1f s", method.name, _told(one), time.perf_counter() - started)
    best = the_best(list(reversed(tried)))
    if best is not tried[-1] and folder is not None:
        best.keep(folder, plan.training.checkpoint_seconds)
        _remember(folder, best.method)
    if len(tried) > 1:
        logger.info("method: %s is kept", best.method.name)
    return best


def _is_worth_it(plan: Plan, tried: Sequence[Trained], clock: Clock) -> bool:
    """Whether other features may do where the first did not: early, and close; always where there is no space."""
    early = clock.limit is None or clock.elapsed < EARLY * clock.limit
    close = any(one.estimate.worst[1] < CLOSE for one in tried if one.estimate)
    return not plan.problem.domain.space_coordinates or (early and close)


def resumed(plan: Plan, output: Output, folder: Path, started: float, train: Train) -> Trained:
    """What the method of the run in a folder has trained, from its checkpoint on."""
    method: Method | None = Method(replace(plan, optimizer=plan.stages))
    path = folder / FILE_NAME
    if isinstance(plan.optimizer, Automatic) and path.is_file():
        method = method_named(plan, path.read_text(encoding="utf-8").strip())
    if method is None:
        raise UserError(f"no method to go on with in {path}; resume with optimizer=trust_region or another")
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
    if output.estimate and launched_rank() == 0:
        seconds = time_for_errors(spent, plan.training.time_limit, output)
        one.stages = errors_of(one.trial, one.method.plan, seconds, output.second_stage)


def _told(one: Trained) -> str:
    if one.estimate is None:
        return "no error is estimated" if one.fell else "it does not fit"
    field, error = one.estimate.worst
    return f"estimated error of {field} {error:.1e}" + ("" if one.estimate.is_resolved else " or more")


def _remember(folder: Path | None, method: Method) -> None:
    if folder is not None:
        write_text(folder / FILE_NAME, method.name + "\n")
