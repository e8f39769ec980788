"""Corners of boxes of few and of many dimensions."""

import numpy as np

from pinn.basis.corners import MOST, corners


def test_all_of_few():
    assert corners([(0, 1), (2, 3)]).tolist() == [[0, 2], [0, 3], [1, 2], [1, 3]]
    assert len(np.unique(corners([(0, 1)] * 10), axis=0)) == 2**10


def test_some_of_many_the_same_each_time():
    found = corners([(-1.0, 2.0)] * 100)
    assert found.shape == (MOST, 100)
    assert set(np.unique(found)) == {-1.0, 2.0}
    assert np.array_equal(found, corners([(-1.0, 2.0)] * 100))
