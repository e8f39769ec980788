"""The corners of a box, of which there are 2^d."""

from collections.abc import Iterable
from itertools import product

import numpy as np
from numpy.typing import NDArray

MOST = 1024


def corners(intervals: Iterable[tuple[float, float]]) -> NDArray[np.float64]:
    """The corners (k, d) of a box; of more than 1024 so many, the same at each call."""
    ends = np.array(list(intervals), dtype=np.float64)  # (d, 2)
    d = len(ends)
    if 2**d <= MOST:
        return np.array(list(product(*ends)))
    return np.where(np.random.default_rng(0).integers(2, size=(MOST, d)) == 1, ends[:, 1], ends[:, 0])
