"""Matrices of deficient rank: singular values up to a cutoff, relative to the largest, count as zero."""

import torch
from torch import Tensor

from pinn.linear_algebra.mixed import NearTriangle

REGULAR = 1e-8  # least over largest on the diagonal of a triangle that is solved with as it stands


def truncated_solution(j: Tensor, w: Tensor, cutoff: float) -> tuple[Tensor, int]:
    """The delta (p,) of least norm that minimizes ||J delta + w|| for J (n, p), and J's rank.

    From [J, w] = Q R, of which only R is formed, and the singular values of R's first p columns: J is not squared,
    and directions down to rounding are resolved. About 2 n p^2 + 9 p^3 flops.
    cutoff: >= 0; singular values below rounding are left out in any case.
    """
    r = torch.linalg.qr(torch.cat([j, w.unsqueeze(1)], 1), mode="r").R[: j.shape[1]]  # (min(n, p), p + 1)
    delta, rank = _of_deficient_rank(r, cutoff)
    return delta.to(w), rank


def _of_deficient_rank(r: Tensor, cutoff: float) -> tuple[Tensor, int]:
    """The same from a triangle (k, p + 1), on the processor."""
    r = r.cpu()
    # LAPACK's solver for deficient rank applies the singular vectors without forming them: half an SVD's time
    fitted = torch.linalg.lstsq(r[:, :-1], -r[:, -1:], rcond=_least(r, cutoff), driver="gelsd")
    return fitted.solution.squeeze(1), int(fitted.rank)


def _is_regular(r: Tensor, cutoff: float) -> bool:
    """Whether the triangle (k, p + 1) can be solved with as it stands."""
    p = r.shape[1] - 1
    diagonal = r[:, :p].diagonal().abs()
    return len(r) == p and bool(diagonal.min() > max(REGULAR, cutoff) * diagonal.max())


def equilibrated_solution(j: Tensor, w: Tensor, cutoff: float) -> tuple[Tensor, int]:
    """As `truncated_solution`, with J's columns scaled to one length, so that none counts as small for its unit.

    The norm that is least, and the singular values that the cutoff is relative to, are those of the scaled problem.
    """
    lengths = column_lengths(j)
    scaled, rank = truncated_solution(j / lengths, w, cutoff)
    return scaled / lengths, rank


class Triangle:
    """R of [J, w] for J (n, p), its columns scaled to one length: `equilibrated_solution` for w, and others after it.

    single: whether it may be a factor in single precision, where J is far from singular. before: the triangle of a J
    that may be nearly the same, which is taken where it does (see `NearTriangle` for both).
    rank: of J. is_near: whether R is not J's own. is_regular: whether R is so far from singular that `again` can solve
    with it; its diagonal does not bound the condition number, but falls far where columns depend on each other.
    """

    def __init__(
        self, j: Tensor, w: Tensor, cutoff: float, single: bool = False, before: "Triangle | None" = None
    ) -> None:
        self.lengths = column_lengths(j)
        self.scaled, self.rank = j / self.lengths, j.shape[1]
        found = self._near_solution(w, None if before is None else NearTriangle(self.scaled, before.factor))
        if found is None:
            found = self._near_solution(w, NearTriangle.in_single_precision(self.scaled) if single else None)
        if found is None:
            found = self._own_solution(w, cutoff)
        self.solution = found.to(w) / self.lengths

    def _near_solution(self, w: Tensor, near: NearTriangle | None) -> Tensor | None:
        """By R of another matrix; None where that does not do."""
        self._near = None
        if near is None:
            return None
        found, is_solved = near.solution(w)
        if not is_solved:
            return None
        self._near, self.r, self.is_regular = near, near.r, True
        return found

    def _own_solution(self, w: Tensor, cutoff: float) -> Tensor:
        self.r = torch.linalg.qr(torch.cat([self.scaled, w.unsqueeze(1)], 1), mode="r").R[: len(self.lengths)]
        self.is_regular = _is_regular(self.r, cutoff)
        if self.is_regular:
            return torch.linalg.solve_triangular(self.factor, -self.r[:, -1:], upper=True).squeeze(1)
        found, self.rank = _of_deficient_rank(self.r, cutoff)
        return found

    @property
    def is_near(self) -> bool:
        return self._near is not None

    @property
    def factor(self) -> Tensor:
        """R (p, p) of the scaled columns."""
        return self.r[:, : len(self.lengths)]

    def fits(self, rows: int, parameters: int) -> bool:
        """Whether it may be near the triangle of a J of this shape."""
        return self.is_regular and self.scaled.shape == (rows, parameters)

    def forward(self, delta: Tensor) -> Tensor:
        """J delta (n,), of a copy of J: its own memory may have been written to since."""
        return self.scaled @ (self.lengths * delta)

    def adjoint(self, w: Tensor) -> Tensor:
        """J^T w (p,)."""
        return self.lengths * (self.scaled.mT @ w)

    def again(self, w: Tensor) -> Tensor:
        """The delta (p,) for another w, by the seminormal equations R^T R delta = -J^T w (Bjorck 1987).

        Of a near R like the first one.
        """
        if self._near is not None:
            return self._near.solution(w)[0] / self.lengths
        r, right = self.factor, (self.scaled.mT @ w).unsqueeze(1)
        half = torch.linalg.solve_triangular(r.mT, -right, upper=False)
        return torch.linalg.solve_triangular(r, half, upper=True).squeeze(1) / self.lengths


def column_lengths(j: Tensor) -> Tensor:
    """The lengths (p,) of J's columns, 1 where a column is zero."""
    lengths = torch.linalg.vector_norm(j, dim=0)
    return torch.where(lengths > 0, lengths, torch.ones_like(lengths))


def truncated_basis(j: Tensor, cutoff: float) -> Tensor:
    """Orthonormal columns (n, rank) that span J's (n, q)."""
    q, r = torch.linalg.qr(j)
    u, s, _ = torch.linalg.svd(r, full_matrices=False)
    return q @ u[:, _kept(s, cutoff)]


def _kept(s: Tensor, cutoff: float) -> Tensor:
    return s > _least(s, cutoff) * s[0]


def _least(s: Tensor, cutoff: float) -> float:
    return max(cutoff, torch.finfo(s.dtype).eps)


def nested_solutions(r: Tensor, j: Tensor, fresh_r: Tensor, fresh_j: Tensor) -> tuple[float, Tensor, Tensor]:
    """The truncated solution of min ||J w + r|| (its columns scaled alike) that is best on other rows.

    Returns the least ||J' w + r'|| / ||r'|| over the ranks, for fresh rows J' (n', p) and r' (n',), its w (p,), and the
    w of full rank. From one SVD of the R of J: about 2 n p^2 + 20 p^3 + 2 n' p^2 flops.
    """
    p = j.shape[1]
    lengths = column_lengths(j)
    triangle = torch.linalg.qr(torch.cat([j / lengths, r.unsqueeze(1)], 1), mode="r").R[:p]
    u, s, v = torch.linalg.svd(triangle[:, :p], full_matrices=False)
    kept = _kept(s, 0.0)
    components = -(u.mT @ triangle[:, p])[kept] / s[kept]  # of w along the singular vectors, the largest first
    v = v[kept]
    remaining = fresh_r.unsqueeze(1) + ((fresh_j / lengths) @ v.mT * components).cumsum(1)  # (n', rank)
    left = torch.linalg.vector_norm(remaining, dim=0)
    rank = int(left.argmin()) + 1
    norm = float(fresh_r.norm())
    share = float(left[rank - 1]) / norm if norm > 0 else 0.0
    return share, v[:rank].mT @ components[:rank] / lengths, v.mT @ components / lengths
