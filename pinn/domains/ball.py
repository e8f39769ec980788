"""Balls and the shells between two of them, in any dimension."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import gamma, ndtri

from pinn.basis.errors import require
from pinn.domains.base import Domain, Shape, box_around
from pinn.domains.cavities import Cavity
from pinn.domains.charts import Chart, Placed
from pinn.domains.checks import checked_length, checked_vector
from pinn.domains.similarity import Similarity


class Shell(Shape):
    """The points between two spheres of one center, inner < |x - center| < outer, in two dimensions or more.

    Its sides are `inner` and `outer`, with a name `ring.inner` and `ring.outer`. Raises UserError unless
    0 < inner < outer.
    """

    def __init__(
        self,
        center: Sequence[float],
        inner: float,
        outer: float,
        *,
        name: str | None = None,
        coordinates: Sequence[str] | None = None,
    ) -> None:
        self.center = checked_vector("center", center)
        require(len(self.center) >= 2, "a shell has two dimensions or more; try Box(x=(0, 1)) for an interval")
        self.inner, self.outer = checked_length("inner", inner), checked_length("outer", outer)
        require(self.inner < self.outer, f"inner must be < outer, got {inner} and {outer}")
        self._describe(len(self.center), coordinates, "shell" if name is None else name)
        self.bounds = ball_bounds(self.coordinates, self.center, self.outer)
        self._radii = {side if name is None else f"{name}.{side}": side for side in ("inner", "outer")}
        self.sides = tuple(self._radii)

    @property
    def cavities(self) -> tuple[Cavity, ...]:
        return (Cavity(dict(zip(self.coordinates, self.center.tolist(), strict=True)), self.inner),)

    def contains(self, x: NDArray[np.float64]) -> NDArray[np.bool_]:
        square = squared_distance(x, self.center)
        return (square <= self.outer**2) & (square >= self.inner**2)

    def distance(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        radius = np.sqrt(squared_distance(x, self.center))
        return np.maximum(radius - self.outer, self.inner - radius)

    def _interior_chart(self) -> Chart:
        return ball_chart(self.center, self.inner, self.outer)

    def _side_chart(self, side: str) -> Chart:
        if self._radii[side] == "outer":
            return sphere_chart(self.center, self.outer)
        return sphere_chart(self.center, self.inner).flipped()


class Annulus(Shell):
    """The ring between two circles, with the sides `inner` and `outer`: a shell of the plane."""

    def __init__(
        self,
        center: Sequence[float] = (0.0, 0.0),
        inner: float = 0.5,
        outer: float = 1.0,
        *,
        name: str | None = None,
        coordinates: Sequence[str] | None = None,
    ) -> None:
        super().__init__(checked_vector("center", center, 2).tolist(), inner, outer, name=name, coordinates=coordinates)


class Ball(Shape):
    """The points within a radius > 0 of a center, in two dimensions or more; its side has its name."""

    def __init__(
        self,
        center: Sequence[float] = (0.0, 0.0, 0.0),
        radius: float = 1.0,
        *,
        name: str = "ball",
        coordinates: Sequence[str] | None = None,
    ) -> None:
        self.center = checked_vector("center", center)
        require(len(self.center) >= 2, "a ball has two dimensions or more; try Box(x=(0, 1)) for an interval")
        self.radius = checked_length("radius", radius)
        self._describe(len(self.center), coordinates, name)
        self.bounds = ball_bounds(self.coordinates, self.center, self.radius)

    def contains(self, x: NDArray[np.float64]) -> NDArray[np.bool_]:
        return squared_distance(x, self.center) <= self.radius**2

    def distance(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.sqrt(squared_distance(x, self.center)) - self.radius

    def _interior_chart(self) -> Chart:
        return ball_chart(self.center, 0.0, self.radius)

    def _side_chart(self, side: str) -> Chart:
        return sphere_chart(self.center, self.radius)

    def placed(self, similarity: Similarity) -> Domain:
        center = similarity.points(self.center[None])[0].tolist()
        return type(self)(center, similarity.factor * self.radius, name=self.name, coordinates=self.coordinates)


class Disc(Ball):
    """The points of the plane within a radius > 0 of a center; its side has its name."""

    def __init__(
        self,
        center: Sequence[float] = (0.0, 0.0),
        radius: float = 1.0,
        *,
        name: str = "disc",
        coordinates: Sequence[str] | None = None,
    ) -> None:
        super().__init__(checked_vector("center", center, 2).tolist(), radius, name=name, coordinates=coordinates)


def squared_distance(x: NDArray[np.float64], center: NDArray[np.float64]) -> NDArray[np.float64]:
    """|x - center|^2 of points (n, d): (n,). Column by column: a sum along rows so short is slow."""
    total = np.zeros(len(x))
    for column, at in zip(x.T, center, strict=True):
        offset = column - at
        offset *= offset
        total += offset
    return total


def ball_bounds(
    coordinates: Sequence[str], center: NDArray[np.float64], radius: float
) -> dict[str, tuple[float, float]]:
    """The bounding box of a ball."""
    return box_around(coordinates, center + np.array([[-radius], [radius]]))


def sphere_measure(d: int) -> float:
    """The area of the unit sphere of d dimensions, 2 pi^(d/2) / Gamma(d/2)."""
    return float(2 * np.pi ** (d / 2) / gamma(d / 2))


def direction_coordinates(d: int) -> int:
    """How many cube coordinates `directions` takes: 1 in the plane, 2 in space, d above."""
    return d - 1 if d <= 3 else d


def directions(u: NDArray[np.float64], d: int) -> NDArray[np.float64]:
    """Unit vectors (n, d), uniform on the sphere where u is in the cube."""
    if d > 3:  # normal deviates have no preferred direction
        normal = ndtri(np.clip(u, 1e-300, 1 - 1e-16))
        normal[~normal.any(1), 0] = 1.0  # the cube's middle, a node of Gauss rules, has no direction
        return normal / np.linalg.norm(normal, axis=1, keepdims=True)
    angle = 2 * np.pi * u[:, 0]
    if d == 2:
        return np.stack([np.cos(angle), np.sin(angle)]).T
    height = 2 * u[:, 1] - 1  # Archimedes: zones of equal height have equal areas
    across = np.sqrt(1 - height**2)
    return np.stack([across * np.cos(angle), across * np.sin(angle), height]).T


def ball_chart(center: NDArray[np.float64], inner: float, outer: float) -> Chart:
    """The interior of a shell, of a ball where inner = 0: equal volumes by the d-th root of the radius."""
    d = len(center)

    def place(u: NDArray) -> Placed:
        power = inner**d + (outer**d - inner**d) * u[:, 0]
        radius = np.cbrt(power) if d == 3 else power ** (1 / d)
        return Placed(center + radius[:, None] * directions(u[:, 1:], d))

    volume = sphere_measure(d) / d * (outer**d - inner**d)
    return Chart(1 + direction_coordinates(d), volume, place, smooth=True)


def sphere_chart(center: NDArray[np.float64], radius: float) -> Chart:
    """A sphere with the normals that point away from its center."""
    d = len(center)

    def place(u: NDArray) -> Placed:
        normal = directions(u, d)
        return Placed(center + radius * normal, normal)

    return Chart(direction_coordinates(d), sphere_measure(d) * radius ** (d - 1), place, smooth=True)
