import pytest
import torch
from agreement import assert_agree

from pinn.linear_algebra.damped import Triangular
from pinn.linear_algebra.triangular import triangular_factor


def pieces(j, r, size):
    """Rows a few at a time, each in memory that the next ones overwrite."""
    held = torch.empty(size, j.shape[1] + 1, dtype=j.dtype)
    for rows in torch.arange(len(r)).split(size):
        held[: len(rows), :-1], held[: len(rows), -1] = j[rows], r[rows]
        yield held[: len(rows), -1], held[: len(rows), :-1]


@pytest.mark.parametrize("n", [200, 31, 13, 12, 5])  # p = 12: many, few, one more, as many, fewer rows
@pytest.mark.parametrize("size", [1, 7, 300])
def test_the_factor_is_that_of_the_whole(n, size):
    j, r = torch.randn(n, 12, dtype=torch.float64), torch.randn(n, dtype=torch.float64)
    factor, projected, square = triangular_factor(pieces(j, r, size), 12)
    assert factor.shape == (min(n, 12), 12)
    assert torch.equal(factor, factor.triu())
    assert_agree(factor.mT @ factor, j.mT @ j)
    assert_agree(factor.mT @ projected, j.mT @ r)
    assert square == pytest.approx(float(r @ r), rel=1e-13)


def test_the_condition_number_is_not_squared():
    """Singular values 1 and 1e-9, rows in pieces: the normal equations would lose the second."""
    u = torch.linalg.qr(torch.randn(60, 2, dtype=torch.float64))[0]
    j = u @ torch.diag(torch.tensor([1.0, 1e-9], dtype=torch.float64))
    r = -(j @ torch.ones(2, dtype=torch.float64))
    factor, projected, _ = triangular_factor(pieces(j, r, 4), 2)
    delta = Triangular(factor, projected, r, lambda w: j.mT @ w).solve(0.0, r)
    torch.testing.assert_close(delta, torch.ones(2, dtype=torch.float64), rtol=1e-6, atol=0)  # 1e-16 / 1e-9


def test_no_rows_are_refused():
    with pytest.raises(ValueError, match="no rows"):
        triangular_factor(iter(()), 3)
