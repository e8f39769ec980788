"""QR of a matrix whose rows lie with several processes.

TSQR: Demmel, Grigori, Hoemmen & Langou 2012, doi:10.1137/080731992. Each process sends one triangle.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from pinn.distributed.team import Team
from pinn.linear_algebra.triangular import triangular_factor


def gathered_rows(team: Team, r: Tensor, j: Tensor) -> tuple[Tensor, Tensor]:
    """r and J of all members up to an orthogonal transformation of the rows, so that norms and products are kept.

    r (n,) and J (n, p) are a member's own; what is returned has at most size (p + 1) rows, and is r and J themselves
    where there is one member.
    """
    if team.size == 1:
        return r, j
    p = j.shape[1]
    triangle = torch.linalg.qr(torch.cat([j, r.unsqueeze(1)], 1), mode="r").R
    rows = torch.cat(team.gathered(_padded(triangle, p + 1)))
    return rows[:, p], rows[:, :p]


def gathered_factor(team: Team, factor: Tensor, projected: Tensor, loss: float) -> tuple[Tensor, Tensor, float]:
    """R, Q^T r and ||r||^2 of all members' rows from those of each, as of `triangular_factor`."""
    if team.size == 1:
        return factor, projected, loss
    p = factor.shape[1]
    parts = team.gathered(_padded(torch.cat([factor, projected.unsqueeze(1)], 1), p))
    factor, projected, _ = triangular_factor(((part[:, p], part[:, :p]) for part in parts), p)
    (total,) = team.summed(factor.new_tensor(loss))
    return factor, projected, float(total)


def _padded(rows: Tensor, n: int) -> Tensor:
    """The rows with rows of zeros below them, n in all."""
    return F.pad(rows, (0, 0, 0, n - len(rows)))
