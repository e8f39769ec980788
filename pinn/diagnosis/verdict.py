"""What a run's measurements say about how far its answer can be trusted: one word, its reasons, one thing to try."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, ClassVar

from pinn.solution_file.measured import ErrorEstimate, Measure

OVERFIT = 10.0  # held-out over training residual beyond which the points were learnt, not the equation
UNSOLVED = 0.05  # estimated error, or residual over the equation's largest term, beyond which it is not solved
TRUSTED = 0.01  # estimated error up to which a solution is trusted
UNFIT = 1e-4  # residual over largest term of a fit that has its least loss, far less where the fit suits the problem
LEARNT, CONSISTENT = 0.5, 1.5  # root mean square misfit over the noise: below the noise is fitted, above the equation
SOLVED = 1e-6  # residual over the equation's largest term, or error, below which nothing is worth a remark
DOMINANT = 0.8  # share of the held-out residual beyond which one term is named


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
        first, *others = self.reasons or ("nothing was measured",)
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
        word = told[0].word if told else Word.PLAUSIBLE
        action = next((reason.action for reason in told if reason.action), "")
        return cls(word, tuple(reason.text for reason in told), action)


def verdict(
    latest: Mapping[str, float],
    missing: Sequence[str] = (),
    estimate: ErrorEstimate | None = None,
    seen: Sequence[Reason] = (),
) -> Verdict:
    """The verdict from the last measurement of a run.

    latest: the entries of `Measure` by block, as the trainer records them; `settled` where a fit has its least loss, so
    that weights and redrawn points would not help.
    missing: conditions that the equations ask for and the problem does not have, in words. estimate: of the errors;
    where it is small and resolved, a residual near the equation's largest term is no fault: the terms are small there.
    seen: by other looks.
    """
    measured = Measured(latest)
    told = [Reason(f"one of many solutions: {text}", Word.ILL_POSED) for text in missing]
    told += [_estimated(estimate)] if estimate is not None else []
    told += seen
    looks = [_learnt_noise, _unsolved, _zero, _overfit, _dominant, _unfit, _consistent]
    error = estimate.worst[1] if estimate is not None and estimate.is_resolved else math.inf
    if error <= UNSOLVED or any(not reason.word.is_good for reason in told):
        looks.remove(_unsolved)
    if error <= SOLVED:
        looks = [look for look in looks if look not in (_overfit, _dominant, _unfit)]
    for look in looks:
        told += look(measured)
    worst = max(measured.imbalances.values(), default=0.0)
    is_told = bool(measured.imbalances) and worst <= UNSOLVED
    balanced = [Reason(f"{worst:.1g} of the equation's largest term is left")] if is_told else []
    if not told and measured.total > 0:
        ratio = measured.total / max(sum(measured.training.values()), 1e-300)
        good = f"the residual on fresh points is {ratio:.2g} times the training points': no overfitting seen"
        told = [Reason(good, Word.PLAUSIBLE)]
    return Verdict.of([*told, *balanced])


def verdict_of(attributes: Mapping[str, Any], kept: Mapping[str, float]) -> Verdict:
    """The verdict that a run has stored; from what it kept where it has stored none."""
    if Verdict.WORD not in attributes:
        return verdict(kept)
    word, action = Word(attributes[Verdict.WORD]), str(attributes.get(Verdict.ACTION, ""))
    lines = str(attributes[Verdict.TEXT]).splitlines()
    lines = lines[:-1] if action and lines[-1] == f"try {action}" else lines
    return Verdict(word, (lines[0].removeprefix(f"{word.value}: "), *lines[1:]), action)


class Measured:
    """The last measurement by kind, each of them by block, as of `verdict`; `total`: the held-out one of all blocks."""

    def __init__(self, latest: Mapping[str, float]) -> None:
        self.held_out = Measure.HELD_OUT.within(latest)
        self.training = Measure.LOSS.within(latest)
        self.imbalances = Measure.IMBALANCE.within(latest)
        self.noise = Measure.NOISE.within(latest)
        self.settled = bool(latest.get("settled", False))
        self.total = sum(self.held_out.values())


def _estimated(estimate: ErrorEstimate) -> Reason:
    """What the estimate says."""
    field, error = estimate.worst
    if error > UNSOLVED:
        size = f"{100 * error:.0f} %" + ("" if estimate.is_resolved else " or more")
        action = "training=accurate or a larger network (network.width)"
        return Reason(f"the estimated error of {field} is {size}", Word.NOT_SOLVED, action)
    if not estimate.is_resolved:
        return Reason(
            f"the error of {field} is {error:.1g} or more; the residual comes from what is finer than the estimate "
            "sees (a front, a kink, noise)",
            Word.PLAUSIBLE,
            "another seed or a larger network (network.width), and compare",
        )
    word = Word.TRUSTED if error <= TRUSTED else Word.PLAUSIBLE
    return Reason(f"the estimated error of {field} is {error:.1g}", word)


def _learnt_noise(measured: Measured) -> Iterator[Reason]:
    weights = " ".join(f"weights.{name}=1e4" for name in measured.imbalances)
    for block, misfit in measured.noise.items():
        if misfit < LEARNT and weights:
            told = f"{block}: the misfit is {misfit:.2g} of the noise, which is learnt with the data"
            yield Reason(told, Word.NOT_SOLVED, f"{weights}: the equations more weight")


def _unsolved(measured: Measured) -> Iterator[Reason]:
    for block, left in measured.imbalances.items():
        if left > UNSOLVED:
            told = f"{block}: the residual on fresh points is {100 * left:.0f} % of the equation's largest term"
            yield Reason(told, Word.NOT_SOLVED, "training=accurate or a larger network (network.width)")


def _zero(measured: Measured) -> Iterator[Reason]:
    vanishing = [block for block, fresh in measured.held_out.items() if fresh == 0.0]
    others = [block for block, fresh in measured.held_out.items() if fresh > 0.0]
    if vanishing and others and not measured.imbalances:
        yield Reason(
            f"the solution found is zero: {', '.join(vanishing)} hold because every term vanishes, {', '.join(others)} "
            "does not",
            Word.NOT_SOLVED,
            f"optimizer=trust_region, another seed, or weights.{others[0]}=100",
        )


def _overfit(measured: Measured) -> Iterator[Reason]:
    for block, fresh in measured.held_out.items():
        seen = measured.training.get(block, 0.0)
        if seen > 0 and fresh > OVERFIT * seen:
            yield Reason(
                f"{block}: the residual on fresh points is {fresh / seen:.1f} times the training points'",
                Word.PLAUSIBLE,
                "more points (sampler.interior, sampler.boundary) or a smaller "
                + ("network.width" if measured.settled else "sampler.redraw_every"),
            )


def _dominant(measured: Measured) -> Iterator[Reason]:
    """One term that makes up the residual, unless it is solved, or data as far off as their noise is large."""
    if measured.settled or len(measured.held_out) < 2:
        return
    for block, fresh in measured.held_out.items():
        solved = measured.imbalances.get(block, 1.0) < SOLVED
        if fresh > DOMINANT * measured.total and not solved and measured.noise.get(block, CONSISTENT) >= CONSISTENT:
            share = measured.training.get(block, 0.0) / max(sum(measured.training.values()), 1e-300)
            yield Reason(
                f"{block}: {100 * fresh / measured.total:.0f} % of the held-out residual, {100 * share:.0f} % of the "
                "loss",
                Word.TRUSTED,
                f"a larger weights.{block}" + ("" if share > DOMINANT else " or more points there"),
            )


def _unfit(measured: Measured) -> Iterator[Reason]:
    for block, left in measured.imbalances.items():
        if measured.settled and UNFIT < left <= UNSOLVED:
            yield Reason(
                f"{block}: the fit has its least loss, which does not solve the equation",
                Word.PLAUSIBLE,
                "optimizer=trust_region, or more features (network.width)",
            )


def _consistent(measured: Measured) -> Iterator[Reason]:
    for block, misfit in measured.noise.items():
        if LEARNT <= misfit < CONSISTENT:
            yield Reason(f"{block}: the misfit is {misfit:.2g} of the noise, as it should be")
