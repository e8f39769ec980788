"""What a finished run is asked: how large its errors are, what determines its parameters, how far it can be trusted."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray
from torch import Tensor

from pinn.basis.errors import UserError
from pinn.basis.logs import logger
from pinn.diagnosis.counting import missing_conditions
from pinn.diagnosis.second_stage import Staged, staged
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

SHARE, LEAST_SECONDS = 0.2, 2.0  # of a run's time, for the estimate of its error and a second stage


@dataclass(frozen=True)
class Examination:
    """A trained function with what was found of it; what is None was not asked, or did not come out.

    trial: after corrections, where there were some.
    """

    trial: TrialFunction | WindowedTrial
    verdict: Verdict
    estimate: ErrorEstimate | None = None
    stages: Staged | None = None
    spectrum: Spectrum | None = None

    @property
    def attributes(self) -> dict[str, Any]:
        """As root attributes of the solution file."""
        parts = (self.spectrum, self.estimate, self.verdict)
        return {key: value for part in parts if part is not None for key, value in part.attributes.items()}

    @property
    def diagnosis(self) -> dict[str, NDArray]:
        """As columns of the solution file."""
        growth = self.stages.growth if self.stages else None
        return ({"singular_values": self.spectrum.values} if self.spectrum else {}) | (growth.columns if growth else {})

    @property
    def missing(self) -> Callable[[Tensor], dict[str, Tensor]] | None:
        """What the fields lack at points (n, d), as it was estimated."""
        return self.stages.estimate.correction.change if self.stages else None


def examine(
    trial: TrialFunction | WindowedTrial, run: Run, plan: Plan, history: History, spent: float, output: Output
) -> Examination:
    """Examine what a run has trained. spent: its seconds so far. output: are errors estimated, and corrected?"""
    stages = _estimate(trial, plan, spent, output.second_stage) if output.estimate else None
    estimate = stages.measured if stages else None
    verdict = judge(trial, history, estimate)
    return Examination(stages.trial if stages else trial, verdict, estimate, stages, _spectrum(run))


def judge(trial: TrialFunction | WindowedTrial, history: History, estimate: ErrorEstimate | None = None) -> Verdict:
    """The verdict on a run by its history alone, and the estimate where there is one."""
    missing = tuple(missing_conditions(Residuals(trial.windows[0])))
    return verdict(kept_measurement(history.columns()), missing, estimate)


def _estimate(trial: TrialFunction | WindowedTrial, plan: Plan, spent: float, second_stage: bool) -> Staged | None:
    """The function with its errors, in a share of the seconds spent so far; None and a line in the log if it fails."""
    try:
        found = staged(trial, plan.weights, max(SHARE * spent, LEAST_SECONDS), plan.seed, second_stage)
        logger.debug("estimated errors: %s", found.measured.errors)
        return found
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
