"""Grids of which a part is outside: the border is where the domain's is, not along the cells."""

import numpy as np
import pytest

from pinn.report.fineness import finely

X, Y = np.meshgrid(np.linspace(0, 2, 41), np.linspace(-0.5, 0.5, 41))
RADIUS = 0.2  # 4 nodes across, 8 up
BEYOND = RADIUS - np.hypot(X - 1, Y)
VALUES = np.where(BEYOND <= 0, X + Y, np.nan)


@pytest.mark.parametrize(("beyond", "nodes"), [(BEYOND, 0.1), (None, 0.6)], ids=["known", "from the steps"])
def test_a_round_hole_is_round(beyond, nodes):
    fine = finely(VALUES, beyond)
    x, y = np.meshgrid(np.linspace(0, 2, fine.shape[1]), np.linspace(-0.5, 0.5, fine.shape[0]))
    away = np.abs(np.hypot(x - 1, y) - RADIUS)
    wrong = np.isfinite(fine) != (np.hypot(x - 1, y) >= RADIUS)
    assert away[wrong].max() < nodes * 0.05  # of nodes 0.05 apart; with the grid's steps it is 0.7 of that
    assert np.isfinite(fine)[[0, -1]].all()  # the outer border is whole
    far = np.hypot(x - 1, y) > RADIUS + 0.1
    np.testing.assert_allclose(fine[far], (x + y)[far], atol=1e-12)  # linear between nodes


def test_a_grid_that_is_all_inside_is_as_it_was():
    assert finely(X) is X
    nothing = np.full((3, 4), np.nan)
    assert finely(nothing) is nothing
