"""Weights by which the gradients of all terms are alike."""

from collections.abc import Mapping

from torch import Tensor

from pinn.basis.errors import require
from pinn.residuals.protocol import Collocation, CollocationWrapper
from pinn.residuals.residuals import Residuals
from pinn.training.weighting import Followed, Look, Weighting, checked_ratio


class GradientWeights(Weighting):
    """Weights w_m that go towards sum_k ||grad l_k|| / ||grad l_m||, of mean 1: all terms pull alike.

    l_m is the mean square of block m with the weight it began with, its gradient that by theta. The rule of Wang,
    Teng & Perdikaris 2021 (10.1137/20M1318043) with the norms of Wang, Sankaran, Wang & Perdikaris 2023 (arXiv
    2308.08468). rate: of a moving average, in (0, 1]; 1, without one, measures best under second-order steps:
    Poisson's equation around four holes came to 1e-3 in 25 s, with 0.5 to 9e-3, with 0.1 as published to 4e-2.
    largest: bound on the ratio of two weights, > 1. Where the noise of data is given weights stay.
    """

    compares_gradients = True

    def __init__(self, *, rate: float = 1.0, largest: float = 1e8) -> None:
        require(0 < rate <= 1, f"weighting.rate must be in (0, 1], got {rate}")
        self.rate = rate
        self.largest = checked_ratio(largest)

    def updated(
        self, weights: Mapping[str, float], means: Mapping[str, float], noisy: Mapping[str, int], look: Look = Followed
    ) -> dict[str, float]:
        """As of any weighting; means: the norms of the blocks' gradients."""
        largest = max((means[block] for block in weights), default=0.0)
        if largest <= 0.0:
            return dict(weights)
        wanted = {block: largest / max(means[block], largest / self.largest) for block in weights}
        mean = sum(wanted.values()) / len(wanted)
        return {block: (1.0 - self.rate) * w + self.rate * wanted[block] / mean for block, w in weights.items()}

    def may_change(self, noisy: Mapping[str, int]) -> bool:
        return not noisy


def gradient_norms(
    residuals: Residuals, least_squares: Collocation, theta: Tensor, units: Mapping[str, float]
) -> dict[str, float]:
    """||grad l_m|| of each block m named in units, its mean square times that, at the points of least squares."""
    before, norms = residuals.weights, {}
    if isinstance(least_squares, CollocationWrapper):  # a recording holds for the weights it was made with
        least_squares = least_squares.inner
    try:
        for name in units:
            residuals.weights = {block: units[block] if block == name else 0.0 for block in before}
            norms[name] = float(least_squares.loss_and_gradient(theta)[1].norm())
    finally:
        residuals.weights = before
    return norms
