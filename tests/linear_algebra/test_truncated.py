import pytest
import torch

from pinn.linear_algebra.truncated import (
    equilibrated_solution,
    nested_solutions,
    truncated_basis,
    truncated_solution,
)


def matrix(n: int, singular: list[float]) -> torch.Tensor:
    """(n, p) with these singular values."""
    u = torch.linalg.qr(torch.randn(n, len(singular), dtype=torch.float64)).Q
    v = torch.linalg.qr(torch.randn(len(singular), len(singular), dtype=torch.float64)).Q
    return u @ torch.diag(torch.tensor(singular, dtype=torch.float64)) @ v.mT


@pytest.mark.parametrize("n", [9, 4, 3])  # more rows than columns, as many, fewer
@pytest.mark.parametrize(("cutoff", "rank"), [(0.0, 4), (1e-5, 3), (1e-2, 2)])
def test_the_solution_is_that_of_the_pseudo_inverse(n, cutoff, rank):
    j = matrix(9, [3.0, 0.5, 1e-3, 1e-7])[:n] if n < 4 else matrix(n, [3.0, 0.5, 1e-3, 1e-7])
    w = torch.randn(n, dtype=torch.float64)
    delta, found = truncated_solution(j, w, cutoff)
    expected = -torch.linalg.pinv(j, rtol=cutoff) @ w
    if n >= 4:
        assert found == rank
    # rounding of the singular vectors (1e-16) over the smallest singular value kept, relative to the largest (3e-8)
    torch.testing.assert_close(delta, expected, rtol=0, atol=1e-8 * float(expected.norm()))


def test_directions_that_the_normal_equations_lose_are_resolved():
    """Singular values 1 and 1e-9: their squares are beyond float64's sixteen digits."""
    j = matrix(6, [1.0, 1e-9])
    delta, _ = truncated_solution(j, -(j @ torch.ones(2, dtype=torch.float64)), 1e-14)
    torch.testing.assert_close(delta, torch.ones(2, dtype=torch.float64), rtol=1e-6, atol=0)  # 1e-16 / 1e-9


def test_rounding_never_counts_as_a_direction():
    """Equal columns in float32: the second singular value is rounding, whatever the cutoff."""
    column = torch.randn(50, 1)
    delta, rank = truncated_solution(torch.cat([column, column], 1), -column[:, 0], 0.0)
    assert rank == 1
    torch.testing.assert_close(delta, torch.tensor([0.5, 0.5]), rtol=1e-5, atol=0)  # of least norm; float32


def test_a_column_in_another_unit_still_counts():
    """A column of 1e-20 is below rounding beside one of length 1, but not where each is scaled to its own length."""
    j = torch.randn(9, 3, dtype=torch.float64)
    units = torch.tensor([1.0, 1e-20, 1e20], dtype=torch.float64)
    expected = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
    delta, rank = equilibrated_solution(j * units, -(j @ expected), 1e-14)
    assert rank == 3
    torch.testing.assert_close(delta * units, expected, rtol=1e-12, atol=0)
    assert truncated_solution(j * units, -(j @ expected), 1e-14)[1] == 1


def test_a_column_of_zeros_is_left_alone():
    j = torch.cat([torch.ones(4, 1), torch.zeros(4, 1)], 1)
    delta, rank = equilibrated_solution(j, -torch.ones(4), 1e-6)
    assert rank == 1
    torch.testing.assert_close(delta, torch.tensor([1.0, 0.0]))


def test_the_basis_is_orthonormal_and_spans_the_columns_that_count():
    j = matrix(8, [2.0, 1.0, 1e-6])
    for cutoff, rank in ((1e-9, 3), (1e-3, 2)):
        q = truncated_basis(j, cutoff)
        assert q.shape == (8, rank)
        torch.testing.assert_close(q.mT @ q, torch.eye(rank, dtype=torch.float64), rtol=0, atol=1e-14)
        left_out = float(torch.linalg.matrix_norm(j - q @ (q.mT @ j), 2))
        assert left_out == pytest.approx({3: 0.0, 2: 1e-6}[rank], abs=1e-14)


def test_the_best_rank_on_fresh_rows_is_taken():
    """By hand over all ranks; noise in the fitted rows' last directions is left out."""
    j, fresh = matrix(30, [3.0, 1.0, 1e-2, 1e-4]), torch.randn(20, 4, dtype=torch.float64)
    w = torch.randn(4, dtype=torch.float64)
    r, fresh_r = -(j @ w) + 1e-3 * torch.randn(30, dtype=torch.float64), -(fresh @ w)
    left, best, full = nested_solutions(r, j, fresh_r, fresh)
    lengths = j.norm(dim=0)
    u, s, v = torch.linalg.svd(j / lengths, full_matrices=False)
    by_rank = [-(v[:k].mT @ ((u[:, :k].mT @ r) / s[:k])) / lengths for k in range(1, 5)]
    shares = [float((fresh_r + fresh @ each).norm() / fresh_r.norm()) for each in by_rank]
    assert left == pytest.approx(min(shares), rel=1e-8)
    torch.testing.assert_close(best, by_rank[shares.index(min(shares))], rtol=1e-7, atol=1e-9)
    torch.testing.assert_close(full, by_rank[-1], rtol=1e-5, atol=1e-7)
    assert shares.index(min(shares)) < 3  # the noise over the last singular value is 10 times w


def test_nothing_is_left_of_nothing():
    j = matrix(9, [1.0, 0.5])
    left, best, _ = nested_solutions(torch.zeros(9, dtype=torch.float64), j, torch.zeros(9, dtype=torch.float64), j)
    assert left == 0.0
    assert float(best.abs().max()) == 0.0
