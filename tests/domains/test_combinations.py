"""What combinations, products and placements do with names, coordinates and time."""

import numpy as np
import pytest
from shapes import domain, square_with_holes, uniform

from pinn.basis.rebuilding import rebuild
from pinn.domains import Ball, Box, Disc, Ellipse, Parameters, Polygon, Time


def test_parts_keep_their_names_and_equal_names_are_one_side():
    shape = square_with_holes()
    assert shape.sides == ("x.min", "x.max", "y.min", "y.max", "hole")
    x, normal = shape.boundary("hole", 4000, uniform(0))
    for center in ((0.3, 0.3), (-0.3, 0.3), (0.3, -0.3), (-0.3, -0.3)):
        own = np.linalg.norm(x - center, axis=1) < 0.15
        assert own.mean() == pytest.approx(0.25, abs=0.04)  # six standard deviations of 4,000 draws
        np.testing.assert_allclose(normal[own], -10 * (x[own] - center), atol=1e-12)  # into the hole


def test_a_shape_called_by_another_name():
    shape = Box(x=(0, 1), y=(0, 2)).named("walls")
    assert shape.sides == ("walls",)
    assert shape.is_box
    x, _ = shape.boundary("walls", 6000, uniform(1))
    for column, value, share in ((0, 0, 1 / 3), (0, 1, 1 / 3), (1, 0, 1 / 6), (1, 2, 1 / 6)):
        assert (x[:, column] == value).mean() == pytest.approx(share, abs=0.03)  # five standard deviations


def test_faces_that_are_glued_are_no_sides():
    shape = domain("two squares side by side")
    assert "x.max" not in shape.sides
    x, _ = shape.boundary("annex", 3000, uniform(2))
    assert (x[:, 0] > 1).mean() == 1


def test_a_side_that_two_parts_share_is_counted_once():
    shape = Box(x=(0, 2), y=(0, 1)) | Box(x=(1, 3), y=(0, 1)).named("other")
    assert shape.side_measure("y.min") == pytest.approx(2.0)
    assert shape.side_measure("other") == pytest.approx(3.0)  # the right end, and what is new above and below


def test_coordinates_are_of_space_then_parameters_then_time():
    shape = Disc() * Time(t=(0, 1)) * Parameters(nu=(1, 2))
    assert shape.coordinates == ("x", "y", "nu", "t")
    assert shape.time == "t"
    assert shape.parameters == ("nu",)
    assert shape.space_coordinates == ("x", "y")
    assert shape.sides == ("disc", "t.min", "t.max")
    x = shape.interior(1000, uniform(3))
    assert (x[:, 2] >= 1).all()
    start, normal = shape.boundary("t.min", 100, uniform(4))
    assert (start[:, 3] == 0).all()
    assert (normal == [0, 0, 0, -1]).all()
    rim, normal = shape.boundary("disc", 100, uniform(5))
    np.testing.assert_allclose(normal[:, :2], rim[:, :2], atol=1e-15)
    assert (normal[:, 2:] == 0).all()


def test_a_product_of_boxes_is_a_box():
    assert (Box(x=(0, 1)) * Time(t=(0, 1)) * Parameters(nu=(0, 1))).is_box
    assert not (Disc() * Time(t=(0, 1))).is_box


def test_points_of_a_product_are_drawn_together():
    """Two Sobol sequences side by side are correlated: space and time must come from one."""
    shape = Disc() * Time(t=(0, 1))
    drawn = []

    def draw(n, k):
        drawn.append(k)
        return uniform(0)(n, k)

    shape.interior(10, draw)
    assert drawn == [3]


def test_a_moved_box_is_a_box():
    moved = Box(x=(0, 1), y=(0, 2)).moved(x=3).scaled(2, about=(3, 0))
    assert moved.is_box
    assert moved.bounds == {"x": (3, 5), "y": (0, 4)}
    assert Ball((1, 0, 0)).rotated(np.pi / 2, axis=(0, 0, 1)).bounds["y"] == pytest.approx((0, 2))


def test_placements_follow_one_another():
    """Scaling, then turning by a right angle, then moving: a point goes where each takes it."""
    shape = Ellipse((1, 0), (0.5, 0.25)).scaled(2).rotated(np.pi / 2).moved(y=1)
    x = np.array([[0.0, 3.0], [0.0, 4.0], [0.5, 3.0]])  # the center, and the ends of the half axes
    np.testing.assert_allclose(shape.distance(x), [-0.5, 0, 0], atol=1e-12)


def test_a_combination_is_placed_part_by_part():
    shape = domain("crescent").rotated(0.5).moved(x=2)
    assert shape.sides == ("disc", "bite")
    assert shape.measure == pytest.approx(domain("crescent").measure)
    x = domain("crescent").interior(100, uniform(6))
    turned = x @ np.array([[np.cos(0.5), np.sin(0.5)], [-np.sin(0.5), np.cos(0.5)]]) + [2, 0]
    assert shape.contains(turned).all()


def test_a_domain_at_an_instant():
    assert domain("crescent in time").at(0.3).coordinates == ("x", "y")
    assert (Disc() * Time(t=(0, 1)) * Parameters(nu=(1, 2))).at(0.0).coordinates == ("x", "y", "nu")


def test_the_same_seed_gives_the_same_points():
    for name in ("square with holes", "bitten ball", "crescent in time"):
        first, second = (domain(name).interior(500, uniform(7)) for _ in range(2))
        np.testing.assert_array_equal(first, second)


def test_few_points_more_points_and_none():
    for n in (0, 1, 7):
        assert domain("bitten ball").interior(n, uniform(8)).shape == (n, 3)
        assert domain("disc").interior(n, uniform(8)).shape == (n, 2)


@pytest.mark.parametrize(
    "shape",
    [
        Box(x=(0, 1), y=(0, 2)) * Time(t=(0, 1)),
        Box(x=(0, 1), y=(0, 2)).rotated(0.3) - Disc((0.5, 0.5), 0.1, name="hole"),
        Polygon([(0, 0), (1, 0), (0, 1)], edges=("a", "b", "c")).named("rim"),
    ],
)
def test_a_domain_is_rebuilt_from_its_configuration(shape):
    again = rebuild(shape.configuration)
    assert type(again) is type(shape)
    assert again.sides == shape.sides
    np.testing.assert_array_equal(again.interior(20, uniform(9)), shape.interior(20, uniform(9)))
