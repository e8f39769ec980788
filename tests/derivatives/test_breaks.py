"""Jumps and kinks along lines."""

import pytest
import torch

from pinn.derivatives.breaks import largest_break

LINE = torch.tensor([[0.0, 1.0]], dtype=torch.float64), torch.tensor([[200.0, 1.0]], dtype=torch.float64)


@pytest.mark.parametrize(
    ("f", "order", "place", "size"),
    [
        (lambda x: torch.where(x[:, 0] < 50, 1.0, 3.0), 0, 50.0, 1.0),
        (lambda x: torch.relu(x[:, 0] - 100), 1, 100.0, 1.0),  # slope 100 in [-1, 1] over a range of 100
        (lambda x: torch.relu(x[:, 0] - 30) ** 2, 2, 30.0, 2 * 100**2 / 170**2),
    ],
)
def test_the_order_place_and_size_of_a_break(f, order, place, size):
    found = largest_break(f, *LINE, orders=3)
    assert found.order == order
    assert found.place == pytest.approx((place, 1.0), abs=1e-6)  # 200 / 256 / 2^24 is 5e-8
    assert found.size == pytest.approx(size, rel=0.01)  # the range is that of the nodes, half a cell short


@pytest.mark.parametrize(
    "f",
    [
        lambda x: torch.sin(x[:, 0] / 3),
        lambda x: torch.tanh((x[:, 0] - 77) / 1e-5),  # steep, and smooth
        lambda x: torch.relu(x[:, 0] - 30) ** 3,
        lambda x: 0 * x[:, 0] + 3,
        lambda x: torch.where(x[:, 0] < 50, 3.0, 3.0 + 1e-15),  # rounding of a constant
    ],
)
def test_a_smooth_function_has_none(f):
    assert largest_break(f, *LINE, orders=2) is None


def test_a_kink_of_little_size_on_one_of_many_lines():
    """A hundredth of the slope, where only one of two lines meets it."""
    start = torch.tensor([[0.0, 0.0], [0.0, 1.0]], dtype=torch.float64)
    end = torch.tensor([[1.0, 0.0], [1.0, 1.0]], dtype=torch.float64)
    found = largest_break(lambda x: torch.sin(x[:, 0]) + 1e-2 * x[:, 1] * (x[:, 0] - 0.7).abs(), start, end, orders=2)
    assert found.order == 1
    assert found.place == pytest.approx((0.7, 1.0), abs=1e-6)


def test_what_is_not_finite_has_none():
    assert largest_break(lambda x: x[:, 0] / 0.0, *LINE, orders=2) is None
    assert largest_break(lambda x: 0 * x[:, 0], *LINE, orders=2) is None
