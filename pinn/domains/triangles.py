"""Triangles in space, (f, 3, 3) by their corners, and work on many of them part by part."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray


def scaled_normals(triangles: NDArray[np.float64]) -> NDArray[np.float64]:
    """The normals (f, 3), twice as long as the areas are large; outward where corners run counterclockwise."""
    return np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])


def enclosed_volume(triangles: NDArray[np.float64]) -> float:
    """The volume inside a closed surface by the divergence theorem, negative where normals point inwards."""
    return float(np.sum((triangles[:, 0] - triangles[0, 0]) * scaled_normals(triangles)) / 6)


def ranks(count: NDArray[np.intp]) -> NDArray[np.intp]:
    """0, 1, ... count_i - 1 for each i, one after the other."""
    return np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)


def parts(count: NDArray[np.intp], most: int) -> Iterator[slice]:
    """Consecutive parts of all i, each of which `count` sums to some `most`, or of one i that has more."""
    ends = np.cumsum(count)
    start = 0
    while start < len(count):
        stop = max(start + 1, int(np.searchsorted(ends, (ends[start - 1] if start else 0) + most)))
        yield slice(start, stop)
        start = stop
