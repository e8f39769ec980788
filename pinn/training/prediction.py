"""What a fit to noisy data misses of other data: how an end is found before the noise is learnt."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pinn.residuals.least_squares import bind
from pinn.residuals.protocol import Collocation
from pinn.residuals.residuals import Residuals, owners
from pinn.training.weighting import Followed

WIDEST, MOST = 3000, 2**15  # parameters and observations up to which those that data determine are counted
HEAVIER, LITTLE = 1e2, 1e-9  # times that what is exact is weighed to see what that gains; damping there, by its size


@dataclass
class Simplest:
    """The parameters at the last draw of points before which steps had learnt more than the noise of data.

    error: as of `prediction_error`. step: of the run. damping: of that step.
    """

    theta: Tensor
    error: float
    step: int
    damping: float = 0.0


def followed(
    residuals: Residuals, least_squares: Collocation, theta: Tensor, noisy: Mapping[str, int], damping: float
) -> Followed:
    """By the linearization at theta (p,); nothing without a damping, or with too many parameters or observations."""
    if damping == 0.0 or len(theta) > WIDEST or sum(noisy.values()) > MOST:
        return Followed()
    observed = {*noisy, *residuals.priors}
    labels = [label for label, group in residuals.regions.items() if any(b.name in observed for b in group.blocks)]
    points = {label: least_squares.points[label] for label in labels}
    of_data = bind(residuals, points).normal_equations(theta)[0].to(theta)
    normal = least_squares.normal_equations(theta)[0]
    solved = _solved(of_data, normal, damping)
    if solved is None:
        return Followed()
    unknowns = [at for at, name in enumerate(owners(least_squares.shapes)) if name.startswith("unknowns.")]
    loose = _loose(of_data, normal - of_data, damping, unknowns) if unknowns else 1.0
    return Followed(float(solved[0].trace()), loose)


def _loose(of_data: Tensor, others: Tensor, damping: float, unknowns: Sequence[int]) -> float:
    """The largest ratio of an unknown's standard error and what it is where the others weigh far more."""
    ridge = min(damping, LITTLE * float(others.diagonal().sum()))
    found = [_solved(of_data, of_data + weight * others, ridge) for weight in (1.0, HEAVIER)]
    variances = [(one[0] @ one[1])[unknowns, unknowns] for one in found if one is not None]
    return float((variances[0] / variances[1]).max().sqrt()) if len(variances) == 2 else 1.0


def _solved(of_data: Tensor, normal: Tensor, damping: float) -> tuple[Tensor, Tensor] | None:
    """G^-1 D and G^-1 for G = normal + damping; None where that is no positive matrix any more."""
    factor, info = torch.linalg.cholesky_ex(normal + damping * torch.eye(len(normal)).to(normal))
    return None if int(info) else (torch.cholesky_solve(of_data, factor), torch.cholesky_inverse(factor))


def prediction_error(loss: float, noisy: Mapping[str, int], count: float) -> float:
    """n loss + 2 tr H over n observations: in units of their noise, up to a constant.

    H = J_d (D + E + damping)^-1 J_d^T, whose trace is the count of `Followed`. Mallows 1973
    (doi:10.1080/00401706.1973.10489103).
    """
    return max(noisy.values()) * loss + 2.0 * count
