"""Maps of grids of which a part is outside the domain: a smooth border instead of the grid's steps."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, gaussian_filter, zoom

PIXELS = 400
"""Along the shorter side of what is refined."""

ROUNDING = 1.5
"""Nodes over which the steps of a border are smoothed where only the steps are known."""

ON_BORDER = 1e-5
"""Of the largest distance, up to which a node of rounded numbers is on the border."""


def finely(values: NDArray, beyond: NDArray | None = None) -> NDArray:
    """A map (rows, columns) as it is; where a part has no finite values, on a finer grid with a smooth border.

    The finer grid has the same corners. Up to the border the nearest values go on, beyond it they are NaN.

    beyond: how far the nodes lie beyond the border, negative inside; without it the steps of the grid are smoothed.
    """
    inside = np.isfinite(values)
    if inside.all() or not inside.any() or min(values.shape) < 2:
        return values
    if beyond is None or not np.isfinite(beyond).all():
        beyond = smoothed(inside)
    nearest = distance_transform_edt(~inside, return_distances=False, return_indices=True)
    return np.where(refined(beyond) <= ON_BORDER * np.abs(beyond).max(), refined(values[tuple(nearest)]), np.nan)


def smoothed(inside: NDArray[np.bool_]) -> NDArray[np.float64]:
    """How far nodes lie beyond a border, by the share of those around them inside; which keeps as many inside."""
    share = gaussian_filter(inside.astype(np.float64), ROUNDING, mode="nearest")
    return np.asarray(np.quantile(share, 1 - inside.mean()) - share)


def refined(values: NDArray) -> NDArray[np.float64]:
    """Values on a finer grid, linearly between those of a grid."""
    factor = math.ceil(PIXELS / min(values.shape))
    scale = [((count - 1) * factor + 1) / count for count in values.shape]
    return np.asarray(zoom(values.astype(np.float64), scale, order=1, mode="nearest"))
