"""The sizes of a problem's fields and equations, and what follows from them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from pinn.basis.errors import require

SCALINGS = ("auto", "none")
FIELD, EQUATION = 30.0, 100.0  # where no size of a problem is so far from one, all are left as they are
ONE = 0.3, 3.0  # sizes in between count as one beside others that are far from it


@dataclass(frozen=True)
class Sizes:
    """Fields u = shift + size v and residuals r = size s with v and s of order one, where they differ from u and r.

    fields: name -> (shift, size), in the field's unit. equations: block of the residual -> size, in the equation's.
    own: block -> the weight of s where none is given, 1 where not named.
    """

    fields: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    equations: Mapping[str, float] = field(default_factory=dict)
    own: Mapping[str, float] = field(default_factory=dict)

    def weights(self, given: Mapping[str, float] | None) -> dict[str, float]:
        """The weights of the mean squares of r that mean what the given ones do for those of s.

        given: by block or term, `own` where not named.
        """
        weights = dict(given or {})
        for block, size in self.equations.items():
            own = self.own.get(block, 1.0)
            weights[block] = weights.get(block, weights.get(block.partition(".")[0], own)) / size**2
        return weights

    def told(self, silent: tuple[str, ...] = ()) -> str:
        """In one line, empty where all are one. silent: terms that are not told, such as those that hold exactly."""
        told = [f"{name} {_told(*pair)}" for name, pair in self.fields.items()]
        rows = [f"{b} {s:.0e}" for b, s in self.equations.items() if b.partition(".")[0] not in silent]
        parts = [", ".join(told), f"equations: {', '.join(rows)}" if rows else ""]
        return "; ".join(part for part in parts if part)


def _told(shift: float, size: float) -> str:
    return f"{shift:.4g} +- {size:.3g}" if shift else f"{size:.3g}"


def rounded(size: float) -> float:
    """The power of ten next to a size; 1 where that means nothing."""
    if not (0 < size < math.inf) or ONE[0] <= size <= ONE[1]:
        return 1.0
    return 10.0 ** round(math.log10(size))


def is_far(size: float, factor: float) -> bool:
    """Whether a size is more than a factor from one; not where it means nothing."""
    return 0 < size < math.inf and not 1 / factor <= size <= factor


def check_choice(scaling: str) -> None:
    """Raises UserError for anything but `auto` and `none`."""
    require(scaling in SCALINGS, f"scaling must be one of {', '.join(SCALINGS)}, got {scaling!r}")
