"""Samples of unknowns in a solution file: a column each of /diagnosis, and what is told of them."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

SAMPLED_BY, WORTH = "sampled_by", "sampled_worth"  # root attributes: text; how many independent draws they are worth
PREFIX = "samples_"  # begins the names of columns of /diagnosis
LOWER, UPPER = "sampled_lower_", "sampled_upper_"  # root attributes: ends of the interval of 95 %
ENDS = (0.025, 0.975)  # of the samples, below which that interval's lie
LEAST_DIGITS, MOST_DIGITS = 4, 10  # of the ends of an interval
APART, KNOWN = 0.3, 5.3  # standard errors between ends that differ: at least; twice what they are known to, sqrt(n)


def column_of(name: str) -> str:
    """The column of an unknown."""
    return PREFIX + name


def samples_in(diagnosis: Mapping[str, NDArray]) -> dict[str, NDArray]:
    """Unknown -> its samples (n,); none where there are none."""
    return {key.removeprefix(PREFIX): values for key, values in diagnosis.items() if key.startswith(PREFIX)}


def sampled_attributes(samples: Mapping[str, NDArray]) -> dict[str, float]:
    """The intervals of 95 % by samples, as root attributes."""
    told = {}
    for name, values in samples.items():
        told[LOWER + name], told[UPPER + name] = (float(end) for end in np.quantile(values, ENDS))
    return told


def interval(lower: float, upper: float) -> str:
    """`[1.1499, 1.1502]`: with digits that tell the ends apart, four at least."""
    size, width = max(abs(lower), abs(upper)), upper - lower
    apart = math.ceil(math.log10(size / width)) if 0 < width <= size < math.inf else 0
    digits = min(max(LEAST_DIGITS, apart + 2), MOST_DIGITS)
    return f"[{lower:.{digits}g}, {upper:.{digits}g}]"


def sampled_note(name: str, ends: tuple[float, float], attributes: Mapping[str, Any]) -> str:
    """What samples say of an unknown beside its interval by the linearization; empty without samples."""
    if LOWER + name not in attributes:
        return ""
    own = attributes[LOWER + name], attributes[UPPER + name]
    off = max(abs(a - b) for a, b in zip(own, ends, strict=True)) / ((ends[1] - ends[0]) / 4.0)
    apart = off > max(APART, KNOWN / float(attributes.get(WORTH, 1)) ** 0.5)
    note = f"; in {interval(*own)} by {attributes.get(SAMPLED_BY, 'samples')}"
    return note + (": not linear within its errors, the samples are right" if apart else ": as by the linearization")
