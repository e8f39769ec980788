"""Rotation, scaling and translation of domains."""

from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pinn.basis.errors import require
from pinn.domains.base import Domain, box_around
from pinn.domains.charts import Chart, Placed
from pinn.domains.checks import checked_length, checked_points, checked_vector
from pinn.domains.rules import grid
from pinn.domains.similarity import Similarity


class Placement(Domain):
    """A shape rotated, scaled and moved: x = factor Q y + shift for its points y.

    The sides keep their names. Its bounds are those of the shape's bounding box, placed.
    """

    def __init__(self, shape: Domain, factor: float, rotation: ArrayLike, shift: ArrayLike) -> None:
        require(shape.time is None, "a domain with time cannot be placed; place its space, then multiply by Time")
        self.shape, self.coordinates = shape, shape.coordinates
        d = len(shape.coordinates)
        turning = checked_points("rotation", rotation, d)
        orthogonal = turning.shape == (d, d) and np.allclose(turning @ turning.T, np.eye(d), atol=1e-12)
        require(orthogonal, "rotation must be an orthogonal matrix")
        self.similarity = Similarity(checked_length("factor", factor), turning, checked_vector("shift", shift, d))

    @cached_property
    def bounds(self) -> dict[str, tuple[float, float]]:
        return box_around(self.coordinates, self.similarity.points(grid(*self.shape.bounds.values())))

    @cached_property
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
