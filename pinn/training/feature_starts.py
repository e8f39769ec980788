"""Where a search of feature scales starts: at the network's own scale, and at what the data suggest."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

FARTHEST = 6.0  # factors range over 2^-6 ... 2^6
MARGIN = 1.2  # scale of the features over the highest wave of the data
BAND = 0.5  # half width of the band around a line of the data, over the network's scale
MOST_CENTERS = 8  # of bands; where lines of several coordinates make more, features are not drawn around them

FEW = -2.0  # power along coordinates of longer waves, for more features along the others

Powers = tuple[float, ...]  # one for each coordinate: the scale of its waves is multiplied by 2^power
Centers = tuple[tuple[float, ...], ...]  # of bands of waves, each of d numbers; none for one band at zero


@dataclass(frozen=True)
class Waves:
    """Wave numbers along one coordinate, in radians over half the length of the domain, as a network's inputs have it.

    highest: that up to which the data have almost all their power. lines: centers of narrow bands that have almost all
    of it; none where the spectrum is broad.
    """

    highest: float
    lines: tuple[float, ...] = ()


@dataclass(frozen=True)
class Start:
    """Where a search starts, and the centers of the bands, which stay."""

    powers: Powers
    centers: Centers = ()


def starts(scale: float, waves: Sequence[Waves | None]) -> tuple[list[Start], list[Start]]:
    """Those with all waves up to a highest, the network's own scale first, and those with bands around lines.

    Where the data have no higher waves than the network, its own scale is the only one. scale: of the network.
    """
    own = Start((0.0,) * len(waves))
    if all(w is None or w.highest <= scale for w in waves):
        return [own], []
    highest = tuple(0.0 if w is None else _power(MARGIN * w.highest / scale) for w in waves)
    lines = [[] if w is None else [line for line in w.lines if line > scale] for w in waves]
    narrow = tuple(math.log2(BAND) if line else power for line, power in zip(lines, highest, strict=True))
    made = [_centers([[*low, *line] if line else [0.0] for line in lines]) for low in ((), (0.0,))]
    kept = [centers for centers in made if any(lines) and len(centers) <= MOST_CENTERS]
    most = max(w.highest for w in waves if w is not None)
    few = tuple(
        power if w is not None and w.highest > most / 2 else FEW for power, w in zip(highest, waves, strict=True)
    )
    return [own, Start(highest), Start(few)], [Start(narrow, centers) for centers in kept]


def _centers(lines: Sequence[Sequence[float]]) -> Centers:
    """All combinations of lines of either sign; of two that differ in all signs one, for they are the same waves."""
    signed = [[sign * line for line in of for sign in ((1.0, -1.0) if line else (1.0,))] for of in lines]
    return tuple(c for c in itertools.product(*signed) if next((k for k in c if k), 0.0) >= 0)


def _power(ratio: float) -> float:
    return min(max(math.log2(ratio), -FARTHEST), FARTHEST)
