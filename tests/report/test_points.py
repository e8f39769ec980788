"""Which points the picture of the points shows."""

import torch

from pinn.domains import Box, Region
from pinn.report.points import SHOWN, thinned
from pinn.sampling import SobolSampler


def test_the_points_that_are_shown_fill_the_domain():
    generator = torch.Generator().manual_seed(0)
    points = SobolSampler(interior=8 * SHOWN).draw(Box(x=(-1, 1), y=(-1, 1)), Region(), generator)
    x = points.x.numpy()[thinned(len(points))]
    assert len(x) == SHOWN
    quarters = [((x * signs) > 0).all(1).mean() for signs in ([1, 1], [1, -1], [-1, 1], [-1, -1])]
    assert min(quarters) > 0.2  # a quarter each; the standard deviation at random is 0.01
