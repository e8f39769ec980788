"""What a fit to noisy data misses of other data: how an end is found before the noise is learnt."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from pinn.residuals.least_squares import bind
from pinn.residuals.protocol import Collocation
from pinn.residuals.residuals import Residuals

WIDEST, MOST = 3000, 2**15  # parameters and observations up to which those that data determine are counted


@dataclass
class Simplest:
    """The parameters at the last draw of points before which steps had learnt more than the noise of data.

    error: as of `prediction_error`. step: of the run. damping: of that step.
    """

    theta: Tensor
    error: float
    step: int
    damping: float = 0.0


def prediction_error(
    residuals: Residuals,
    least_squares: Collocation,
    theta: Tensor,
    loss: float,
    noisy: Mapping[str, int],
    damping: float,
) -> float:
    """n loss + 2 tr H over n observations: in units of their noise, up to a constant.

    H = J_d (J^T J + damping)^-1 J_d^T, J_d the rows of data: its trace counts the parameters that follow them, which
    equations hold back. Without a damping, or with too many of either, n loss alone. Mallows 1973
    (doi:10.1080/00401706.1973.10489103).
    """
    chi_squared = max(noisy.values()) * loss
    if damping == 0.0 or len(theta) > WIDEST or sum(noisy.values()) > MOST:
        return chi_squared
    normal, _, _ = least_squares.normal_equations(theta)
    factor, info = torch.linalg.cholesky_ex(normal + damping * torch.eye(len(theta)).to(normal))
    if int(info) > 0:
        return chi_squared
    regions = [label for label, group in residuals.regions.items() if any(b.name in noisy for b in group.blocks)]
    _, j = bind(residuals, {label: least_squares.points[label] for label in regions}).jacobian(theta)
    whitened = torch.linalg.solve_triangular(factor, j.mT.to(factor), upper=False)
    return chi_squared + 2.0 * float(whitened.square().sum())
