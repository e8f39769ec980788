"""Weights of the terms in the loss, fixed or changed while training."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pinn.basis.configurable import Configurable
from pinn.basis.errors import require

LITTLE = 0.01  # of the loss, below which what is exact may come to weigh more
LOOSE = 1.05  # ratio of standard errors that counts as one


@dataclass(frozen=True)
class Followed:
    """What follows noisy data, in the linearization. With D = J_d^T J_d of the rows of data, and E of the others.

    count: tr (D + E + damping)^-1 D, of the parameters: equations and damping hold back the others. loose: the largest
    ratio of an unknown's deviation, or of the count where a field is known to be smooth, and what it would be if E
    weighed far more; None without either.
    """

    count: float = 0.0
    loose: float | None = None

    @property
    def is_tight(self) -> bool:
        """Whether what is identified would hardly be known better by equations that weighed more."""
        return self.loose is not None and self.loose < LOOSE


@dataclass(frozen=True)
class View:
    """What else can be seen of a linearization, when it is asked for.

    followed: of noisy data. gradients: ||grad l_m|| by block m, l_m its mean square. equations: the blocks of these in
    the interior.
    """

    followed: Callable[[], Followed] = Followed
    gradients: Callable[[], Mapping[str, float]] = dict
    equations: frozenset[str] = frozenset()


HIDDEN = View()


class Weighting(Configurable, ABC):
    """Chooses the weights of the residual's blocks."""

    @abstractmethod
    def updated(
        self, weights: Mapping[str, float], means: Mapping[str, float], noisy: Mapping[str, int], view: View = HIDDEN
    ) -> dict[str, float]:
        """New weights by block from the present ones and the mean squares at the training points.

        Both are relative to the weights that the run began with, so that units do not matter, but those of noisy data,
        whose squares are relative to their noise. noisy: the blocks of data whose noise is given, and how many
        observations each has.
        """

    def may_change(self, noisy: Mapping[str, int]) -> bool:
        """Whether weights change at all with such data."""
        return True

    def may_ask(self, means: Mapping[str, float], noisy: Mapping[str, int]) -> bool:
        """Whether data may be asked how much a prior of a field weighs."""
        return False

    def is_done(
        self, weights: Mapping[str, float], means: Mapping[str, float], noisy: Mapping[str, int], view: View = HIDDEN
    ) -> bool:
        """Whether another step is worth it only as far as it lowers the loss by more than noise does."""
        return False


class FixedWeights(Weighting):
    """The weights stay as they are given."""

    def updated(
        self, weights: Mapping[str, float], means: Mapping[str, float], noisy: Mapping[str, int], view: View = HIDDEN
    ) -> dict[str, float]:
        return dict(weights)

    def may_change(self, noisy: Mapping[str, int]) -> bool:
        return False


class NoiseWeights(Weighting):
    """The noise of data decides: what is exact comes to weigh so much that the data cannot bend it.

    Whenever the data are met to their noise and all other terms are next to nothing in the loss, or no more than the
    parameters that follow the data make it, these terms weigh `factor` times more, until they contribute less than one
    observation's noise, and unknowns would hardly be known better if they weighed more: the limit in which equations
    hold and the data choose among their solutions. That they contribute little is not enough: so they do where the data
    bend them at no cost. Without a noise the weights stay as they are given. factor: > 1. largest: bound on the ratio
    of two weights, up to which it is done for unknowns, > 1.

    A penalty's continuation: Nocedal & Wright 2006, section 17.1; the discrepancy principle: Morozov 1966.
    """

    def __init__(self, *, factor: float = 10.0, largest: float = 1e8) -> None:
        require(1 < factor < float("inf"), f"weighting.factor must be > 1 and finite, got {factor}")
        self.factor = factor
        self.largest = checked_ratio(largest)

    def updated(
        self, weights: Mapping[str, float], means: Mapping[str, float], noisy: Mapping[str, int], view: View = HIDDEN
    ) -> dict[str, float]:
        if not noisy or not _are_met(means, noisy) or self.is_done(weights, means, noisy, view):
            return dict(weights)
        exact = exact_loss(weights, means, noisy)
        # where unknowns would not be known better, parameters that follow the data are no excuse
        if exact > LITTLE and (view.followed().is_tight or exact * max(noisy.values()) > view.followed().count):
            return dict(weights)
        return {block: weight * (1.0 if block in noisy else self.factor) for block, weight in weights.items()}

    def may_change(self, noisy: Mapping[str, int]) -> bool:
        return bool(noisy)

    def may_ask(self, means: Mapping[str, float], noisy: Mapping[str, int]) -> bool:
        return bool(noisy) and _are_met(means, noisy)

    def is_done(
        self, weights: Mapping[str, float], means: Mapping[str, float], noisy: Mapping[str, int], view: View = HIDDEN
    ) -> bool:
        if not _are_met(means, noisy) or exact_loss(weights, means, noisy) * max(noisy.values()) >= 1.0:
            return False
        at_most = max(weights.values()) * self.factor > self.largest * min(weights.values())
        return at_most or view.followed().loose is None or view.followed().is_tight


def checked_ratio(largest: float) -> float:
    """The bound on the ratio of two weights; raises UserError where it is none."""
    require(1 < largest < float("inf"), f"weighting.largest must be > 1 and finite, got {largest}")
    return largest


def exact_loss(weights: Mapping[str, float], means: Mapping[str, float], noisy: Mapping[str, int]) -> float:
    """What all but noisy data contribute to the loss, of which one is the noise's."""
    return sum(weights[block] * means[block] for block in weights if block not in noisy)


def _are_met(means: Mapping[str, float], noisy: Mapping[str, int]) -> bool:
    """Whether each mean square misfit over the noise is at most two of its standard deviations above its mean."""
    return all(means[block] < 1.0 + 2.0 * (2.0 / n) ** 0.5 for block, n in noisy.items())


class BalancedWeights(Weighting):
    """Weights w_m <- w_m (mean l / l_m)^exponent, renormalized to mean 1: all terms come to contribute alike.

    The slow multiplicative rule of DSGNAR (Webb, Jerad & Cartis 2026, arXiv 2607.02194). l_m is the weighted mean
    square of block m: the fixed point is where all are equal. exponent: in (0, 1]. largest: bound on the ratio of
    two weights, > 1.
    """

    def __init__(self, *, exponent: float = 0.05, largest: float = 1e8) -> None:
        require(0 < exponent <= 1, f"weighting.exponent must be in (0, 1], got {exponent}")
        self.exponent = exponent
        self.largest = checked_ratio(largest)

    def updated(
        self, weights: Mapping[str, float], means: Mapping[str, float], noisy: Mapping[str, int], view: View = HIDDEN
    ) -> dict[str, float]:
        losses = {block: weights[block] * means[block] for block in weights}
        mean = sum(losses.values()) / len(losses)
        if mean <= 0:
            return dict(weights)
        raw = {b: w * (mean / max(losses[b], 1e-300)) ** self.exponent for b, w in weights.items()}
        floor = max(raw.values()) / self.largest
        bounded = {block: max(weight, floor) for block, weight in raw.items()}
        scale = len(bounded) / sum(bounded.values())
        return {block: scale * weight for block, weight in bounded.items()}
