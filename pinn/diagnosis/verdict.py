"""What a run's measurements say about how far its answer can be trusted."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pinn.solution_file.measured import ErrorEstimate, Measure

OVERFIT = 10.0  # held-out over training residual beyond which the points were learnt, not the equation
UNSOLVED = 0.05  # residual on fresh points over the equation's largest term beyond which it is not solved
UNFIT = 1e-4  # the same for a fit that has its least loss, which is far less where the fit suits the problem
LEARNT, CONSISTENT = 0.5, 1.5  # root mean square misfit over the noise: below the noise is fitted, above the equation
SOLVED = 1e-6  # residual over the equation's largest term, or error, below which nothing is worth a remark
DOMINANT = 0.8  # share of the held-out residual beyond which one term is named


def verdict(
    latest: Mapping[str, float], missing: Sequence[str] = (), estimate: ErrorEstimate | None = None
) -> list[str]:
    """Findings from the last measurement of a run, in words, worst first; one line of good news where none is bad.

    latest: the entries of `Measure` by block, as the trainer records them; `settled` where a fit has its least loss, so
    that weights and redrawn points would not help.
    missing: conditions that the equations ask for and the problem does not have, in words. estimate: of the errors;
    where it is small and resolved, a residual near the equation's largest term is no fault: the terms are small there.
    """
    measured = Measured(latest)
    told = [f"one of many solutions: {text}" for text in missing]
    if estimate is not None:
        told += _estimated(estimate)
    looks = [_learnt_noise, _unsolved, _zero, _overfit, _dominant, _unfit, _consistent]
    error = estimate.worst[1] if estimate is not None and estimate.is_resolved else math.inf
    if error <= UNSOLVED or any(text.startswith("not solved") for text in told):
        looks.remove(_unsolved)
    if error <= SOLVED:
        looks = [look for look in looks if look not in (_overfit, _dominant, _unfit)]
    for look in looks:
        told += look(measured)
    worst = max(measured.imbalances.values(), default=0.0)
    is_told = bool(measured.imbalances) and worst <= UNSOLVED
    balanced = [f"{worst:.1g} of the equation's largest term is left"] if is_told else []
    if not told and measured.total > 0:
        ratio = measured.total / max(sum(measured.training.values()), 1e-300)
        good = f"the residual on fresh points is {ratio:.2g} times the training points': no overfitting seen"
        return ["; ".join([good, *balanced])]
    return told + balanced


def findings(attributes: Mapping[str, Any], kept: Mapping[str, float]) -> list[str]:
    """The verdict that a run has stored, a line each; from what it kept where it has stored none."""
    return str(attributes.get("verdict") or "").splitlines() or verdict(kept)


class Measured:
    """The last measurement by kind, each of them by block, as of `verdict`; `total`: the held-out one of all blocks."""

    def __init__(self, latest: Mapping[str, float]) -> None:
        self.held_out = Measure.HELD_OUT.within(latest)
        self.training = Measure.LOSS.within(latest)
        self.imbalances = Measure.IMBALANCE.within(latest)
        self.noise = Measure.NOISE.within(latest)
        self.settled = bool(latest.get("settled", False))
        self.total = sum(self.held_out.values())


def _estimated(estimate: ErrorEstimate) -> Iterator[str]:
    """What the estimate says where it is no good news."""
    field, error = estimate.worst
    if error > UNSOLVED:
        size = f"{100 * error:.0f} %" + ("" if estimate.is_resolved else " or more")
        yield (
            f"not solved: the estimated error of {field} is {size}: train longer (training=accurate), try a larger "
            "network"
        )
    elif not estimate.is_resolved:
        yield (
            f"plausible at most: the error of {field} is {error:.1g} or more; the residual comes from what is finer "
            "than the estimate sees (a front, a kink, noise): compare with another seed or a larger network"
        )


def _learnt_noise(measured: Measured) -> Iterator[str]:
    weights = ", ".join(f"weights.{name}=1e4" for name in measured.imbalances)
    for block, misfit in measured.noise.items():
        if misfit < LEARNT and weights:
            yield (
                f"{block}: the misfit is {misfit:.2g} of the noise, which is learnt with the data: give the equations "
                f"more weight: {weights}"
            )


def _unsolved(measured: Measured) -> Iterator[str]:
    for block, left in measured.imbalances.items():
        if left > UNSOLVED:
            yield (
                f"{block}: not solved: the residual on fresh points is {100 * left:.0f} % of the equation's largest "
                "term: train longer (training=accurate), try a larger network"
                + (f" or raise weights.{block}" if len(measured.held_out) > 1 else "")
            )


def _zero(measured: Measured) -> Iterator[str]:
    vanishing = [block for block, fresh in measured.held_out.items() if fresh == 0.0]
    others = [block for block, fresh in measured.held_out.items() if fresh > 0.0]
    if vanishing and others and not measured.imbalances:
        yield (
            f"the solution found is zero: {', '.join(vanishing)} hold because every term vanishes, {', '.join(others)} "
            f"does not: try optimizer=trust_region, another seed, or raise weights.{others[0]}"
        )


def _overfit(measured: Measured) -> Iterator[str]:
    for block, fresh in measured.held_out.items():
        seen = measured.training.get(block, 0.0)
        if seen > 0 and fresh > OVERFIT * seen:
            yield (
                f"{block}: the residual on fresh points is {fresh / seen:.1f} times the training points': try more "
                "points (sampler.interior, sampler.boundary) or a smaller "
                + ("network.width" if measured.settled else "sampler.redraw_every")
            )


def _dominant(measured: Measured) -> Iterator[str]:
    """One term that makes up the residual, unless it is solved, or data as far off as their noise is large."""
    if measured.settled or len(measured.held_out) < 2:
        return
    for block, fresh in measured.held_out.items():
        solved = measured.imbalances.get(block, 1.0) < SOLVED
        if fresh > DOMINANT * measured.total and not solved and measured.noise.get(block, CONSISTENT) >= CONSISTENT:
            share = measured.training.get(block, 0.0) / max(sum(measured.training.values()), 1e-300)
            yield (
                f"{block}: {100 * fresh / measured.total:.0f} % of the held-out residual, {100 * share:.0f} % of the "
                f"loss: raise weights.{block}" + ("" if share > DOMINANT else " or sample it with more points")
            )


def _unfit(measured: Measured) -> Iterator[str]:
    for block, left in measured.imbalances.items():
        if measured.settled and UNFIT < left <= UNSOLVED:
            yield (
                f"{block}: the fit has its least loss, which does not solve the equation: try optimizer=trust_region, "
                "or more features (network.width)"
            )


def _consistent(measured: Measured) -> Iterator[str]:
    for block, misfit in measured.noise.items():
        if LEARNT <= misfit < CONSISTENT:
            yield f"{block}: the misfit is {misfit:.2g} of the noise, as it should be"
