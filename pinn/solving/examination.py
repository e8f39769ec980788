"""What a finished run is asked: how large its errors are, what determines its parameters, how far it can be trusted."""

import math
from dataclasses import dataclass
from typing import Any

from pinn.basis.errors import UserError
from pinn.basis.logs import logger
from pinn.diagnosis.counting import missing_conditions
from pinn.diagnosis.error_estimate import estimate_error
from pinn.diagnosis.spectrum import Spectrum, jacobian_spectrum
from pinn.diagnosis.verdict import Verdict, verdict
from pinn.residuals.residuals import Residuals
from pinn.solution.output import Output
from pinn.solution_file.measured import ErrorEstimate, kept_measurement
from pinn.training.callbacks.history import History
from pinn.training.plan import Plan
from pinn.training.run import Run
from pinn.trial.function import TrialFunction
from pinn.trial.windows import WindowedTrial

SHARE, LEAST_SECONDS = 0.2, 2.0  # of a run's time, for the estimate of its error
KEPT = 0.1  # share of a time limit that training leaves to that estimate
FIGURES = 3.0  # seconds for figures and report, where there are some


@dataclass(frozen=True)
class Examination:
    """A trained function with what was found of it; what is None was not asked, or did not come out."""

    trial: TrialFunction | WindowedTrial
    verdict: Verdict
    estimate: ErrorEstimate | None = None
    spectrum: Spectrum | None = None

    @property
    def attributes(self) -> dict[str, Any]:
        """As root attributes of the solution file."""
        parts = (self.spectrum, self.estimate, self.verdict)
        return {key: value for part in parts if part is not None for key, value in part.attributes.items()}


def time_for_training(limit: float | None, output: Output) -> float | None:
    """Seconds of a run's time limit in which it may train; the rest is for what comes after it."""
    if limit is None:
        return None
    estimate = max(KEPT * limit, min(LEAST_SECONDS, limit / 2.0)) if output.estimate else 0.0
    return limit - estimate - min(_figures(output), limit / 4.0)


def _figures(output: Output) -> float:
    return FIGURES if output.figures else 0.0


def examine(
    trial: TrialFunction | WindowedTrial, run: Run, plan: Plan, history: History, spent: float, output: Output
) -> Examination:
    """Examine what a run has trained. spent: its seconds so far. output: says whether errors are to be estimated."""
    seconds = _seconds(spent + _figures(output), plan.training.time_limit)
    estimate = _estimate(trial, plan, seconds) if output.estimate else None
    return Examination(trial, judge(trial, history, estimate), estimate, _spectrum(run))


def judge(trial: TrialFunction | WindowedTrial, history: History, estimate: ErrorEstimate | None = None) -> Verdict:
    """The verdict on a run by its history alone, and the estimate where there is one."""
    missing = tuple(missing_conditions(Residuals(trial.windows[0])))
    return verdict(kept_measurement(history.columns()), missing, estimate)


def _seconds(spent: float, limit: float | None) -> float:
    """For the estimate: a share of the seconds spent so far, or what is left of the time limit."""
    left = math.inf if limit is None else limit - spent
    return max(min(SHARE * spent, left), LEAST_SECONDS)


def _estimate(trial: TrialFunction | WindowedTrial, plan: Plan, seconds: float) -> ErrorEstimate | None:
    """The estimated errors, in about so many seconds; None, with a line in the log, where it fails."""
    try:
        return estimate_error(trial, plan.weights, seconds, plan.seed)
    except (Exception, KeyboardInterrupt) as error:  # whatever it is, a finished run is still to be written
        logger.info("the error is not estimated: %s", str(error) or type(error).__name__)
        return None


def _spectrum(run: Run) -> Spectrum | None:
    """The singular values of J where the training ended; None, with a line in the log, where there are none."""
    try:
        minimized = run.minimized()
        return None if minimized is None else jacobian_spectrum(*minimized)
    except (RuntimeError, UserError) as error:  # memory, or an operation that only some optimizers need
        logger.info("the spectrum of J is not computed: %s", error)
        return None
