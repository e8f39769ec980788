"""Grids of which a part is outside: the border is where the domain's is, not along the cells."""

import functools

import h5py
import numpy as np
import pytest
from fields import Fields

from pinn.domains import Box, Disc, Time
from pinn.networks import MLP
from pinn.report.fineness import finely
from pinn.solution import Output, Solution
from pinn.solution_file.reading import read
from pinn.trial.making import make_trial

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


def test_a_moving_domain_writes_how_far_nodes_are_beyond_its_border(tmp_path):
    time = Time(t=(0, 1))
    disc = Disc((0, 0), 0.3).moving(time, x=lambda t: 0.2 * t)
    trial = make_trial(Fields(Box(x=(-1, 1), y=(-1, 1)) * time - disc), functools.partial(MLP, width=4, depth=1))
    path = Solution(trial, output=Output(resolution=9)).save(tmp_path / "solution.h5")
    nodes = read(path).nodes
    x, y, t = nodes.points(("x", "y", "t")).T
    beyond = np.maximum(0.3 - np.hypot(x - 0.2 * t, y), np.maximum(abs(x), abs(y)) - 1)
    np.testing.assert_allclose(nodes.beyond.ravel(), beyond, atol=1e-6)  # in single precision
    clear = abs(beyond) > 1e-6
    assert np.array_equal(nodes.inside.ravel()[clear], beyond[clear] < 0)
    with h5py.File(path, "r+") as file:
        del file["beyond"]  # as of files that were written before
    assert read(path).nodes.beyond is None
