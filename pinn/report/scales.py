"""Color scales of maps, made for color-blind readers."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from matplotlib.colors import Normalize, SymLogNorm
from numpy.typing import NDArray

SEQUENTIAL = "viridis"
DIVERGING = "RdBu_r"
DEVIATION = "PuOr_r"
"""Color maps that color-blind readers can tell apart; errors have one of their own."""

DECADES = 2
"""Whole decades of the symmetric logarithmic scale of errors and residuals on either side of zero."""


@dataclass(frozen=True)
class Scale:
    """A color map and its norm. tips: at which ends values lie beyond it, `neither`, `min`, `max` or `both`."""

    colors: str
    norm: Normalize
    tips: str = "neither"


TIPS = {(False, False): "neither", (True, False): "min", (False, True): "max", (True, True): "both"}
FEW, NARROW = 1e-3, 1e-2
"""The share of the values that may be a singularity's at either end, and how much the others span of all at least."""


def field_scale(*arrays: NDArray) -> Scale:
    """One scale for all the arrays: symmetric about zero where they take both signs."""
    lowest, highest = typical_range(*arrays)
    if lowest < 0 < highest and min(-lowest, highest) > 0.05 * max(-lowest, highest):
        highest = max(-lowest, highest)
        lowest, colors = -highest, DIVERGING
    else:
        colors = SEQUENTIAL
    smallest, largest = finite_range(*arrays)
    tips = TIPS[smallest < lowest, largest > highest]
    if lowest == highest:
        highest = lowest + (abs(lowest) or 1.0)
    return Scale(colors, Normalize(lowest, highest), tips)


def deviation_scale(*arrays: NDArray) -> Scale:
    """A symmetric logarithmic scale, linear near zero, for what should vanish."""
    largest = max(map(abs, finite_range(*arrays))) or 1.0
    linear = 10.0 ** (math.floor(math.log10(largest)) - DECADES)
    return Scale(DEVIATION, SymLogNorm(linthresh=linear, vmin=-largest, vmax=largest, base=10))


def typical_range(*arrays: NDArray) -> tuple[float, float]:
    """The finite range; without the few values at an end that lie farther from the others than these span.

    With them where the others span next to nothing: a narrow peak is all there is to see.
    """
    lowest, highest = finite_range(*arrays)
    inner = [np.quantile(array[np.isfinite(array)], (FEW, 1 - FEW)) for array in arrays if np.isfinite(array).any()]
    low, high = (min(a for a, _ in inner), max(b for _, b in inner)) if inner else (lowest, highest)
    span = high - low
    if span < NARROW * (highest - lowest):
        return lowest, highest
    return float(low if low - lowest > span else lowest), float(high if highest - high > span else highest)


def finite_range(*arrays: NDArray) -> tuple[float, float]:
    """The smallest and the largest finite value; zeros where there is none."""
    finite = np.concatenate([array[np.isfinite(array)] for array in arrays])
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
