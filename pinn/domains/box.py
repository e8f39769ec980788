"""Boxes with named sides, time, and their product."""

import math

import numpy as np

from pinn.domains.base import Domain, Draw
from pinn.errors import UserError, require


def _check_interval(name: str, interval: object) -> tuple[float, float]:
    try:
        lower, upper = (float(end) for end in interval)  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        raise UserError(f"{name} must be a pair (lower, upper), got {interval!r}") from None
    finite = math.isfinite(lower) and math.isfinite(upper)
    require(finite, f"the bounds of {name} must be finite, got ({lower}, {upper})")
    require(lower < upper, f"the bounds of {name} must satisfy lower < upper, got ({lower}, {upper})")
    return lower, upper


class Box(Domain):
    """An axis-parallel box: `Box(x=(-1, 1), y=(0, 2))`.

    Its sides are named `x.min`, `x.max`, `y.min`, ...; their normals point outwards.
    Raises UserError for an empty or infinite interval.
    """

    def __init__(self, **intervals: tuple[float, float]) -> None:
        require(bool(intervals), "a box needs at least one interval; try Box(x=(0, 1))")
        self._bounds = {name: _check_interval(name, interval) for name, interval in intervals.items()}

    @property
    def coordinates(self) -> tuple[str, ...]:
        return tuple(self._bounds)

    @property
    def bounds(self) -> dict[str, tuple[float, float]]:
        return dict(self._bounds)

    @property
    def sides(self) -> tuple[str, ...]:
        return tuple(f"{name}.{end}" for name in self._bounds for end in ("min", "max"))

    @property
    def is_box(self) -> bool:
        return True

    @property
    def measure(self) -> float:
        return math.prod(upper - lower for lower, upper in self._bounds.values())

    def __mul__(self, time: "Time") -> "SpaceTime":
        require(isinstance(time, Time), f"a box can be multiplied by Time only, got {time!r}")
        return SpaceTime(self, time)

    def interior(self, n: int, draw: Draw) -> np.ndarray:
        lower, upper = np.array(list(self._bounds.values())).T
        return lower + (upper - lower) * draw(n, len(self._bounds))

    def boundary(self, side: str, n: int, draw: Draw) -> tuple[np.ndarray, np.ndarray]:
        name, end = self._side(side)
        along = self.coordinates.index(name)
        free = [i for i in range(len(self._bounds)) if i != along]
        points = np.empty((n, len(self._bounds)))
        points[:, along] = self._bounds[name][end == "max"]
        if free:
            lower, upper = np.array(list(self._bounds.values()))[free].T
            points[:, free] = lower + (upper - lower) * draw(n, len(free))
        normal = np.zeros_like(points)
        normal[:, along] = 1.0 if end == "max" else -1.0
        return points, normal

    def side_measure(self, side: str) -> float:
        name, _ = self._side(side)
        return math.prod(upper - lower for other, (lower, upper) in self._bounds.items() if other != name)

    def _side(self, side: str) -> tuple[str, str]:
        if side not in self.sides:
            raise UserError(f"no side {side!r}; the sides are {', '.join(self.sides)}")
        name, _, end = side.rpartition(".")
        return name, end


class Time(Box):
    """A time interval: `Time(t=(0, 1))`; its sides are `t.min`, where initial data live, and `t.max`."""

    def __init__(self, **interval: tuple[float, float]) -> None:
        require(len(interval) == 1, f"Time takes one interval such as t=(0, 1), got {sorted(interval)}")
        super().__init__(**interval)

    @property
    def time(self) -> str:
        return self.coordinates[0]


class SpaceTime(Box):
    """The product of a box with a time interval; coordinates in the box's order, time last."""

    def __init__(self, space: Box, time: Time) -> None:
        shared = set(space.coordinates) & set(time.coordinates)
        require(not shared, f"space and time share the coordinate {', '.join(shared)}; rename one")
        super().__init__(**space.bounds, **time.bounds)
        self.space = space
        self._time = time

    @property
    def time(self) -> str:
        return self._time.coordinates[0]
