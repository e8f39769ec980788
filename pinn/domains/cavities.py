"""Holes of a domain, and functions that resolve what is around them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from operator import add

from pinn.derivatives.jets import Values


@dataclass(frozen=True)
class Cavity:
    """What is cut out of a domain's inside. center: by coordinate; radius: of the largest ball about it in the hole."""

    center: Mapping[str, float]
    radius: float

    @property
    def count(self) -> int:
        """How many functions there are of it."""
        return len(self.center) + 1

    def functions(self, columns: Mapping[str, Values]) -> list[Values]:
        """The place inverted in the hole's sphere, r (x - c) / |x - c|^2 (Kelvin's transform), and log |x - c| / r - 1.

        Smooth outside the hole, of the size of 1, and all but constant far from it: polynomials of them are multipoles.
        columns: values by coordinate.
        """
        away = {name: columns[name] - c for name, c in self.center.items()}
        square = reduce(add, (d**2 for d in away.values()))
        return [*(self.radius * d / square for d in away.values()), 0.5 * (square / self.radius**2).log() - 1.0]
