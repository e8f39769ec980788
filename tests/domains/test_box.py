import numpy as np
import pytest

from pinn.basis.errors import UserError
from pinn.domains import Box, Time


def draw(n, k):
    return np.random.default_rng(0).random((n, k))


@pytest.fixture
def domain():
    return Box(x=(-1, 1), y=(0, 3)) * Time(t=(2, 2.5))


def test_coordinates_bounds_and_sides(domain):
    assert domain.coordinates == ("x", "y", "t")
    assert domain.bounds == {"x": (-1, 1), "y": (0, 3), "t": (2, 2.5)}
    assert domain.sides == ("x.min", "x.max", "y.min", "y.max", "t.min", "t.max")
    assert domain.time == "t"
    assert Box(x=(0, 1)).time is None


def test_interior_fills_the_box(domain):
    x = domain.interior(4000, draw)
    for i, (lower, upper) in enumerate(domain.bounds.values()):
        # 4000 uniform points leave no gap of 1 % of the interval at either end, but with probability e^-40
        assert lower <= x[:, i].min() < lower + 0.01 * (upper - lower)
        assert upper - 0.01 * (upper - lower) < x[:, i].max() <= upper


@pytest.mark.parametrize(
    ("side", "column", "value", "sign"), [("x.min", 0, -1, -1), ("y.max", 1, 3, 1), ("t.min", 2, 2, -1)]
)
def test_a_side_lies_on_its_plane_and_its_normal_points_out(domain, side, column, value, sign):
    x, normal = domain.boundary(side, 50, draw)
    assert (x[:, column] == value).all()
    expected = np.zeros((50, 3))
    expected[:, column] = sign
    np.testing.assert_array_equal(normal, expected)
    assert len(np.unique(np.delete(x, column, 1))) == 100


def test_measures_of_sides(domain):
    assert domain.side_measure("x.min") == pytest.approx(1.5)
    assert domain.side_measure("t.min") == pytest.approx(6)
    assert Box(x=(0, 5)).side_measure("x.max") == 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Box(x=(1, 1)), r"bounds of x must satisfy lower < upper, got \(1.0, 1.0\)"),
        (lambda: Box(x=(0, float("inf"))), "bounds of x must be finite"),
        (lambda: Box(x=3), "x must be a pair"),
        (lambda: Box(), "at least one interval"),
        (lambda: Time(t=(0, 1), s=(0, 1)), "one interval"),
        (lambda: Box(x=(0, 1)) * Time(x=(0, 1)), "share the coordinate x"),
        (lambda: Box(x=(0, 1)) * 3, "multiplied by a domain only, got 3"),
        (lambda: Box(x=(0, 1)).boundary("y.min", 1, draw), "no side 'y.min'; the sides are x.min, x.max"),
    ],
)
def test_bad_input_is_explained(make, message):
    with pytest.raises(UserError, match=message):
        make()
