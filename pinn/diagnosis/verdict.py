"""What a run's measurements say about how far its answer can be trusted: one word, its reasons, one thing to try."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, ClassVar

from pinn.solution_file.identified import with_error
from pinn.solution_file.measured import ErrorEstimate, Measure

OVERFIT = 10.0  # held-out over training residual beyond which the points were learnt, not the equation
UNSOLVED = 0.05  # estimated error, or residual over the equation's largest term, beyond which it is not solved
TRUSTED = 0.01  # estimated error, or a condition's mismatch by its size, up to which a solution is trusted
UNRESOLVED = 5e-3  # lower bound of the error beyond which it is not solved: what is not resolved may be far more
APART = 10.0  # true error over the estimated one beyond which a reference solves other equations
LONGER = "training=accurate or a larger network (network.width)"
FEATURES = "optimizer=least_damping, or more features (network.width)"
GENERAL = LONGER, FEATURES  # where it is not known how the answer was come to
ONE_OF_MANY = "one of many solutions: {}"
UNFIT = 1e-4  # residual over largest term of a fit that has its least loss, far less where the fit suits the problem
LEARNT, CONSISTENT = 0.5, 1.5  # root mean square misfit over the noise: below the noise is fitted, above the equation
OPEN = 0.1  # share of a field that noise may leave open where it is to be used
HUGE, MANY = 10.0, 1e6  # an error, and a ratio, beyond which the number says nothing
SOLVED = 1e-6  # residual over the equation's largest term, or error, below which nothing is worth a remark
DOMINANT = 0.8  # share of the held-out loss beyond which one term is named


class Word(Enum):
    """How far an answer can be trusted, from good to bad."""

    TRUSTED = "trusted"
    PLAUSIBLE = "plausible"
    NOT_SOLVED = "not solved"
    ILL_POSED = "ill-posed"

    @property
    def is_good(self) -> bool:
        """Whether the answer may be used."""
        return self in (Word.TRUSTED, Word.PLAUSIBLE)


@dataclass(frozen=True)
class Reason:
    """What was found. word: the best that an answer can be called with it. action: what is to be tried, or nothing."""

    text: str
    word: Word = Word.TRUSTED
    action: str = ""


@dataclass(frozen=True)
class Verdict:
    """One word on an answer, the reasons for it, the first the one that decides, and one thing to try."""

    word: Word
    reasons: tuple[str, ...]
    action: str = ""

    WORD: ClassVar[str] = "verdict_word"  # root attributes of the solution file
    TEXT: ClassVar[str] = "verdict"
    ACTION: ClassVar[str] = "verdict_action"

    @property
    def lines(self) -> list[str]:
        """For people to read."""
        first, *others = self.reasons
        return [f"{self.word.value}: {first}", *others, *([f"try {self.action}"] if self.action else [])]

    @property
    def attributes(self) -> dict[str, str]:
        """As root attributes of the solution file."""
        return {self.WORD: self.word.value, self.TEXT: "\n".join(self.lines), self.ACTION: self.action}

    @classmethod
    def of(cls, reasons: Sequence[Reason]) -> Verdict:
        """The verdict for these reasons: the worst of their words, worst reasons first, the first one's action."""
        order = list(Word)
        told = sorted(reasons, key=lambda reason: -order.index(reason.word))
        told = told or [Reason("nothing was measured", Word.NOT_SOLVED, "a longer run, with output.estimate=true")]
        word = told[0].word
        action = next((reason.action for reason in told if reason.action), "")
        action = action or (LONGER if word is Word.NOT_SOLVED else "")
        return cls(word, tuple(reason.text for reason in told), action)


@dataclass(frozen=True)
class Determined:
    """An unknown's value with its standard error. size: the larger of its value and its guess. way: what that is by."""

    name: str
    value: float
    error: float
    size: float
    way: str = "by the noise of the data"

    @property
    def reason(self) -> Reason:
        """In words: what is known to less than its own size is not determined."""
        known = f"{self.name} = {with_error(self.value, self.error)}"
        if self.error > self.size:
            told = f"unknown {self.name} is not determined by the data ({known})"
            return Reason(told, Word.ILL_POSED, f"data that depend on {self.name}, more of them or with less noise")
        return Reason(f"{known}, {self.way}")


@dataclass(frozen=True)
class Posedness:
    """free: what can change without any residual, largest first. contradictory: blocks that cannot vanish together.

    missed: block -> its residual over that of random smooth fields of the solution's size, root mean squares.
    homogeneous: whether fields that are zero satisfy every term. spread: field -> its relative standard error by the
    noise of the data. unknowns: theirs. faint: blocks that ask for far more than there is, and are missed.
    """

    free: tuple[str, ...] = ()
    contradictory: tuple[str, ...] = ()
    missed: Mapping[str, float] = field(default_factory=dict)
    homogeneous: bool = False
    spread: Mapping[str, float] = field(default_factory=dict)
    unknowns: tuple[Determined, ...] = ()
    faint: tuple[str, ...] = ()

    def reasons(self, estimate: ErrorEstimate | None = None) -> Iterator[Reason]:
        """In words. A residual that the estimate of the error explains can vanish: it contradicts nothing."""
        explained = estimate is not None and estimate.left <= ErrorEstimate.RESOLVED
        if self.contradictory and not explained:
            yield Reason(
                f"no solution: what is left of {', '.join(self.contradictory)} is smooth, and no change of the fields "
                "takes it away; conditions, equations or data contradict each other",
                Word.ILL_POSED,
                "without one of the terms that contradict each other",
            )
        if self.free:
            yield Reason(
                f"one of many solutions: {', '.join(self.free)} can change without any residual; a condition or data "
                "are missing",
                Word.ILL_POSED,
                f"a condition or data more on {self.free[0]}",
            )
        if self.homogeneous and not self.free:
            yield Reason(
                "zero satisfies every term: nothing in the problem asks for another solution",
                Word.ILL_POSED,
                "a term that zero does not satisfy, such as a norm, a source or data",
            )
        yield from (unknown.reason for unknown in self.unknowns)


def verdict(
    latest: Mapping[str, float],
    missing: Sequence[str] = (),
    estimate: ErrorEstimate | None = None,
    posed: Posedness | None = None,
    seen: Sequence[Reason] = (),
    causes: Sequence[Reason] = (),
    missed: Mapping[str, float] | None = None,
) -> Verdict:
    """The verdict from the last measurement of a run.

    latest: the entries of `Measure` by block, as the trainer records them; `settled` where a fit has its least loss, so
    that weights and redrawn points would not help.
    missing: conditions that the equations ask for and the problem does not have, in words, by counting; passed over
    where `posed` has looked. estimate: of the errors; where it is small and resolved, a residual near the equation's
    largest term is no fault: the terms are small there. seen: by other looks. causes: why it may be that a problem is
    not solved, the likeliest first; told where it is not. missed: as of `Posedness`, where `posed` has not looked.
    """
    measured = Measured(latest, posed, missed)
    told = list(posed.reasons(estimate) if posed else (Reason(ONE_OF_MANY.format(m), Word.ILL_POSED) for m in missing))
    found = [*seen, *_learnt_noise(measured), *_zero(measured)]
    far: list[Reason] = []  # an error that is too large says that it is not solved: why comes first
    if estimate is None:
        told += found
    else:  # what is not resolved is not the first to be told
        estimated = _estimated(measured, estimate, posed)
        is_far = estimated.word is Word.NOT_SOLVED
        far, near = [estimated] * is_far, [estimated] * (not is_far)
        told += [*near, *found] if estimate.is_resolved else [*found, *near]
        told += [*_growing(estimate), *_apart(measured, estimate)]
    not_met = [*_missed(measured), *far]
    error = estimate.worst[1] if estimate is not None and estimate.is_resolved else math.inf
    if error > UNSOLVED and all(reason.word.is_good for reason in (*told, *not_met)):
        told += _unsolved(measured)
    if any(reason.word is Word.NOT_SOLVED for reason in (*told, *not_met)):
        told = [_as_cause(reason) if reason in seen else reason for reason in told]
        told += [*_overfit(measured, Word.NOT_SOLVED), *causes]
    elif error > SOLVED:
        told += _overfit(measured, Word.PLAUSIBLE)
    told += not_met
    if error > SOLVED:
        noisy = estimate is not None and estimate.way == ErrorEstimate.NOISE  # which bends equations a little
        told += [*_dominant(measured), *(() if noisy else _unfit(measured))]
    told += _consistent(measured)
    if not told and measured.total > 0:
        ratio = measured.total / max(sum(measured.training.values()), 1e-300)
        good = f"the residual on fresh points is {ratio:.2g} times the training points': no overfitting seen"
        told = [Reason(good, Word.PLAUSIBLE)]
    worst = max(measured.left.values(), default=0.0)
    if measured.left and worst <= UNSOLVED:
        told.append(Reason(f"{worst:.1g} of the equation's largest term is left"))
    return Verdict.of(told)


def _as_cause(reason: Reason) -> Reason:
    """What was seen and can be helped, such as short numbers, is why it is not solved, where it is not."""
    return replace(reason, word=Word.NOT_SOLVED) if reason.action and reason.word is Word.TRUSTED else reason


def verdict_of(attributes: Mapping[str, Any], kept: Mapping[str, float]) -> Verdict:
    """The verdict that a run has stored; from what it kept where it has stored none."""
    if Verdict.WORD not in attributes:
        return verdict(kept, estimate=ErrorEstimate.of(attributes))
    word, action = Word(attributes[Verdict.WORD]), str(attributes.get(Verdict.ACTION, ""))
    lines = str(attributes[Verdict.TEXT]).splitlines()
    lines = lines[:-1] if action and lines[-1] == f"try {action}" else lines
    return Verdict(word, (lines[0].removeprefix(f"{word.value}: "), *lines[1:]), action)


class Measured:
    """The last measurement by kind, each of them by block, as of `verdict`; `total`: the held-out one of all blocks.

    left: of an equation's residual, over its largest term, or over what it would be of smooth fields where that is
    more. missed: of a condition's, over the latter.
    """

    def __init__(
        self, latest: Mapping[str, float], posed: Posedness | None = None, missed: Mapping[str, float] | None = None
    ) -> None:
        self.held_out = Measure.HELD_OUT.within(latest)
        self.training = Measure.LOSS.within(latest)
        self.noise = Measure.NOISE.within(latest)
        self.errors = Measure.ERROR.within(latest)
        self.settled = bool(latest.get("settled", False))
        self.total = sum(self.held_out.values())
        natural = (posed.missed if posed else missed) or {}
        equations = Measure.IMBALANCE.within(latest)
        self.faint = posed.faint if posed else ()
        self.left = {name: min(share, natural.get(name, math.inf)) for name, share in equations.items()}
        self.missed = {name: x for name, x in natural.items() if name not in equations and name not in self.noise}

    @property
    def is_down_to_noise(self) -> bool:
        """Whether all data are met as well as their noise allows, and equations and conditions hold."""
        consistent = all(LEARNT <= misfit < CONSISTENT for misfit in self.noise.values())
        others = (*self.left.values(), *self.missed.values())
        return bool(self.noise) and consistent and max(others, default=0.0) <= UNSOLVED


def _percent(share: float) -> str:
    """A share for people to read."""
    return f"{100 * share:.2g} %" if share <= HUGE else "far more than it all"


def _estimated(measured: Measured, estimate: ErrorEstimate, posed: Posedness | None) -> Reason:
    """What the estimate says."""
    field, error = estimate.worst
    if estimate.way == ErrorEstimate.NOISE:
        return _open(field, error)
    if error > UNSOLVED:
        size = f"{100 * error:.0f} %" if error <= HUGE else "many times its size"
        return Reason(
            f"the estimated error of {field} is {size}" + ("" if estimate.is_resolved else " or more"), Word.NOT_SOLVED
        )
    if not estimate.is_resolved and posed and posed.spread and measured.is_down_to_noise:
        return _open(*max(posed.spread.items(), key=lambda item: item[1]))
    if not estimate.is_resolved:
        return Reason(
            f"the error of {field} is {error:.1g} or more: a lower bound, as the correction leaves "
            f"{100 * min(estimate.left, 1.0):.0f} % of the residual",
            Word.NOT_SOLVED if error > UNRESOLVED else Word.PLAUSIBLE,
        )
    word = Word.TRUSTED if error <= TRUSTED else Word.PLAUSIBLE
    return Reason(f"the estimated error of {field} is {error:.1g}", word)


def _open(field: str, error: float) -> Reason:
    """What noise leaves of a field."""
    told = f"the noise of the data leaves {_percent(error)} of {field} open"
    return Reason(told, Word.PLAUSIBLE if error <= OPEN else Word.NOT_SOLVED, "more data, or with less noise")


def _growing(estimate: ErrorEstimate) -> Iterator[Reason]:
    """Errors that grow in time beyond what can be trusted."""
    if estimate.trusted_until is not None:
        yield Reason(
            f"trusted until t = {estimate.trusted_until:.3g}, where the estimated error passes 1 %", Word.PLAUSIBLE
        )


def _apart(measured: Measured, estimate: ErrorEstimate) -> Iterator[Reason]:
    """A truth that is far from what solves the equations: one of the two is wrong."""
    for name, estimated in estimate.errors.items():
        true = measured.errors.get(name, 0.0)
        if estimate.is_resolved and true > UNSOLVED and true > APART * estimated:
            yield Reason(
                f"{name} solves the equations (estimated error {estimated:.1g}) and is {100 * true:.0f} % off the "
                "reference: equation and reference contradict each other",
                Word.NOT_SOLVED,
                "pinn check: which term the reference does not satisfy",
            )


def _missed(measured: Measured) -> Iterator[Reason]:
    """Conditions that are not met, each by its own size."""
    for block, share in measured.missed.items():
        if share > TRUSTED:
            word = Word.NOT_SOLVED if share > UNSOLVED else Word.PLAUSIBLE
            size = f"{100 * share:.2g} % of its size" if share <= 1.0 else "more than its size"
            yield Reason(f"{block} is missed by {size}", word, f"weights.{block}=100")


def _learnt_noise(measured: Measured) -> Iterator[Reason]:
    weights = " ".join(f"weights.{name}=1e4" for name in measured.left)
    for block, misfit in measured.noise.items():
        if misfit < LEARNT and weights:
            told = f"{block}: the misfit is {misfit:.2g} of the noise, which is learnt with the data"
            yield Reason(told, Word.NOT_SOLVED, f"{weights}: the equations more weight")
        elif misfit < CONSISTENT and max(measured.left.values(), default=0.0) > UNSOLVED:
            told = f"the equations give way to the noise of {block}"
            yield Reason(told, Word.NOT_SOLVED, f"{weights}: the equations more weight")


def _unsolved(measured: Measured) -> Iterator[Reason]:
    for block, left in measured.left.items():
        if left > UNSOLVED:
            told = f"{block}: the residual on fresh points is {100 * left:.0f} % of the equation's largest term"
            yield Reason(told, Word.NOT_SOLVED)


def _zero(measured: Measured) -> Iterator[Reason]:
    """Equations that hold since all is zero, or nearly, where a condition asks for more."""
    vanishing = [block for block, fresh in measured.held_out.items() if fresh == 0.0]
    others = [block for block, fresh in measured.held_out.items() if fresh > 0.0]
    vast = [block for block in measured.faint if block in measured.missed]
    if (vanishing and others and not measured.left) or vast:
        what = f"{', '.join(vanishing)} hold because every term vanishes, " if not vast else ""
        yield Reason(
            f"the solution found is {'next to ' if vast else ''}zero: {what}{', '.join(vast or others)} does not hold",
            Word.NOT_SOLVED,
            f"optimizer=least_damping, another seed, or weights.{(vast or others)[0]}=100",
        )


def _overfit(measured: Measured, word: Word) -> Iterator[Reason]:
    """Points that are learnt and not the equation. word: of the reason, the cause where a problem is not solved."""
    for block, fresh in measured.held_out.items():
        seen = measured.training.get(block, 0.0)
        if seen > 0 and fresh > OVERFIT * seen:
            ratio = f"{fresh / seen:.1f}" if fresh < MANY * seen else f"more than {MANY:.0e}"
            blind = fresh > MANY * seen and measured.left.get(block, 0.0) > TRUSTED  # nor does an estimate see that
            yield Reason(
                f"{block}: the residual on fresh points is {ratio} times the training points'",
                Word.NOT_SOLVED if blind else word,
                "more points (sampler.interior, sampler.boundary) or a smaller "
                + ("network.width" if measured.settled else "sampler.redraw_every"),
            )


def _dominant(measured: Measured) -> Iterator[Reason]:
    """One term that makes up the residual, unless it is solved, or data as far off as their noise is large."""
    if measured.settled or len(measured.held_out) < 2:
        return
    for block, fresh in measured.held_out.items():
        solved = measured.left.get(block, 1.0) < SOLVED
        if fresh > DOMINANT * measured.total and not solved and measured.noise.get(block, CONSISTENT) >= CONSISTENT:
            share = measured.training.get(block, 0.0) / max(sum(measured.training.values()), 1e-300)
            yield Reason(
                f"{block}: {100 * fresh / measured.total:.0f} % of the held-out loss, {100 * share:.0f} % of the loss",
                Word.TRUSTED,
                f"a larger weights.{block}" + ("" if share > DOMINANT else " or more points there"),
            )


def _unfit(measured: Measured) -> Iterator[Reason]:
    for block, left in measured.left.items():
        if measured.settled and UNFIT < left <= UNSOLVED:
            yield Reason(
                f"{block}: the fit has its least loss, which does not solve the equation",
                Word.PLAUSIBLE,
                FEATURES,
            )


def _consistent(measured: Measured) -> Iterator[Reason]:
    for block, misfit in measured.noise.items():
        if LEARNT <= misfit < CONSISTENT:
            yield Reason(f"{block}: the misfit is {misfit:.2g} of the noise, as it should be")
