"""Matrices of deficient rank: singular values up to a cutoff, relative to the largest, count as zero."""

import torch
from torch import Tensor


def truncated_solution(j: Tensor, w: Tensor, cutoff: float) -> tuple[Tensor, int]:
    """The delta (p,) of least norm that minimizes ||J delta + w|| for J (n, p), and J's rank.

    From [J, w] = Q R, of which only R is formed, and the singular values of R's first p columns: J is not squared,
    and directions down to rounding are resolved. About 2 n p^2 + 20 p^3 flops.
    cutoff: >= 0; singular values below rounding are left out in any case.
    """
    p = j.shape[1]
    r = torch.linalg.qr(torch.cat([j, w.unsqueeze(1)], 1), mode="r").R  # (min(n, p + 1), p + 1)
    u, s, vt = torch.linalg.svd(r[:p, :p], full_matrices=False)
    kept = _kept(s, cutoff)
    return -(vt[kept].mT @ ((u[:, kept].mT @ r[:p, p]) / s[kept])), int(kept.sum())


def truncated_basis(j: Tensor, cutoff: float) -> Tensor:
    """Orthonormal columns (n, rank) that span J's (n, q)."""
    q, r = torch.linalg.qr(j)
    u, s, _ = torch.linalg.svd(r, full_matrices=False)
    return q @ u[:, _kept(s, cutoff)]


def _kept(s: Tensor, cutoff: float) -> Tensor:
    return s > max(cutoff, torch.finfo(s.dtype).eps) * s[0]
