"""Least squares by a factor in single precision: as exact as in double precision, and refused near deficient rank."""

import pytest
import torch

from pinn.linear_algebra.mixed import FEW, NearTriangle
from pinn.linear_algebra.truncated import Triangle


def drawn(smallest: float, columns: int = FEW + 44) -> tuple[torch.Tensor, torch.Tensor]:
    """J with singular values from 1 to `smallest`, and w."""
    torch.manual_seed(0)
    q, _ = torch.linalg.qr(torch.randn(2 * columns, columns, dtype=torch.float64))
    v, _ = torch.linalg.qr(torch.randn(columns, columns, dtype=torch.float64))
    j = q * torch.logspace(0.0, smallest, columns, dtype=torch.float64) @ v.mT
    return j, torch.randn(2 * columns, dtype=torch.float64)


@pytest.mark.parametrize("smallest", [-1.0, -3.0])
def test_the_solution_is_that_in_double_precision(smallest):
    j, w = drawn(smallest)
    triangle, exact = Triangle(j, w, 0.0, single=True), torch.linalg.lstsq(j, -w.unsqueeze(1)).solution.squeeze(1)
    assert triangle.is_near
    assert float((triangle.solution - exact).norm() / exact.norm()) < 1e-10  # 1e-16 times the condition number, squared
    again, other = torch.linalg.lstsq(j, -(w**2).unsqueeze(1)).solution.squeeze(1), triangle.again(w**2)
    assert float((other - again).norm() / again.norm()) < 1e-10


def test_what_is_close_to_a_deficient_rank_is_refused():
    j, w = drawn(-9.0)
    assert NearTriangle.in_single_precision(j) is None
    assert not Triangle(j, w, 0.0, single=True).is_near
    assert NearTriangle.in_single_precision(drawn(-1.0)[0][:, : FEW - 1]) is None  # too few columns to pay


@pytest.mark.parametrize("change", [0.0, 1e-3])
def test_a_triangle_of_before_does_for_nearly_the_same_matrix(change):
    j, w = drawn(-1.0)
    before = Triangle(j, w, 0.0)
    assert not before.is_near
    other = j * (1.0 + change * torch.randn_like(j))
    near, exact = Triangle(other, w, 0.0, before=before), torch.linalg.lstsq(other, -w.unsqueeze(1)).solution.squeeze(1)
    assert near.is_near
    assert near.factor is before.factor or bool((near.factor == before.factor).all())
    assert float((near.solution - exact).norm() / exact.norm()) < 1e-10


def test_a_triangle_of_another_matrix_is_left():
    j, w = drawn(-1.0)
    torch.manual_seed(1)
    other = torch.randn_like(j)
    found, exact = Triangle(other, w, 0.0, before=Triangle(j, w, 0.0)), torch.linalg.lstsq(other, -w.unsqueeze(1))
    assert not found.is_near
    assert float((found.solution - exact.solution.squeeze(1)).norm()) < 1e-10


def test_a_triangle_keeps_its_own_matrix():
    j, w = drawn(-1.0)
    triangle, v = Triangle(j, w, 0.0), torch.ones(j.shape[1], dtype=torch.float64)
    forward, adjoint = j @ v, j.mT @ w
    j.zero_()  # the memory of J is written to again
    assert torch.allclose(triangle.forward(v), forward, atol=1e-12)
    assert torch.allclose(triangle.adjoint(w), adjoint, atol=1e-12)
