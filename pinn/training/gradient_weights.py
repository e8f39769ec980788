"""Weights by which conditions pull as hard as equations."""

from collections.abc import Mapping

from torch import Tensor

from pinn.basis.errors import require
from pinn.residuals.protocol import Collocation, CollocationWrapper
from pinn.residuals.residuals import Residuals
from pinn.training.weighting import HIDDEN, View, Weighting, checked_ratio


class GradientWeights(Weighting):
    """Weights w_m of conditions that rise to max_k ||grad l_k|| / ||grad l_m||, k the equations: all terms pull alike.

    l_m is the mean square of block m with the weight it began with, its gradient that by theta. The rule of Wang, Teng
    & Perdikaris 2021 (10.1137/20M1318043) with the norms of Wang, Sankaran, Wang & Perdikaris 2023 (arXiv 2308.08468),
    but for two things. Weights never fall: where fields come near to a state in which equations hold by themselves,
    such as a constant, their gradients vanish, and conditions that gave way to them would hold the fields there. And
    the moving average is left out, with which second-order steps meet conditions late. share: of the loss that a
    condition contributes, below which it is met and weighs enough, in [0, 1). largest: of the w_m, > 1. Where the noise
    of data is given weights stay.
    """

    def __init__(self, *, share: float = 0.01, largest: float = 1e8) -> None:
        require(0 <= share < 1, f"weighting.share must be in [0, 1), got {share}")
        self.share = share
        self.largest = checked_ratio(largest)

    def updated(
        self, weights: Mapping[str, float], means: Mapping[str, float], noisy: Mapping[str, int], view: View = HIDDEN
    ) -> dict[str, float]:
        losses, gradients = {block: weight * means[block] for block, weight in weights.items()}, view.gradients()
        pull, total = max((gradients[block] for block in view.equations), default=0.0), sum(losses.values())
        if not pull > 0.0:
            return dict(weights)
        missed = {b for b, loss in losses.items() if b not in view.equations and loss > self.share * total}
        wanted = {b: pull / max(gradients[b], pull / self.largest) for b in missed}
        return {block: max(weight, wanted.get(block, weight)) for block, weight in weights.items()}

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
