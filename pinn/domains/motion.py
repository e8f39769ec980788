"""Domains on a course: a shape whose placement is a function of time."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from pinn.basis.errors import UserError, require
from pinn.domains.base import Domain, box_around
from pinn.domains.box import Time
from pinn.domains.charts import Chart, Placed, product
from pinn.domains.checks import checked_center
from pinn.domains.rules import grid
from pinn.domains.similarity import Similarity, plane_rotations

INSTANTS = 4097  # at which a course is looked at


class Moving(Domain):
    """A rigid shape, turned and shifted as time goes on: x = c + R(angle(t)) (y - c) + shift(t).

    shift: coordinate -> torch function of the time (n,), nothing for those that stay. angle: likewise (radians), of a
    rotation in the plane about the point c = `about` of the shape.

    Its sides are those of the shape, and the start and end of time. Points are uniform in space and time; normals and
    measures of the shape's sides are those of space at each instant (dS dt), so that a Neumann condition means what it
    says. Raises UserError where a course is not finite or names no coordinate.
    """

    time: str
    moves = True

    def __init__(
        self,
        shape: Domain,
        interval: Time,
        shift: Mapping[str, Callable],
        angle: Callable | None = None,
        about: Sequence[float] | None = None,
    ) -> None:
        require(isinstance(interval, Time), f"a domain moves in time, Time(t=(0, 1)), got {interval!r}")
        names = shape.coordinates
        require(shape.space_coordinates == names, "a domain with time or parameters cannot be set in motion")
        require(interval.time not in names, f"the shape has a coordinate {interval.time}; rename the time")
        unknown = [name for name in shift if name not in names]
        require(not unknown, f"cannot shift {', '.join(unknown)}; the coordinates are {', '.join(names)}")
        require(angle is None or len(names) == 2, "a course turns in the plane only; leave out angle")
        self.shape, self.interval, self.shift, self.angle = shape, interval, dict(shift), angle
        self.coordinates, self.time = names + interval.coordinates, interval.time
        self.about = checked_center(about, len(names))
        for name in ("angle", *names):
            finite = np.isfinite(self._course(name, self._instants)).all()
            require(bool(finite), f"the course of {name} must be finite at all times")

    @cached_property
    def bounds(self) -> dict[str, tuple[float, float]]:
        """From the corners of the shape's bounding box at 4,097 instants."""
        corners = grid(*self.shape.bounds.values())
        every = np.repeat(corners, len(self._instants), axis=0)
        images = self._outwards(every, np.tile(self._instants, len(corners)))
        return box_around(self.shape.coordinates, images) | self.interval.bounds

    @cached_property
    def sides(self) -> tuple[str, ...]:
        return self.shape.sides + self.interval.sides

    @property
    def candidate_sides(self) -> tuple[str, ...]:
        return self.shape.candidate_sides + self.interval.sides

    def contains(self, x: NDArray[np.float64]) -> NDArray[np.bool_]:
        return self.shape.contains(self._back(x)) & self.interval.contains(x[:, -1:])

    def distance(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        return self.shape.distance(self._back(x))

    def _interior_chart(self) -> Chart:
        return self._moved(self.shape.interior_chart, self.interval.interior_chart)

    def _side_chart(self, side: str) -> Chart:
        if side in self.interval.sides:
            return self._moved(self.shape.interior_chart, self.interval.side_chart(side))
        return self._moved(self.shape.side_chart(side), self.interval.interior_chart)

    def at(self, t: float) -> Domain:
        t_ = np.array([float(t)])
        shift = np.array([self._course(name, t_)[0] for name in self.shape.coordinates])
        rotation = self._rotations(t_)[0]
        return self.shape.placed(Similarity(1.0, rotation, self.about - rotation @ self.about + shift))

    @property
    def _instants(self) -> NDArray[np.float64]:
        return np.linspace(*self.interval.bounds[self.time], INSTANTS)

    def _moved(self, shape: Chart, interval: Chart) -> Chart:
        def place(at: Placed) -> Placed:
            t = at.x[:, -1]
            x = np.column_stack([self._outwards(at.x[:, :-1], t), t])
            if at.normal is None:
                return Placed(x, None, at.kept)
            turned = np.einsum("nij,nj->ni", self._rotations(t), at.normal[:, :-1])
            return Placed(x, np.column_stack([turned, at.normal[:, -1]]), at.kept)

        return product(shape, interval, np.arange(len(self.coordinates))).mapped(place)

    def _outwards(self, y: NDArray[np.float64], t: NDArray[np.float64]) -> NDArray[np.float64]:
        """Points of the shape (n, d) where they are at times t (n,)."""
        turned = np.einsum("nij,nj->ni", self._rotations(t), y - self.about)
        return self.about + turned + self._shifts(t)

    def _back(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """The points of the shape (n, d) that are at x (n, d + 1), space and time."""
        offset = x[:, :-1] - self._shifts(x[:, -1]) - self.about
        return self.about + np.einsum("nji,nj->ni", self._rotations(x[:, -1]), offset)

    def _shifts(self, t: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.stack([self._course(name, t) for name in self.shape.coordinates], axis=1)

    def _rotations(self, t: NDArray[np.float64]) -> NDArray[np.float64]:
        """R (n, d, d) at times t (n,)."""
        d = len(self.shape.coordinates)
        if self.angle is None:
            return np.broadcast_to(np.eye(d), (len(t), d, d))
        return plane_rotations(self._course("angle", t))

    def _course(self, name: str, t: NDArray[np.float64]) -> NDArray[np.float64]:
        """The shift of a coordinate, or the angle, at times t (n,)."""
        function = self.angle if name == "angle" else self.shift.get(name)
        if function is None:
            return np.zeros(len(t))
        try:
            values = torch.as_tensor(function(torch.as_tensor(t)), dtype=torch.float64)
            return np.broadcast_to(values.numpy(), t.shape)
        except (TypeError, ValueError, RuntimeError) as error:
            raise UserError(f"the course of {name} must be a torch function of the times (n,): {error}") from error
