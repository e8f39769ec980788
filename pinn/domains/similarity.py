"""Similarities: rotations, scalings and translations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Similarity:
    """x = factor Q y + shift with a rotation Q (d, d), a factor > 0 and a shift (d,)."""

    factor: float
    rotation: NDArray[np.float64]
    shift: NDArray[np.float64]

    @property
    def turns(self) -> bool:
        """Whether it is more than a scaling and a translation."""
        return bool((self.rotation != np.eye(len(self.shift))).any())

    def points(self, y: NDArray[np.float64]) -> NDArray[np.float64]:
        """The images of points (n, d)."""
        return self.factor * self.directions(y) + self.shift

    def directions(self, y: NDArray[np.float64]) -> NDArray[np.float64]:
        """Vectors (n, d), turned."""
        return y @ self.rotation.T if self.turns else y

    def back(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """The points (n, d) whose images are x."""
        y = (x - self.shift) / self.factor
        return y @ self.rotation if self.turns else y

    def after(self, first: Similarity) -> Similarity:
        """This one applied to the result of another."""
        return Similarity(self.factor * first.factor, self.rotation @ first.rotation, self.points(first.shift[None])[0])


def plane_rotations(angle: NDArray[np.float64]) -> NDArray[np.float64]:
    """The matrices (n, 2, 2) of rotations by angles (n,) in radians, counterclockwise."""
    rows = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    return np.moveaxis(np.array(rows), -1, 0)
