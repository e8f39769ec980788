"""What is known of a solution, at the points where it is compared."""

from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from pinn.problem import Problem

CHUNK = 8192
"""Points at which the truth is asked for at once: a quadrature may hold hundreds of values for each."""

KEPT = 2**20
"""Values of the truth that are kept, so that a run's errors are measured on those of its file."""


class Truth:
    """A problem's exact or reference solution at points (n, d). chunk: how many at once, at most."""

    def __init__(self, problem: Problem, chunk: int | None = None) -> None:
        self.problem = problem
        self.chunk = min(chunk or CHUNK, CHUNK)
        self._kept: dict[bytes, dict[str, NDArray]] = {}

    def at(self, points: NDArray, of: int) -> dict[str, NDArray]:
        """Field -> (n,). of: so many points in all; those of a small file are computed once."""
        if of > KEPT:
            return self._computed(points)
        key = blake2b(points.tobytes()).digest()
        if key not in self._kept:
            self._kept[key] = self._computed(points)
        return self._kept[key]

    def _computed(self, points: NDArray) -> dict[str, NDArray]:
        starts = range(0, len(points), self.chunk)
        pieces = [self.problem.truth(points[start : start + self.chunk]) or {} for start in starts]
        return {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}
