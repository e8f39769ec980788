"""What a finished run is asked: how large its errors are, what determines its parameters, how far it can be trusted."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import torch

from pinn.basis.errors import UserError
from pinn.basis.logs import logger
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
SHARE, LEAST_SECONDS = 0.2, 2.0  # of a run's time, for the estimate of its error


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


def examine(
    trial: TrialFunction | WindowedTrial, run: Run, plan: Plan, history: History, spent: float, estimated: bool = True
) -> Examination:
    """Examine what a run has trained. spent: its seconds so far. estimated: whether errors are to be."""
    estimate = _estimate(trial, plan, spent) if estimated else None
    posed = _asked("whether it is well posed", partial(posedness, trial.windows[0], plan.seed)) if estimated else None
    seen = _asked("how sharp it is", partial(_sharpness, trial, plan, estimate)) if estimated else None
    bounds = _asked("a bound of the error", partial(bound_errors, trial)) if estimated else None
    judged = judge(trial, history, estimate, posed, seen or ())
    return Examination(trial, judged, estimate, _spectrum(run), bounds or {})


def judge(
    trial: TrialFunction | WindowedTrial,
    history: History,
    estimate: ErrorEstimate | None = None,
    posed: Posedness | None = None,
    seen: Sequence[Reason] = (),
) -> Verdict:
    """The verdict on a run by its history, and what else was found."""
    missing = tuple(missing_conditions(Residuals(trial.windows[0])))
    return verdict(kept_measurement(history.columns()), missing, estimate, posed, seen)


def _sharpness(trial: TrialFunction | WindowedTrial, plan: Plan, estimate: ErrorEstimate | None) -> tuple[Reason, ...]:
    """Kinks of what was trained, and where an unresolved residual sits."""
    first = trial.windows[0]
    if first.dtype != torch.float64:
        return ()  # differences of single precision look like breaks
    reasons = [Reason(text, Word.NOT_SOLVED, "constraints=soft") for text in kinks(first, plan.seed)]
    if estimate is not None and not estimate.is_resolved:
        for window in trial.windows:
            place = sharp_place(make_residuals(window, weights=plan.balanced_weights), plan.seed)
            if place is not None:
                reasons.append(Reason(f"most of the residual sits around {place}: a front or a shock", Word.PLAUSIBLE))
                break
    return tuple(reasons)


def _asked(question: str, look: Callable[[], T]) -> T | None:
    """What a look finds; None, with a line in the log, where it fails: a finished run is still to be written."""
    try:
        return look()
    except (Exception, KeyboardInterrupt) as error:
        logger.info("%s is not known: %s", question, str(error) or type(error).__name__)
        return None


def _estimate(trial: TrialFunction | WindowedTrial, plan: Plan, spent: float) -> ErrorEstimate | None:
    """The estimated errors, in a share of the seconds spent so far."""
    seconds = max(SHARE * spent, LEAST_SECONDS)
    return _asked("the error", partial(estimate_error, trial, plan.balanced_weights, seconds, plan.seed))


def _spectrum(run: Run) -> Spectrum | None:
    """The singular values of J where the training ended; None, with a line in the log, where there are none."""
    try:
        minimized = run.minimized()
        return None if minimized is None else jacobian_spectrum(*minimized)
    except (RuntimeError, UserError) as error:  # memory, or an operation that only some optimizers need
        logger.info("the spectrum of J is not computed: %s", error)
        return None
