"""What a fit to noisy data misses of other data: how an end is found before the noise is learnt."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pinn.optimizers.base import Optimizer
from pinn.residuals.least_squares import bind
from pinn.residuals.protocol import Collocation
from pinn.residuals.residuals import Residuals, owners
from pinn.training.weighting import Followed

WIDEST, MOST = 3000, 2**15  # parameters and observations up to which those that data determine are counted
HEAVIER, LITTLE = 1e2, 1e-9  # times that what is exact is weighed to see what that gains; damping there, by its size
RIDGE = 1e-12  # damping of a fit that has none, by the sum of the squares of J
BENT = 1.25  # ratio of counts up to which data do not bend equations: a network that meets these well can follow less
Pair = tuple[Tensor, Tensor]  # G^-1 D and G^-1, (q, q)


@dataclass
class Simplest:
    """The parameters at the last draw of points before which steps had learnt more than the noise of data.

    error: as of `prediction_error`. step: of the run. damping: of that step.
    """

    theta: Tensor
    error: float
    step: int
    damping: float = 0.0


@dataclass(frozen=True)
class Moved:
    """What a step of an optimizer moves at theta (p,): the last layer alone, or all parameters."""

    theta: Tensor
    optimizer: Optimizer

    def of(self, least_squares: Collocation) -> tuple[Collocation, Tensor]:
        """The least squares in the parameters (q,) that are moved, and their values."""
        layer = least_squares.last_layer(self.theta) if self.optimizer.moves_last_layer_only else None
        return (least_squares, self.theta) if layer is None else (layer[1], self.theta[layer[0]])


def followed(
    residuals: Residuals, least_squares: Collocation, moved: Moved, noisy: Mapping[str, int], damping: float
) -> Followed:
    """By the linearization; nothing for too many parameters or observations, or where steps without a damping move all
    parameters: they do not solve the linearized problem."""
    own, theta = moved.of(least_squares)
    unsolved = damping == 0.0 and not moved.optimizer.moves_last_layer_only
    if unsolved or len(theta) > WIDEST or sum(noisy.values()) > MOST:
        return Followed()
    normal = own.normal_equations(theta)[0]
    lengths = torch.ones_like(theta) if damping else normal.diagonal().sqrt()  # fits do not mind their columns' sizes
    lengths = torch.where(lengths > 0, lengths, 1.0)
    scale = lengths.outer(lengths)
    normal, of_data = normal / scale, _normal(residuals, own, moved, {*noisy, *residuals.known_before}) / scale
    damping = damping or RIDGE * float(normal.diagonal().sum())
    solved = _solved(of_data, normal, damping)
    if solved is None:
        return Followed()
    unknowns = [at for at, name in enumerate(owners(own.shapes)) if name.startswith("unknowns.")]
    if not unknowns and not residuals.by_evidence:
        return Followed(float(solved[0].trace()))
    seen = of_data + _normal(residuals, own, moved, {*residuals.priors} - {*residuals.known_before}) / scale
    ridge = min(damping, LITTLE * float((normal - seen).diagonal().sum()))
    here, heavier = (_solved(of_data, seen + weight * (normal - seen), ridge) for weight in (1.0, HEAVIER))
    if here is None:  # equations are lost in the rounding of data, which they do not hold
        loose: float = math.inf
    else:  # or data in theirs
        loose = 1.0 if heavier is None else _loose(here, heavier, unknowns, bool(residuals.by_evidence))
    return Followed(float(solved[0].trace()), loose)


def _normal(residuals: Residuals, least_squares: Collocation, moved: Moved, blocks: Collection[str]) -> Tensor:
    """J^T J (q, q) of the regions that have some of these blocks, none but these."""
    labels = [label for label, group in residuals.regions.items() if any(b.name in blocks for b in group.blocks)]
    own, theta = moved.of(bind(residuals, {label: least_squares.points[label] for label in labels}))
    return own.normal_equations(theta)[0] if labels else theta.new_zeros(len(theta), len(theta))


def _loose(here: Pair, heavier: Pair, unknowns: Sequence[int], is_counted: bool) -> float:
    """The largest ratio of an unknown's deviation and what it is where equations weigh far more.

    By G^-1, which has what equations of that weight leave open, too, and only falls as they weigh more: what the noise
    of the data alone makes of an unknown does not change either where the data bend equations at will.
    is_counted: also that of the parameters that follow data, where a field's prior holds what equations do not.
    """
    ratios = [1.0]
    if unknowns:
        variances = [inverse[unknowns, unknowns] for _, inverse in (here, heavier)]
        ratios.append(float((variances[0] / variances[1]).max().sqrt()))
    if is_counted:
        count = float(here[0].trace() / heavier[0].trace())
        ratios.append(count if count > BENT else 1.0)
    return max(ratios)


def _solved(of_data: Tensor, normal: Tensor, damping: float) -> Pair | None:
    """G^-1 D and G^-1 for G = normal + damping; None where that is no positive matrix any more."""
    factor, info = torch.linalg.cholesky_ex(normal + damping * torch.eye(len(normal)).to(normal))
    return None if int(info) else (torch.cholesky_solve(of_data, factor), torch.cholesky_inverse(factor))


def prediction_error(loss: float, noisy: Mapping[str, int], count: float) -> float:
    """n loss + 2 tr H over n observations: in units of their noise, up to a constant.

    H = J_d (D + E + damping)^-1 J_d^T, whose trace is the count of `Followed`. Mallows 1973
    (doi:10.1080/00401706.1973.10489103).
    """
    return max(noisy.values()) * loss + 2.0 * count
