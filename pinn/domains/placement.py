"""Rotation, scaling and translation of domains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.transform import Rotation

from pinn.basis.errors import UserError, require
from pinn.domains.base import Domain, box_around, checked_length, checked_points, checked_vector
from pinn.domains.charts import Chart, Placed


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


def translation(coordinates: Sequence[str], by: Mapping[str, float]) -> Similarity:
    """A translation by numbers a coordinate; raises UserError for an unknown one."""
    unknown = [name for name in by if name not in coordinates]
    require(not unknown, f"cannot move along {', '.join(unknown)}; the coordinates are {', '.join(coordinates)}")
    shift = checked_vector("the translation", [by.get(name, 0.0) for name in coordinates], len(coordinates))
    return Similarity(1.0, np.eye(len(coordinates)), shift)


def turn(
    coordinates: Sequence[str], angle: float, about: Sequence[float] | None = None, axis: ArrayLike | None = None
) -> Similarity:
    """A rotation by `angle` (radians) about a point, in 3-D about an axis through it (d = 2 or 3)."""
    d = len(coordinates)
    require(d in (2, 3), f"rotations are of 2 or 3 coordinates, got {d}")
    angle = float(checked_vector("the angle", [angle], 1)[0])
    if d == 2:
        require(axis is None, "an axis is for rotations in three dimensions; leave it out")
        rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    else:
        if axis is None:
            raise UserError("a rotation in three dimensions needs an axis such as (0, 0, 1)")
        direction = checked_vector("the axis", axis, 3)
        require(bool(direction.any()), "the axis must not be zero")
        rotation = Rotation.from_rotvec(angle * direction / np.linalg.norm(direction)).as_matrix()
    center = np.zeros(d) if about is None else checked_vector("about", about, d)
    return Similarity(1.0, rotation, center - rotation @ center)


def scaling(coordinates: Sequence[str], factor: float, about: Sequence[float] | None = None) -> Similarity:
    """A scaling by a factor > 0 from a point that stays."""
    d = len(coordinates)
    factor = checked_length("the factor", factor)
    center = np.zeros(d) if about is None else checked_vector("about", about, d)
    return Similarity(factor, np.eye(d), (1 - factor) * center)


class Placement(Domain):
    """A shape rotated, scaled and moved: x = factor Q y + shift for its points y.

    The sides keep their names. Its bounds are those of the shape's bounding box, placed.
    """

    def __init__(self, shape: Domain, factor: float, rotation: ArrayLike, shift: ArrayLike) -> None:
        require(shape.time is None, "a domain with time cannot be placed; place its space, then multiply by Time")
        self.shape = shape
        d = len(shape.coordinates)
        turning = checked_points("rotation", rotation, d)
        orthogonal = turning.shape == (d, d) and np.allclose(turning @ turning.T, np.eye(d), atol=1e-12)
        require(orthogonal, "rotation must be an orthogonal matrix")
        self.similarity = Similarity(checked_length("factor", factor), turning, checked_vector("shift", shift, d))

    @property
    def coordinates(self) -> tuple[str, ...]:
        return self.shape.coordinates

    @property
    def bounds(self) -> dict[str, tuple[float, float]]:
        corners = np.stack(np.meshgrid(*self.shape.bounds.values(), indexing="ij"), axis=-1)
        images = self.similarity.points(corners.reshape(-1, len(self.coordinates)))
        return box_around(self.coordinates, images)

    @property
    def sides(self) -> tuple[str, ...]:
        return self.shape.sides

    @property
    def candidate_sides(self) -> tuple[str, ...]:
        return self.shape.candidate_sides

    def contains(self, x: NDArray[np.float64]) -> NDArray[np.bool_]:
        return self.shape.contains(self.similarity.back(x))

    def distance(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        return self.similarity.factor * self.shape.distance(self.similarity.back(x))

    def _interior_chart(self) -> Chart:
        return self._placed(self.shape.interior_chart, len(self.coordinates))

    def _side_chart(self, side: str) -> Chart:
        return self._placed(self.shape.side_chart(side), len(self.coordinates) - 1)

    def placed(self, similarity: Similarity) -> Domain:
        both = similarity.after(self.similarity)
        return Placement(self.shape, both.factor, both.rotation.tolist(), both.shift.tolist())

    def _placed(self, chart: Chart, dimension: int) -> Chart:
        to = self.similarity

        def place(at: Placed) -> Placed:
            return Placed(to.points(at.x), None if at.normal is None else to.directions(at.normal), at.kept)

        return chart.mapped(place, to.factor**dimension)
