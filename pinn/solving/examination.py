"""What a finished run is asked: how large its errors are, what determines its parameters, how far it can be trusted."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeVar

import torch
from numpy.typing import NDArray
from torch import Tensor

from pinn.basis.errors import UserError
from pinn.basis.logs import logger
from pinn.diagnosis import causes
from pinn.diagnosis.bounds.bounding import bound_errors
from pinn.diagnosis.conditions import remainders
from pinn.diagnosis.counting import missing_conditions
from pinn.diagnosis.direction import against_time
from pinn.diagnosis.eigenvalues import is_multiple, of_eigenvalue
from pinn.diagnosis.elsewhere import unresolved
from pinn.diagnosis.identification import Identification, identification
from pinn.diagnosis.marched_error import marched_error
from pinn.diagnosis.noise_error import NoiseErrors, noise_errors
from pinn.diagnosis.posedness import missed_in_windows, posedness_in_windows
from pinn.diagnosis.posterior import Samples, samples_of
from pinn.diagnosis.results import asked_of, imbalances, told_of, truth_of
from pinn.diagnosis.second_stage import Staged, staged
from pinn.diagnosis.sharpness import kinks, sharp_place
from pinn.diagnosis.spectrum import Spectrum, jacobian_spectrum
from pinn.diagnosis.verdict import SOLVED, UNRESOLVED, Posedness, Reason, Verdict, Word, verdict
from pinn.residuals.exact_terms import make_residuals
from pinn.residuals.residuals import Residuals
from pinn.solution.output import Output
from pinn.solution.results import measured
from pinn.solution_file.measured import ErrorEstimate, Measure, kept_measurement
from pinn.solution_file.results import Result
from pinn.training.callbacks.history import History
from pinn.training.defect import defect
from pinn.training.held_out import HeldOut
from pinn.training.interruption import Interruption
from pinn.training.plan import Plan
from pinn.training.run import Run, StepRecord
from pinn.training.trainer import Trainer
from pinn.trial.function import TrialFunction
from pinn.trial.windows import WindowedTrial, longest_of

T = TypeVar("T")
POINTS = (
    "more points there (sampler/adaptation=rad), a term that smooths, such as a viscosity, or, where a density is "
    "conserved, pinn.Conservation"
)
SHARE, LEAST_SECONDS = 0.2, 2.0  # of a run's time, for the estimate of its error and a second stage
KEPT = 0.1  # share of a time limit that training leaves to that
FIGURES = 3.0  # seconds for figures and report, where there are some
NOT_ESTIMATED = Reason("no error is estimated", Word.PLAUSIBLE)
LOOKS = 0.0, 0.25, 0.5, 0.75, 1.0  # places among many windows at which it is looked where the residual sits
LATER = 0.05, 5.0  # share of a time limit, and seconds at most, for the verdict, what is asked of fields, and the file
SIDES = (
    "optimizer=auto without a network of your choice, which has a piece on each side of it; or a field for each side, "
    "and a condition there that equates the fluxes"
)
KINKED = 0.01  # jump of a derivative, by the field's range, beyond which the answer is another problem's
AGAIN = 1000  # points of a region where a corrected answer is measured again


@dataclass(frozen=True)
class Examination:
    """A trained function with what was found of it; what is None was not asked, or did not come out.

    trial: after corrections, where there were some. bounds: field -> of its relative error, where one is declared.
    known: how well what was identified is. sampled: its posterior. results: what the problem asks of it
    beside its fields. left: what conditions leave, as columns.
    """

    trial: TrialFunction | WindowedTrial
    verdict: Verdict
    stages: Staged | NoiseErrors | None = None
    spectrum: Spectrum | None = None
    bounds: Mapping[str, float] = field(default_factory=dict)
    known: Identification | None = None
    results: Mapping[str, Result] = field(default_factory=dict)
    left: Mapping[str, NDArray] = field(default_factory=dict)
    sampled: Samples | None = None

    @property
    def attributes(self) -> dict[str, Any]:
        """As root attributes of the solution file."""
        parts = (self.spectrum, self.stages.measured if self.stages else None, self.known, self.sampled, self.verdict)
        told = {key: value for part in parts if part is not None for key, value in part.attributes.items()}
        return told | Measure.BOUND.entries(self.bounds)

    def advised(self, action: str) -> "Examination":
        """The same with one thing to try that was seen to help; nothing leaves what there is."""
        return replace(self, verdict=replace(self.verdict, action=action)) if action else self

    @property
    def diagnosis(self) -> dict[str, NDArray]:
        """As columns of the solution file."""
        growth = self.stages.growth if self.stages else None
        noise = self.stages.columns if isinstance(self.stages, NoiseErrors) else {}
        spectrum = {"singular_values": self.spectrum.values} if self.spectrum else {}
        sampled = self.sampled.columns if self.sampled else {}
        return spectrum | (growth.columns if growth else {}) | noise | dict(self.left) | sampled

    @property
    def missing(self) -> Callable[[Tensor], dict[str, Tensor]] | None:
        """What the fields lack at points (n, d), as it was estimated."""
        return self.stages.missing if self.stages else None


def time_for_training(limit: float | None, output: Output) -> float | None:
    """Seconds of a run's time limit in which it may train; the rest is for what comes after it."""
    if limit is None:
        return None
    estimate = max(KEPT * limit, min(LEAST_SECONDS, limit / 2.0)) if output.estimate else 0.0
    return limit - estimate - min(_figures(output), limit / 4.0) - _later(limit)


def time_for_errors(spent: float, limit: float | None, output: Output) -> float:
    """Seconds for the estimate: a share of those spent so far, or what is left of the time limit."""
    spent = spent + _figures(output)
    left = math.inf if limit is None else limit - spent - _later(limit)
    return max(min(SHARE * spent, left), LEAST_SECONDS)


def errors_of(
    trial: TrialFunction | WindowedTrial,
    plan: Plan,
    seconds: float,
    second_stage: bool = True,
    run: Run | None = None,
    spare: float = 0.0,
) -> Staged | NoiseErrors | None:
    """The function with its estimated errors, in about so many seconds; None, with a line in the log, on failure.

    run: by which it was trained, for what the noise of data leaves open; its interruption ends this, too. spare:
    seconds besides, of the time limit, that windows of time may take.
    """
    told = run.interruption if run else Interruption()
    if run is not None:
        by_noise = _asked(told, "what noise leaves open", lambda: noise_errors(trial, run, plan.seed))
        if by_noise is not None:  # which a correction would learn
            return by_noise
    change = run.change() if run is not None else {}
    weights = plan.balanced_weights
    found = _asked(told, "the error", lambda: staged(trial, weights, seconds, plan.seed, second_stage, change, spare))
    if found is None:
        return None
    # of ordinary equations: in small steps, which resolve what features do not
    marched = _asked(told, "the error, marched in time,", lambda: marched_error(found.trial))
    if marched:
        return replace(found, others=marched, way="marching in small steps")
    if found.measured.is_resolved:
        return found
    left = _asked(told, "the defect", lambda: max(defect(make_residuals(one)) for one in found.trial.windows))
    return found if left is None else replace(found, defect=left)


def _later(limit: float) -> float:
    return min(LATER[0] * limit, LATER[1])


def _figures(output: Output) -> float:
    return FIGURES if output.figures else 0.0


def examine(
    trial: TrialFunction | WindowedTrial,
    run: Run,
    plan: Plan,
    history: History,
    stages: Staged | NoiseErrors | None,
    output: Output,
) -> Examination:
    """Examine what a run has trained. stages: it with its errors. output: are errors to be estimated?"""
    answer, told = stages.trial if stages else trial, run.interruption
    backward = _asked(told, "which way time runs", partial(_against_time, trial, plan.seed))
    unknown = (*(backward or ()), *causes.cut_off(run.shortfall))
    results, failing = _results(answer, stages, told)
    left = _asked(told, "what conditions leave", lambda: remainders(answer, plan.seed)) or {}
    if not output.estimate:
        missed = _asked(told, "which conditions are met", partial(missed_in_windows, trial.windows, plan.seed))
        found = (*unknown, NOT_ESTIMATED, *_eigenvalue(trial, run), *failing)
        judged = judge(trial, history, seen=found, missed=missed)
        return Examination(trial, judged, None, _spectrum(run), results=results, left=left)
    estimate = stages.measured if stages else None
    if estimate is not None and estimate.corrections:
        _asked(told, "the corrected residual", lambda: history.records.extend(_measured_again(answer, plan, history)))
    posed = _asked(
        told,
        "whether it is well posed",
        partial(posedness_in_windows, answer.windows, plan.seed, plan.balanced_weights),
    )
    if posed is not None and trial.unknowns and is_multiple(run.at.eigenvalues, run.at.wanted):
        posed = replace(posed, free=())  # which is said in better words
    seen = _asked(told, "how sharp it is", partial(_sharpness, answer, plan, history, estimate))
    bounds = _asked(told, "a bound of the error", lambda: bound_errors(answer))
    known = _asked(told, "the standard error of what is identified", partial(_identified, answer, run, estimate))
    if known is not None and posed is not None:
        posed = replace(posed, unknowns=known.determined)
    sampled = _asked(told, "the posterior of what is identified", partial(_sampled, known, run, output, plan.seed))
    if stages is None and posed is not None:  # it was asked, and did not come out
        unknown = (*unknown, NOT_ESTIMATED)
    seen = (*unknown, *(seen or ()), *failing, *_eigenvalue(answer, run), *(known.open if known else ()))
    why = _asked(told, "why it may not be solved", partial(_causes, answer, plan, history))
    judged = judge(answer, history, estimate, posed, seen, why or ())
    return Examination(answer, judged, stages, _spectrum(run), bounds or {}, known, results, left, sampled)


def _against_time(trial: TrialFunction | WindowedTrial, seed: int) -> tuple[Reason, ...]:
    return tuple(against_time(trial.windows[0], torch.Generator().manual_seed(seed)))


def _results(
    answer: TrialFunction | WindowedTrial, stages: Staged | NoiseErrors | None, told: Interruption
) -> tuple[dict[str, Result], tuple[Reason, ...]]:
    """What the problem asks of its solution beside the fields, and which balances fail."""
    asked = _asked(told, "what is asked of the solution", lambda: asked_of(answer.problem)) or {}
    if not asked:
        return {}, ()
    doubt = _asked(told, "the error of results", lambda: stages.doubt if stages else None)
    truth = _asked(told, "the truth", lambda: truth_of(answer.problem))
    made = {name: _asked(told, name, partial(measured, one, answer, doubt, truth)) for name, one in asked.items()}
    found = told_of({name: result for name, result in made.items() if result is not None})
    return found, tuple(imbalances(asked, found))


def _identified(
    answer: TrialFunction | WindowedTrial, run: Run, estimate: ErrorEstimate | None
) -> Identification | None:
    """How well what was identified is known; None where nothing was, or by no data."""
    if not answer.unknowns or not isinstance(run, Trainer):
        return None
    return identification(answer.windows[0], run, estimate.unknowns if estimate else {})


def _sampled(known: Identification | None, run: Run, output: Output, seed: int) -> Samples | None:
    """Samples of what was identified, where they are asked for."""
    if known is None or not output.samples or not isinstance(run, Trainer):
        return None
    return samples_of(run.residuals.trial, run, known.covariance, output.samples, seed)


def _eigenvalue(trial: TrialFunction | WindowedTrial, run: Run) -> tuple[Reason, ...]:
    """Of an unknown that is an eigenvalue."""
    if not trial.unknowns:
        return ()
    return tuple(of_eigenvalue(trial.problem, dict(trial.unknowns), run.at.eigenvalues, run.at.wanted))


def _measured_again(answer: TrialFunction | WindowedTrial, plan: Plan, history: History) -> list[StepRecord]:
    """What is measured of a corrected answer, a record a window, as of the last step."""
    last, records = history.records[-1], []
    for number, window in enumerate(answer.windows, 1):
        residuals = make_residuals(window, weights=plan.balanced_weights)
        fresh, others = (HeldOut(residuals, AGAIN, plan.seed + 2**25 + k) for k in (0, 1))
        record = fresh.measure(residuals.theta(), others.least_squares)
        record |= {"step": last["step"], "seconds": last["seconds"], "loss": sum(Measure.LOSS.within(record).values())}
        records.append(record | ({"window": number} if "window" in last else {}))
    return records


def judge(
    trial: TrialFunction | WindowedTrial,
    history: History,
    estimate: ErrorEstimate | None = None,
    posed: Posedness | None = None,
    seen: Sequence[Reason] = (),
    why: Sequence[Reason] = (),
    missed: Mapping[str, float] | None = None,
) -> Verdict:
    """The verdict on a run by its history, and what else was found. missed: as of `verdict`."""
    missing = () if posed else tuple(missing_conditions(Residuals(trial.windows[0])))
    return verdict(kept_measurement(history.columns()), missing, estimate, posed, seen, why, missed)


def _sharpness(
    trial: TrialFunction | WindowedTrial, plan: Plan, history: History, estimate: ErrorEstimate | None
) -> tuple[Reason, ...]:
    """Kinks of what was trained, and where an unresolved residual sits; whether single precision is the floor."""
    first = trial.windows[0]
    if first.dtype != torch.float64:  # whose differences look like breaks
        return tuple(causes.single_precision(first, plan.balanced_weights, history.columns(), plan.seed))
    reasons = [
        Reason(
            kink.text,
            Word.NOT_SOLVED if kink.size > KINKED else Word.PLAUSIBLE,
            SIDES if kink.is_defined else "constraints=soft",
        )
        for kink in kinks(first, plan.seed)
    ]
    reasons += unresolved(first, plan.seed)
    if estimate is not None and not estimate.is_resolved and estimate.worst[1] > SOLVED:
        word = Word.NOT_SOLVED if estimate.worst[1] > UNRESOLVED else Word.PLAUSIBLE
        for window in _few(trial.windows):
            place = sharp_place(make_residuals(window, weights=plan.balanced_weights), plan.seed)
            if place is not None:
                told = f"most of the residual sits around {place}: a front, a shock or a corner"
                reasons.append(Reason(told, word, POINTS))
                break
    return tuple(reasons)


def _few(windows: Sequence[TrialFunction]) -> Sequence[TrialFunction]:
    """So many of them that a look at each takes no time, from the first on to the last."""
    return [windows[k] for k in sorted({round(share * (len(windows) - 1)) for share in LOOKS})]


def _causes(trial: TrialFunction | WindowedTrial, plan: Plan, history: History) -> tuple[Reason, ...]:
    """Why it may not be solved, the likeliest first."""
    return (*causes.sizes(longest_of(trial.windows), plan.seed), *causes.end(history.columns()))


def _asked(interruption: Interruption, question: str, look: Callable[[], T]) -> T | None:
    """What a look finds; None, with a line in the log, where it fails: a finished run is still to be written.

    Ctrl-C breaks it off, and nothing more is asked.
    """
    if interruption.requested:
        return None
    try:
        with interruption.breakable():
            return look()
    except (Exception, KeyboardInterrupt) as error:
        told = "interrupted" if isinstance(error, KeyboardInterrupt) else str(error)
        logger.info("%s is not known: %s", question, told or type(error).__name__)
        return None


def _spectrum(run: Run) -> Spectrum | None:
    """The singular values of J where the training ended; None, with a line in the log, where there are none."""
    if run.interruption.requested:
        return None
    try:
        with run.interruption.breakable():
            minimized = run.minimized()
            return None if minimized is None else jacobian_spectrum(*minimized)
    except (RuntimeError, UserError, KeyboardInterrupt) as error:  # memory, or what only some optimizers need
        logger.info("the spectrum of J is not computed: %s", error)
        return None
