"""What a finished run is asked: how large its errors are, what determines its parameters, how far it can be trusted."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import torch

from pinn.basis.errors import UserError
from pinn.basis.logs import logger
from pinn.diagnosis import causes
from pinn.diagnosis.bounds.bounding import bound_errors
from pinn.diagnosis.counting import missing_conditions
from pinn.diagnosis.error_estimate import estimate_error
from pinn.diagnosis.posedness import posedness
from pinn.diagnosis.sharpness import kinks, sharp_place
from pinn.diagnosis.spectrum import Spectrum, jacobian_spectrum
from pinn.diagnosis.verdict import Posedness, Reason, Verdict, Word, verdict
from pinn.residuals.exact_terms import make_residuals
from pinn.residuals.residuals import Residuals
from pinn.solution_file.measured import ErrorEstimate, Measure, kept_measurement
from pinn.training.callbacks.history import History
from pinn.training.plan import Plan
from pinn.training.run import Run
from pinn.trial.function import TrialFunction
from pinn.trial.windows import WindowedTrial

T = TypeVar("T")
POINTS = "more points there (sampler/adaptation=rad), or a term that smooths, such as a viscosity"
SHARE, LEAST_SECONDS = 0.2, 2.0  # of a run's time, for the estimate of its error
KEPT = 0.1  # share of a time limit that training leaves to what comes after it


@dataclass(frozen=True)
class Examination:
    """A trained function with what was found of it; what is None was not asked, or did not come out."""

    trial: TrialFunction | WindowedTrial
    verdict: Verdict
    estimate: ErrorEstimate | None = None
    spectrum: Spectrum | None = None
    bounds: Mapping[str, float] = field(default_factory=dict)  # field -> of its relative error, where one is declared

    @property
    def attributes(self) -> dict[str, Any]:
        """As root attributes of the solution file."""
        parts = (self.spectrum, self.estimate, self.verdict)
        told = {key: value for part in parts if part is not None for key, value in part.attributes.items()}
        return told | Measure.BOUND.entries(self.bounds)


def time_for_training(limit: float | None, estimated: bool = True) -> float | None:
    """Seconds of a run's time limit in which it may train; the rest is for the estimate of its error."""
    if limit is None or not estimated:
        return limit
    return limit - max(KEPT * limit, min(LEAST_SECONDS, limit / 2.0))


def examine(
    trial: TrialFunction | WindowedTrial, run: Run, plan: Plan, history: History, spent: float, estimated: bool = True
) -> Examination:
    """Examine what a run has trained. spent: its seconds so far. estimated: whether errors are to be."""
    estimate = _estimate(trial, plan, _seconds(spent, plan.training.time_limit)) if estimated else None
    posed = (
        _asked("whether it is well posed", partial(posedness, trial.windows[0], plan.seed, plan.weights))
        if estimated
        else None
    )
    seen = _asked("how sharp it is", partial(_sharpness, trial, plan, history, estimate)) if estimated else None
    bounds = _asked("a bound of the error", partial(bound_errors, trial)) if estimated else None
    why = _asked("why it may not be solved", partial(_causes, trial, plan, history)) if estimated else None
    judged = judge(trial, history, estimate, posed, seen or (), why or ())
    return Examination(trial, judged, estimate, _spectrum(run), bounds or {})


def judge(
    trial: TrialFunction | WindowedTrial,
    history: History,
    estimate: ErrorEstimate | None = None,
    posed: Posedness | None = None,
    seen: Sequence[Reason] = (),
    why: Sequence[Reason] = (),
) -> Verdict:
    """The verdict on a run by its history, and what else was found."""
    missing = tuple(missing_conditions(Residuals(trial.windows[0])))
    return verdict(kept_measurement(history.columns()), missing, estimate, posed, seen, why)


def _sharpness(
    trial: TrialFunction | WindowedTrial, plan: Plan, history: History, estimate: ErrorEstimate | None
) -> tuple[Reason, ...]:
    """Kinks of what was trained, and where an unresolved residual sits; whether single precision is the floor."""
    first = trial.windows[0]
    if first.dtype != torch.float64:  # whose differences look like breaks
        return tuple(causes.single_precision(first, plan.weights, history.columns(), plan.seed))
    reasons = [Reason(text, Word.NOT_SOLVED, "constraints=soft") for text in kinks(first, plan.seed)]
    if estimate is not None and not estimate.is_resolved:
        for window in trial.windows:
            place = sharp_place(make_residuals(window, weights=plan.weights), plan.seed)
            if place is not None:
                reasons.append(
                    Reason(f"most of the residual sits around {place}: a front or a shock", Word.PLAUSIBLE, POINTS)
                )
                break
    return tuple(reasons)


def _causes(trial: TrialFunction | WindowedTrial, plan: Plan, history: History) -> tuple[Reason, ...]:
    """Why it may not be solved, the likeliest first."""
    return (*causes.sizes(trial.windows[0], plan.seed), *causes.end(history.columns()))


def _asked(question: str, look: Callable[[], T]) -> T | None:
    """What a look finds; None, with a line in the log, where it fails: a finished run is still to be written."""
    try:
        return look()
    except (Exception, KeyboardInterrupt) as error:
        logger.info("%s is not known: %s", question, str(error) or type(error).__name__)
        return None


def _seconds(spent: float, limit: float | None) -> float:
    """For the estimate: a share of the seconds spent so far, or what is left of the time limit."""
    left = math.inf if limit is None else limit - spent
    return max(min(SHARE * spent, left), LEAST_SECONDS)


def _estimate(trial: TrialFunction | WindowedTrial, plan: Plan, seconds: float) -> ErrorEstimate | None:
    """The estimated errors, in about so many seconds."""
    return _asked("the error", partial(estimate_error, trial, plan.weights, seconds, plan.seed))


def _spectrum(run: Run) -> Spectrum | None:
    """The singular values of J where the training ended; None, with a line in the log, where there are none."""
    try:
        minimized = run.minimized()
        return None if minimized is None else jacobian_spectrum(*minimized)
    except (RuntimeError, UserError) as error:  # memory, or an operation that only some optimizers need
        logger.info("the spectrum of J is not computed: %s", error)
        return None
