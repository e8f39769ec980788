"""Which points the picture of the points shows."""

import numpy as np
import pytest
import torch

from pinn.domains import Box, Region
from pinn.report.points import SHOWN, room, spread, thinned
from pinn.sampling import SobolSampler


def test_the_points_that_are_shown_fill_the_domain():
    generator = torch.Generator().manual_seed(0)
    points = SobolSampler(interior=8 * SHOWN).draw(Box(x=(-1, 1), y=(-1, 1)), Region(), generator)
    x = points.x.numpy()[thinned(len(points))]
    assert len(x) == SHOWN
    quarters = [((x * signs) > 0).all(1).mean() for signs in ([1, 1], [1, -1], [-1, 1], [-1, -1])]
    assert min(quarters) > 0.2  # a quarter each; the standard deviation at random is 0.01


def test_no_arrow_reaches_another_side():
    """In a gap of 0.2 between two sides, and in a hole of that radius, half the room is taken."""
    along = np.linspace(0, 1, 101)
    sides = np.concatenate([np.column_stack([along, 0 * along]), np.column_stack([along, 0 * along + 0.2])])
    facing = np.repeat([[0.0, 1.0], [0.0, -1.0]], 101, axis=0)
    assert room(sides, facing)[[50, 151]] == pytest.approx(0.1)
    assert np.isinf(room(sides, -facing)).all()
    angle = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    circle = np.column_stack([np.cos(angle), np.sin(angle)])
    assert room(0.2 * circle, -circle) == pytest.approx(0.2)


def test_arrows_are_apart():
    points = np.random.default_rng(0).random((500, 2))
    chosen = points[spread(points, 0.1)]
    distance = np.hypot(*(chosen[:, None] - chosen[None]).transpose(2, 0, 1)) + np.eye(len(chosen))
    assert distance.min() >= 0.1
    assert np.hypot(*(points[:, None] - chosen[None]).transpose(2, 0, 1)).min(axis=1).max() < 0.1  # no gap is left
