"""Domains on a course, and domains that are images of a box."""

from math import pi

import numpy as np
import torch
from shapes import domain, polar, uniform

from pinn.domains import Box, Disc, Mapped, Time


def test_a_disc_is_where_its_course_says():
    shape = domain("disc on a course")
    x = shape.interior(2000, uniform(0))
    offset = x[:, :2] - np.stack([np.sin(x[:, 2]), x[:, 2] ** 2], axis=1)
    radius = np.linalg.norm(offset, axis=1)
    assert radius.max() <= 1
    np.testing.assert_allclose(shape.distance(x), radius - 1, atol=1e-12)
    x, normal = shape.boundary("disc", 500, uniform(1))
    np.testing.assert_allclose(normal[:, :2], x[:, :2] - np.stack([np.sin(x[:, 2]), x[:, 2] ** 2], axis=1), atol=1e-12)
    assert (normal[:, 2] == 0).all()  # in space, not in space and time
    assert shape.bounds["y"] == (-1, 5)


def test_the_domain_at_an_instant():
    shape, t = domain("turning square"), 1.7
    frozen = shape.at(t)
    assert frozen.coordinates == ("x", "y")
    x = 4 * uniform(2)(500, 2) - 3
    np.testing.assert_array_equal(frozen.contains(x), shape.contains(np.column_stack([x, np.full(500, t)])))
    channel = domain("channel less a moving disc").at(0.5)
    assert channel.sides == ("x.min", "x.max", "y.min", "y.max", "disc")
    assert not channel.contains(np.array([[1.0, 0.5]]))[0]


def test_a_corner_turns_about_its_point():
    """The square's corner (0, 0), turned by a half about (1, 0) and shifted by -t, is at (2 - t, 0)."""
    shape = Box(x=(0, 1), y=(0, 1)).moving(Time(t=(0, 2)), angle=lambda t: pi * t, about=(1, 0), x=lambda t: -t)
    assert shape.contains(np.array([[2 - 1.0 - 1e-9, -1e-9, 1.0]]))[0]
    assert not shape.contains(np.array([[2 - 1.0 + 1e-6, -1e-9, 1.0]]))[0]


def test_a_course_may_stand_still():
    shape = Disc().moving(Time(t=(0, 1)))
    assert shape.contains(np.array([[0.5, 0.5, 0.5], [0.9, 0.9, 0.5]])).tolist() == [True, False]
    assert shape.space_coordinates == ("x", "y")


def test_preimages_across_the_seam_and_at_the_center():
    shape = domain("mapped disc")
    angle = np.linspace(-1e-3, 1e-3, 11)
    near_seam = 0.5 * np.column_stack([np.cos(angle), np.sin(angle)])
    assert shape.contains(near_seam).all()
    assert shape.contains(1e-5 * near_seam).all()
    np.testing.assert_allclose(shape.distance(near_seam), -0.5, atol=1e-12)
    assert not shape.contains(2.1 * near_seam).any()


def test_normals_where_the_map_shears():
    """x = a + b, y = b: the image of the side a = 1 has the direction (1, 1) and the normal (1, -1) / sqrt 2."""
    shape = Mapped(lambda a, b: (a + b, b), Box(a=(0, 1), b=(0, 1)))
    _, normal = shape.boundary("a.max", 10, uniform(3))
    np.testing.assert_allclose(normal, np.tile([0.5**0.5, -(0.5**0.5)], (10, 1)), atol=1e-12)


def test_a_map_that_turns_the_plane_over():
    """det J < 0: normals still point out."""
    shape = Mapped(lambda a, r: polar(r, a), Box(a=(0, 2 * pi), r=(1, 2)), closed=("a",))
    x, normal = shape.boundary("r.min", 20, uniform(4))
    np.testing.assert_allclose(normal, -x, atol=1e-12)


def test_bounds_of_a_map():
    shape = Mapped(lambda a, b: (a, b + torch.sin(pi * a)), Box(a=(0, 1), b=(0, 1)))
    np.testing.assert_allclose(list(shape.bounds.values()), [(0, 1), (0, 2)], atol=1e-9)
