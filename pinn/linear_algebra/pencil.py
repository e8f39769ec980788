"""Rectangular pencils: c and mu with  A c + mu B c = 0  in the sense of least squares."""

import torch
from torch import Tensor

from pinn.linear_algebra.truncated import column_lengths

CUTOFF = 1e-13  # singular values of A (its columns scaled alike) below this times the largest count as zero
BLOCK, ITERATIONS = 24, 80  # vectors of the subspace, and how often it is iterated
REAL = 1e-6  # imaginary part by the distance to the shift, up to which an eigenvalue counts as real


class Pencil:
    """A + mu B for A, B (n, q), n > q, reduced to the k directions that A tells apart.

    (A + mu B) c = 0 is  c = -mu A^+ B c: eigenvectors of the compact operator -A^+ B with the eigenvalues 1 / mu, which
    are the larger the nearer mu is to zero (shift and invert). A^+ solves by truncated least squares, as all linear
    problems are solved on features; in the coordinates y = S V^T c of A's singular value decomposition the operator is
    bounded by what B is by A, whatever the condition of the features.

    Rectangular eigenvalue problems of oversampled collocation: Hashemi, Nakatsukasa & Trefethen 2022 ("Rectangular
    eigenvalue problems", Advances in Computational Mathematics 48), there by a basis of low condition.
    """

    def __init__(self, a: Tensor, b: Tensor, cutoff: float = CUTOFF) -> None:
        lengths = column_lengths(a)
        q, r = torch.linalg.qr(a / lengths)
        u, s, v = torch.linalg.svd(r, full_matrices=False)
        kept = s > max(cutoff, torch.finfo(s.dtype).eps) * s[0]
        self.lift = v[kept].mT / s[kept] / lengths.unsqueeze(1)  # (q, k): c = lift y
        self.operator = -(u[:, kept].mT @ (q.mT @ (b @ self.lift)))  # (k, k)

    def nearest(self, shift: float = 0.0) -> tuple[Tensor, Tensor]:
        """The real mu (m,) nearest to a shift, the nearest first, and their c (q, m); up to `BLOCK` in number.

        Subspace iteration (Saad 2011, "Numerical methods for large eigenvalue problems", algorithm 5.3): of multiple
        eigenvalues as many as there are.
        """
        k = len(self.operator)
        one = torch.eye(k).to(self.operator)
        # 1 / mu of K -> 1 / (mu - shift) of K (1 - shift K)^-1
        operator = (
            torch.linalg.solve(one - shift * self.operator, self.operator, left=False) if shift else self.operator
        )
        generator = torch.Generator().manual_seed(0)
        basis = torch.randn(k, min(BLOCK, k), generator=generator, dtype=torch.float64).to(operator)
        for _ in range(ITERATIONS):
            basis = torch.linalg.qr(operator @ basis).Q
        values, vectors = torch.linalg.eig(basis.mT @ operator @ basis)
        order = values.abs().argsort(descending=True)
        values, vectors = values[order], vectors[:, order]
        kept = (values.imag.abs() <= REAL * values.abs()) & (values.abs() > 0)
        return shift + 1.0 / values.real[kept], self.lift @ (basis @ vectors.real[:, kept])
