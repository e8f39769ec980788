"""Boxes with named sides, time, and parameters of the equation."""

import math

import numpy as np
from numpy.typing import NDArray

from pinn.basis.errors import UserError, require
from pinn.domains.base import Domain
from pinn.domains.charts import Chart, Placed, box_chart
from pinn.domains.similarity import Similarity


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
    """An axis-parallel box: `Box(x=(-1, 1), y=(0, 2))`; with one coordinate an interval.

    Its sides are named `x.min`, `x.max`, `y.min`, ...; their normals point outwards.
    Raises UserError for an empty or infinite interval.
    """

    is_box = True

    def __init__(self, **intervals: tuple[float, float]) -> None:
        require(bool(intervals), "a box needs at least one interval; try Box(x=(0, 1))")
        self.bounds = {name: _check_interval(name, interval) for name, interval in intervals.items()}
        self.coordinates = tuple(self.bounds)
        self.sides = tuple(f"{name}.{end}" for name in self.bounds for end in ("min", "max"))
        self._lower, self._upper = np.array(list(self.bounds.values())).T

    def contains(self, x: NDArray[np.float64]) -> NDArray[np.bool_]:
        inside = np.ones(len(x), dtype=bool)
        for i, (lower, upper) in enumerate(self.bounds.values()):
            inside &= (x[:, i] >= lower) & (x[:, i] <= upper)
        return inside

    def distance(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        beyond = np.maximum(self._lower - x, x - self._upper)
        return np.linalg.norm(np.maximum(beyond, 0.0), axis=1) + np.minimum(beyond.max(axis=1), 0.0)

    def _interior_chart(self) -> Chart:
        return box_chart(self.bounds)

    def _side_chart(self, side: str) -> Chart:
        name, _, end = side.rpartition(".")
        along = self.coordinates.index(name)
        free = [i for i in range(len(self.bounds)) if i != along]
        normal = np.zeros(len(self.bounds))
        normal[along] = 1.0 if end == "max" else -1.0
        lower, extent = self._lower[free], (self._upper - self._lower)[free]

        def place(u: NDArray) -> Placed:
            x = np.empty((len(u), len(self.bounds)))
            x[:, along] = self.bounds[name][end == "max"]
            x[:, free] = lower + extent * u
            return Placed(x, np.broadcast_to(normal, x.shape).copy())

        return Chart(len(free), float(np.prod(extent)), place, smooth=True)

    def placed(self, similarity: Similarity) -> Domain:
        if similarity.turns:
            return super().placed(similarity)
        lower, upper = similarity.points(self._lower[None])[0], similarity.points(self._upper[None])[0]
        return Box(**{name: (a, b) for name, a, b in zip(self.coordinates, lower, upper, strict=True)})


class Time(Box):
    """A time interval: `Time(t=(0, 1))`; its sides are `t.min`, where initial data live, and `t.max`."""

    time: str

    def __init__(self, **interval: tuple[float, float]) -> None:
        require(len(interval) == 1, f"Time takes one interval such as t=(0, 1), got {sorted(interval)}")
        super().__init__(**interval)
        (self.time,) = self.coordinates

    def at(self, t: float) -> Domain:
        raise UserError("Time alone has no space; try (domain * Time(t=(0, 1))).at(t)")

    def during(self, start: float, end: float) -> "Time":
        return Time(**{self.time: (start, end)})


class Parameters(Box):
    """Intervals of the equation's parameters, solved for all at once: `Parameters(nu=(0.001, 0.1))`.

    They are coordinates without sides: no condition holds at their ends.
    """

    def __init__(self, **intervals: tuple[float, float]) -> None:
        super().__init__(**intervals)
        self.parameters, self.sides = self.coordinates, ()
