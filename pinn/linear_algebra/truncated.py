"""Least squares without damping for matrices of deficient rank: small singular values are left out."""

import torch
from torch import Tensor


def truncated_solution(j: Tensor, w: Tensor, cutoff: float) -> tuple[Tensor, int]:
    """The delta (p,) of least norm that minimizes ||J delta + w|| with J (n, p) of reduced rank, and that rank.

    Singular values at or below `cutoff` times the largest (and below rounding in any case) count as zero. From
    [J, w] = Q R, of which only R is formed, and the singular values of R's first p columns: J is not squared, and
    directions down to rounding are resolved. About 2 n p^2 + 20 p^3 flops.
    """
    p = j.shape[1]
    r = torch.linalg.qr(torch.cat([j, w.unsqueeze(1)], 1), mode="r").R  # (min(n, p + 1), p + 1)
    u, s, vt = torch.linalg.svd(r[:p, :p], full_matrices=False)
    kept = s > max(cutoff, torch.finfo(j.dtype).eps) * s[0]
    c = torch.where(kept, (u.mT @ r[:p, p]) / s, torch.zeros_like(s))
    return -(vt.mT @ c), int(kept.sum())
