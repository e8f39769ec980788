"""Least squares with all columns but the last ones eliminated: the Schur complement, by its triangle.

For J = [A, B] = Q R, R = [[R_A, S], [0, T]]: T^T T = B^T (I - A A^+) B, which is never formed. Golub & Van Loan 2013,
Matrix Computations, section 5.3.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from pinn.linear_algebra.triangular import triangular_factor
from pinn.linear_algebra.truncated import column_lengths


@dataclass(frozen=True)
class Eliminated:
    """min ||r + A a + B b||^2 + ||D a||^2, D diagonal, with a (q,) eliminated: ||T b + s||^2 in b (k,) and a constant.

    triangle: T (k, k). right: s (k,). follows (q, k): a = -follows b + what b does not change. factor: R, square.
    """

    triangle: Tensor
    right: Tensor
    follows: Tensor
    factor: Tensor

    @property
    def inverse(self) -> Tensor:
        """T^+ (k, k), columns of T scaled to one length; what is below rounding counts as that."""
        lengths = column_lengths(self.factor[:, -len(self.right) :])
        u, s, v = torch.linalg.svd(self.triangle / lengths)
        least = torch.finfo(s.dtype).eps * len(self.factor)
        return (v.mT / s.clamp_min(least)) @ u.mT / lengths.unsqueeze(1)

    def left(self, rows: Tensor) -> Tensor:
        """B - A follows (n, k) of rows [A, B] (n, q + k): how residuals there change with b, a always following."""
        q = len(self.follows)
        return rows[:, q:] - rows[:, :q] @ self.follows

    def leverages(self, rows: Tensor) -> Tensor:
        """The diagonal (n,) of H = J (J^T J + D^2)^-1 J^T for rows (n, q + k): how far each fits itself."""
        return torch.linalg.solve_triangular(self.factor, rows, upper=True, left=False).square().sum(1)


def eliminate(pieces: Iterable[tuple[Tensor, Tensor]], q: int, k: int, ridge: float) -> Eliminated:
    """From pieces r (m,) and J (m, q + k). ridge: lambda of each column of A over its square, > 0: R_A is regular.

    Columns may be of any sizes, as those of the second derivatives of polynomials are.
    """

    def with_ridge() -> Iterator[tuple[Tensor, Tensor]]:
        squares = None
        for r, j in pieces:
            own = j[:, :q].square().sum(0)
            squares = own if squares is None else squares + own
            yield r, j
        assert squares is not None
        least = squares.max() * torch.finfo(squares.dtype).eps ** 2  # where a column is zero
        damping = torch.nn.functional.pad(torch.diag((ridge * squares.clamp_min(least)).sqrt()), (0, k))
        yield damping.new_zeros(q), damping

    factor, right, _ = triangular_factor(with_ridge(), q + k)
    follows = torch.linalg.solve_triangular(factor[:q, :q], factor[:q, q:], upper=True)
    return Eliminated(factor[q:, q:], right[q:], follows, factor)
