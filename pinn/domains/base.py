"""What a domain is: coordinates with bounds, an interior, and sides with names."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import qmc

from pinn.basis.configurable import Configurable
from pinn.basis.errors import UserError, require
from pinn.domains.charts import Chart, Draw, Estimate

if TYPE_CHECKING:
    from pinn.domains.box import Time
    from pinn.domains.placement import Similarity


@dataclass(frozen=True)
class Rule:
    """Quadrature: points (n, d), weights (n,) that sum to the measure, on a boundary the unit normals (n, d)."""

    points: NDArray[np.float64]
    weights: NDArray[np.float64]
    normals: NDArray[np.float64] | None = None


class Domain(Configurable, ABC):
    """A bounded region of the space of its coordinates.

    A subclass gives charts of its interior and its sides, equal volumes of a unit cube going to equal measures;
    sampling, quadrature and measures follow from them. `|`, `&` and `-` combine domains of the same coordinates,
    `*` multiplies those of different ones.
    """

    @property
    @abstractmethod
    def coordinates(self) -> tuple[str, ...]:
        """Names of the d coordinates: of space, then parameters, time last."""

    @property
    @abstractmethod
    def bounds(self) -> dict[str, tuple[float, float]]:
        """The bounding box: coordinate -> (lower, upper)."""

    @property
    @abstractmethod
    def sides(self) -> tuple[str, ...]:
        """Names of the parts of the boundary, such as `x.min`; the start and the end of time included."""

    @property
    def time(self) -> str | None:
        """The name of the time coordinate, or None for a steady problem."""
        return None

    def during(self, start: float, end: float) -> Domain:
        """The part of this domain between two times; raises UserError where there is no time."""
        raise UserError(f"{type(self).__name__} has no time interval to cut; try windows=1")

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the coordinates that are parameters of the equation: nothing is differentiated along them."""
        return ()

    @property
    def space_coordinates(self) -> tuple[str, ...]:
        """The coordinates other than time and parameters."""
        return tuple(name for name in self.coordinates if name != self.time and name not in self.parameters)

    @property
    def moves(self) -> bool:
        """Whether its space changes with time."""
        return False

    @property
    def space(self) -> Domain:
        """The domain without its time; raises UserError where it moves."""
        require(self.time is None, f"the space of {type(self).__name__} moves; take it at(t)")
        return self

    @property
    def is_box(self) -> bool:
        """Whether the domain fills its bounding box."""
        return False

    @abstractmethod
    def contains(self, x: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Whether each point (n, d) lies inside; points on the boundary may go either way."""

    @abstractmethod
    def distance(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """The signed distance of each point (n, d) to the boundary, negative inside; in space, at the point's time."""

    @abstractmethod
    def _interior_chart(self) -> Chart:
        """The interior as the image of a unit cube."""

    @abstractmethod
    def _side_chart(self, side: str) -> Chart:
        """One of `candidate_sides` as the image of a unit cube, with outward unit normals."""

    @cached_property
    def interior_chart(self) -> Chart:
        """The interior as the image of a unit cube, made once."""
        return self._interior_chart()

    def side_chart(self, side: str) -> Chart:
        """A side as the image of a unit cube with outward unit normals, made once; UserError for an unknown one."""
        if side not in self._side_charts:
            if side not in self.candidate_sides:
                self.checked_side(side)
            self._side_charts[side] = self._side_chart(side)
        return self._side_charts[side]

    @cached_property
    def _side_charts(self) -> dict[str, Chart]:
        return {}

    @property
    def candidate_sides(self) -> tuple[str, ...]:
        """`sides`, and those of which nothing may be left."""
        return self.sides

    @property
    def measure(self) -> float:
        """The volume (area, length): closed form where there is one, else quasi-Monte Carlo."""
        return self.interior_chart.extent.value

    @property
    def measure_error(self) -> float:
        """The bound of the error of `measure`: 0 for a closed form, 3 standard errors for quasi-Monte Carlo."""
        return self.interior_chart.extent.error

    def side_measure(self, side: str) -> float:
        """Length, area, ... of one side; raises UserError where it does not exist."""
        return self.side_extent(side).value

    def side_extent(self, side: str) -> Estimate:
        """The measure of one side with the bound of its error."""
        return self.side_chart(self.checked_side(side)).extent

    def interior(self, n: int, draw: Draw) -> NDArray[np.float64]:
        """n points inside, shape (n, d), uniform where `draw` is."""
        return self.interior_chart.sample(n, draw).x

    def boundary(self, side: str, n: int, draw: Draw) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """n points on one side and the outward unit normals there, both of shape (n, d), uniform where `draw` is.

        Where the domain has time or parameters, the normals of its space's sides are unit vectors in space. Raises
        UserError for a side that does not exist.
        """
        placed = self.side_chart(self.checked_side(side)).sample(n, draw)
        return placed.x, placed.outward

    def interior_rule(self, n: int, draw: Draw | None = None) -> Rule:
        """n points inside of equal weights; `draw` defaults to a Sobol sequence, the same at each call."""
        return Rule(self.interior(n, draw or sobol), np.full(n, self.measure / n))

    def boundary_rule(self, side: str, n: int, draw: Draw | None = None) -> Rule:
        """n points on one side of equal weights with their normals; `draw` as for `interior_rule`."""
        x, normal = self.boundary(side, n, draw or sobol)
        return Rule(x, np.full(n, self.side_measure(side) / n), normal)

    def quadrature(self, n: int) -> Rule:
        """About n nodes inside for integrals of smooth functions, with weights > 0.

        Gauss-Legendre where the interior is the smooth image of a cube (boxes, balls, star shapes, products of them),
        else a Gauss rule in each cell of a mesh, or Sobol points in solids. Raises UserError for other domains of more
        than three dimensions.
        """
        from pinn.domains.quadrature import interior_quadrature

        return interior_quadrature(self, n)

    def side_quadrature(self, side: str, n: int) -> Rule:
        """About n nodes on one side for integrals of smooth functions, with weights > 0 and normals.

        Gauss-Legendre on curves, piece by piece, and on smooth images of cubes, else Sobol points. Raises UserError
        for a side that does not exist.
        """
        from pinn.domains.quadrature import side_quadrature

        return side_quadrature(self, side, n)

    def mesh(self, resolution: int) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
        """Nodes (k, d) and simplices (c, d + 1) for evaluation; `resolution` cells along the longest extent.

        Of a domain with time or parameters in its space only; one that moves has `at(t).mesh(resolution)`. Raises
        UserError for more than three dimensions.
        """
        from pinn.domains.meshing import delaunay_mesh

        return delaunay_mesh(self, resolution)

    def at(self, t: float) -> Domain:
        """The domain at one instant, without its time coordinate; raises UserError for one without time."""
        raise UserError(f"{type(self).__name__} has no time coordinate; try domain * Time(t=(0, 1))")

    def checked_side(self, side: str) -> str:
        """The side's name; raises UserError that lists the sides where it is none."""
        if side not in self.sides:
            raise UserError(f"no side {side!r}; the sides are {', '.join(self.sides) or 'none'}")
        return side

    # The operations live in modules that need this one: hence the imports inside.

    def __or__(self, other: Domain) -> Domain:
        from pinn.domains.combinations import Union

        return Union(self, other)

    def __and__(self, other: Domain) -> Domain:
        from pinn.domains.combinations import Intersection

        return Intersection(self, other)

    def __sub__(self, other: Domain) -> Domain:
        from pinn.domains.combinations import Difference

        return Difference(self, other)

    def __mul__(self, other: Domain) -> Domain:
        from pinn.domains.product import Product

        return Product(self, other)

    def named(self, name: str) -> Domain:
        """The same domain with its whole boundary in space as one side of that name."""
        from pinn.domains.combinations import Named

        return Named(self, name)

    def placed(self, similarity: Similarity) -> Domain:
        """The domain's image under a rotation, scaling and translation."""
        from pinn.domains.placement import Placement

        return Placement(self, similarity.factor, similarity.rotation.tolist(), similarity.shift.tolist())

    def moved(self, **by: float) -> Domain:
        """Translated, each coordinate by a number: `disc.moved(x=0.3)`."""
        from pinn.domains.placement import translation

        return self.placed(translation(self.coordinates, by))

    def rotated(self, angle: float, about: Sequence[float] | None = None, axis: ArrayLike | None = None) -> Domain:
        """Turned by an angle (radians), counterclockwise, about a point (default the origin); in 3-D about an axis."""
        from pinn.domains.placement import turn

        return self.placed(turn(self.coordinates, angle, about, axis))

    def scaled(self, factor: float, about: Sequence[float] | None = None) -> Domain:
        """Scaled by a factor > 0 in all directions, from a point that stays (default the origin)."""
        from pinn.domains.placement import scaling

        return self.placed(scaling(self.coordinates, factor, about))

    def moving(
        self, time: Time, angle: Callable | None = None, about: Sequence[float] | None = None, **shift: Callable
    ) -> Domain:
        """The domain on a course: `disc.moving(Time(t=(0, 1)), x=lambda t: 0.5 * t)`.

        Each coordinate named is shifted by a torch function of the time (n,). angle: likewise, in radians, of a
        rotation in the plane about the point `about` of the shape itself (default the origin).
        """
        from pinn.domains.motion import Moving

        return Moving(self, time, shift, angle, about)


def sobol(n: int, k: int) -> NDArray[np.float64]:
    """The first n points of a scrambled Sobol sequence, always the same one."""
    if k == 0:
        return np.empty((n, 0))
    whole = 2 ** max(0, (n - 1).bit_length())  # drawn by powers of two, as the sequence's balance wants
    return qmc.Sobol(k, rng=np.random.default_rng(0)).random(whole)[:n]


class Shape(Domain):
    """A domain of space alone with coordinates and a name of its own.

    The name is that of its side, or comes before the names of its sides (`ring.inner`).
    """

    def _describe(self, d: int, coordinates: Sequence[str] | None, name: str) -> None:
        self._coordinates = checked_coordinates(d, coordinates)
        self.name = checked_name(name)

    @property
    def coordinates(self) -> tuple[str, ...]:
        return self._coordinates

    @property
    def sides(self) -> tuple[str, ...]:
        return (self.name,)


def checked_coordinates(d: int, coordinates: Sequence[str] | None) -> tuple[str, ...]:
    """d names, x, y, z (x1, x2, ... for more than three) where none are given; raises UserError for another number."""
    if coordinates is None:
        return ("x", "y", "z")[:d] if d <= 3 else tuple(f"x{i + 1}" for i in range(d))
    names = tuple(coordinates)
    distinct = len(set(names)) == len(names) == d and all(isinstance(name, str) for name in names)
    require(distinct, f"coordinates must be {d} different names, got {names}")
    return names


def checked_name(name: str) -> str:
    """The name of a side; raises UserError for an empty one, or one kept for the faces of boxes and time."""
    require(isinstance(name, str) and bool(name), f"name must be a word such as 'hole', got {name!r}")
    kept = name.endswith((".min", ".max"))
    require(not kept, f"the name {name!r} is kept for the faces of boxes; choose one without .min and .max")
    return name


def checked_vector(name: str, values: ArrayLike, d: int | None = None) -> NDArray[np.float64]:
    """A finite vector (d,); raises UserError that names the argument."""
    try:
        vector = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise UserError(f"{name} must be numbers, got {values!r}") from None
    fits = vector.ndim == 1 and (d is None or len(vector) == d)
    require(fits, f"{name} must be {'some' if d is None else d} numbers, got the shape {vector.shape}")
    require(bool(np.isfinite(vector).all()), f"{name} must be finite, got {values!r}")
    return vector


def checked_points(name: str, values: ArrayLike, d: int | None = None) -> NDArray[np.float64]:
    """Finite points (k, d); raises UserError that names the argument."""
    try:
        points = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise UserError(f"{name} must be points, rows of numbers, got {values!r}") from None
    fits = points.ndim == 2 and points.shape[1] >= 1 and (d is None or points.shape[1] == d)
    require(fits, f"{name} must be points of shape (k, {d or 'd'}), got the shape {points.shape}")
    require(bool(np.isfinite(points).all()), f"{name} must be finite")
    return points


def box_around(coordinates: Sequence[str], x: NDArray[np.float64]) -> dict[str, tuple[float, float]]:
    """The bounding box of points (n, d)."""
    ends = zip(x.min(axis=0).tolist(), x.max(axis=0).tolist(), strict=True)
    return dict(zip(coordinates, ends, strict=True))


def checked_length(name: str, value: float) -> float:
    """A finite length > 0; raises UserError that names the argument."""
    number = isinstance(value, (int, float, np.number)) and bool(np.isfinite(value))
    require(number and value > 0, f"{name} must be finite and > 0, got {value}")
    return float(value)
