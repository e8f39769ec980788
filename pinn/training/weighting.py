"""Weights of the terms in the loss, fixed or changed while training."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

from pinn.basis.configurable import Configurable
from pinn.basis.errors import require


class Weighting(Configurable, ABC):
    """Chooses the weights of the residual's blocks."""

    @abstractmethod
    def updated(self, weights: Mapping[str, float], means: Mapping[str, float]) -> dict[str, float]:
        """New weights by block from the present ones and the unweighted mean squares at the training points."""


class FixedWeights(Weighting):
    """The weights stay as they are given."""

    def updated(self, weights: Mapping[str, float], means: Mapping[str, float]) -> dict[str, float]:
        return dict(weights)


class BalancedWeights(Weighting):
    """Weights w_m <- w_m (mean l / l_m)^exponent, renormalized to mean 1: all terms come to contribute alike.

    The slow multiplicative rule of DSGNAR (Webb, Jerad & Cartis 2026, arXiv 2607.02194). l_m is the weighted mean
    square of block m: the fixed point is where all are equal. exponent: in (0, 1]. largest: bound on the ratio of
    two weights, > 1.
    """

    def __init__(self, *, exponent: float = 0.05, largest: float = 1e8) -> None:
        require(0 < exponent <= 1, f"weighting.exponent must be in (0, 1], got {exponent}")
        require(1 < largest < float("inf"), f"weighting.largest must be > 1 and finite, got {largest}")
        self.exponent = exponent
        self.largest = largest

    def updated(self, weights: Mapping[str, float], means: Mapping[str, float]) -> dict[str, float]:
        losses = {block: weights[block] * means[block] for block in weights}
        mean = sum(losses.values()) / len(losses)
        if mean <= 0:
            return dict(weights)
        raw = {b: w * (mean / max(losses[b], 1e-300)) ** self.exponent for b, w in weights.items()}
        floor = max(raw.values()) / self.largest
        bounded = {block: max(weight, floor) for block, weight in raw.items()}
        scale = len(bounded) / sum(bounded.values())
        return {block: scale * weight for block, weight in bounded.items()}
