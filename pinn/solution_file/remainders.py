"""What conditions leave place by place, and what was observed where: columns of a solution file's /diagnosis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEFT, OBSERVED, VALUES = "conditions", "observed", "values"  # /diagnosis/conditions/walls/values, .../x


@dataclass(frozen=True)
class Remainder:
    """Of a term's block what it leaves (n,) at places, coordinate -> (n,); or of a field what was observed there."""

    name: str
    places: Mapping[str, NDArray[np.float64]]
    values: NDArray[np.float64]
    is_observed: bool = False

    @classmethod
    def joined(cls, parts: Sequence[Remainder]) -> Remainder:
        """Those of several windows of time as one."""
        first = parts[0]
        places = {name: np.concatenate([part.places[name] for part in parts]) for name in first.places}
        return cls(first.name, places, np.concatenate([part.values for part in parts]), first.is_observed)

    def thinned(self, most: int) -> Remainder:
        """At so many places at most, taken evenly."""
        step = -(-len(self.values) // most)
        places = {name: column[::step] for name, column in self.places.items()}
        return Remainder(self.name, places, self.values[::step], self.is_observed)


def columns_of(remainders: Sequence[Remainder]) -> dict[str, NDArray[np.float64]]:
    """For /diagnosis of the solution file."""
    told: dict[str, NDArray[np.float64]] = {}
    for one in remainders:
        folder = f"{OBSERVED if one.is_observed else LEFT}/{one.name}"
        told |= {f"{folder}/{name}": column for name, column in one.places.items()}
        told[f"{folder}/{VALUES}"] = one.values
    return told


def remainders_in(diagnosis: Mapping[str, NDArray], kind: str) -> list[Remainder]:
    """Those of a kind, `LEFT` or `OBSERVED`, from /diagnosis."""
    found: dict[str, dict[str, NDArray]] = {}
    for key, column in diagnosis.items():
        if key.startswith(f"{kind}/"):
            name, _, part = key.removeprefix(f"{kind}/").rpartition("/")
            found.setdefault(name, {})[part] = column
    return [
        Remainder(name, {part: c for part, c in columns.items() if part != VALUES}, columns[VALUES], kind == OBSERVED)
        for name, columns in found.items()
    ]
