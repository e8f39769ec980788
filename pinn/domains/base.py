"""What a domain is: coordinates with bounds, an interior, and sides with names."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.transform import Rotation

from pinn.basis.configurable import Configurable
from pinn.basis.errors import UserError, require
from pinn.domains.cavities import Cavity
from pinn.domains.charts import Chart, Draw, Estimate, sobol
from pinn.domains.checks import checked_center, checked_coordinates, checked_length, checked_name, checked_vector
from pinn.domains.rules import Rule
from pinn.domains.similarity import Similarity, plane_rotations

Triangulation = tuple[NDArray[np.float64], NDArray[np.intp]]  # nodes (k, d) and simplices (c, d + 1), by their nodes

operations: dict[str, Callable[..., Any]] = {}
"""What makes unions, meshes, ... of domains: modules that need this one, so that the package enters them here."""


class Domain(Configurable, ABC):
    """A bounded region of the space of its coordinates.

    A subclass gives charts of its interior and its sides, equal volumes of a unit cube going to equal measures;
    sampling, quadrature and measures follow from them. `|`, `&` and `-` combine domains of the same coordinates,
    `*` multiplies those of different ones.
    """

    coordinates: tuple[str, ...]
    """Names of the d coordinates: of space, then parameters, time last."""

    time: str | None = None
    """The name of the time coordinate, or None for a steady problem."""

    parameters: tuple[str, ...] = ()
    """Names of the coordinates that are parameters of the equation: nothing is differentiated along them."""

    moves: bool = False
    """Whether its space changes with time."""

    is_box: bool = False
    """Whether the domain fills its bounding box."""

    @cached_property
    def bounds(self) -> dict[str, tuple[float, float]]:
        """The bounding box: coordinate -> (lower, upper); set by a subclass, or made when asked for."""
        raise NotImplementedError

    @cached_property
    def sides(self) -> tuple[str, ...]:
        """Names of the parts of the boundary, such as `x.min`, the start and the end of time included; likewise."""
        raise NotImplementedError

    def during(self, start: float, end: float) -> Domain:
        """The part of this domain between two times; raises UserError where there is no time."""
        raise UserError(f"{type(self).__name__} has no time interval to cut; try windows=1")

    @property
    def space_coordinates(self) -> tuple[str, ...]:
        """The coordinates other than time and parameters."""
        return tuple(name for name in self.coordinates if name != self.time and name not in self.parameters)

    @property
    def space(self) -> Domain:
        """The domain without its time; raises UserError where it moves."""
        require(self.time is None, f"the space of {type(self).__name__} moves; take it at(t)")
        return self

    @property
    def pieces(self) -> tuple[Domain, ...]:
        """The domains of which it is the union: itself, where it is of one piece."""
        return (self,)

    @property
    def cavities(self) -> tuple[Cavity, ...]:
        """What is cut out of its inside at all times; not of what moves, nor of notches."""
        return ()

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
    def walls(self) -> tuple[str, ...]:
        """The sides of space: `sides` without the beginning and the end of time."""
        return tuple(side for side in self.sides if side not in (f"{self.time}.min", f"{self.time}.max"))

    @property
    def candidate_sides(self) -> tuple[str, ...]:
        """`sides`, and those of which nothing may be left."""
        return self.sides

    @property
    def extent(self) -> Estimate:
        """The measure with the bound of its error."""
        return self.interior_chart.extent

    @property
    def measure(self) -> float:
        """The volume (area, length): closed form where there is one, else quasi-Monte Carlo."""
        return self.extent.value

    @property
    def measure_error(self) -> float:
        """The bound of the error of `measure`: 0 for a closed form, 3 standard errors for quasi-Monte Carlo."""
        return self.extent.error

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
        return operations["quadrature"](self, n)

    def side_quadrature(self, side: str, n: int) -> Rule:
        """About n nodes on one side for integrals of smooth functions, with weights > 0 and normals.

        Gauss-Legendre on curves, piece by piece, and on smooth images of cubes, else Sobol points. Raises UserError
        for a side that does not exist.
        """
        return operations["side quadrature"](self, side, n)

    def mesh(self, resolution: int) -> Triangulation:
        """Nodes (k, d) and simplices (c, d + 1) for evaluation; `resolution` cells along the longest extent.

        Of a domain with time or parameters in its space only; one that moves has `at(t).mesh(resolution)`. Raises
        UserError for more than three dimensions.
        """
        return operations["mesh"](self, resolution)

    def at(self, t: float) -> Domain:
        """The domain at one instant, without its time coordinate; raises UserError for one without time."""
        raise UserError(f"{type(self).__name__} has no time coordinate; try domain * Time(t=(0, 1))")

    def checked_side(self, side: str) -> str:
        """The side's name; raises UserError that lists the sides where it is none."""
        if side not in self.sides:
            raise UserError(f"no side {side!r}; the sides are {', '.join(self.sides) or 'none'}")
        return side

    def __or__(self, other: Domain) -> Domain:
        return operations["|"](self, other)

    def __and__(self, other: Domain) -> Domain:
        return operations["&"](self, other)

    def __sub__(self, other: Domain) -> Domain:
        return operations["-"](self, other)

    def __mul__(self, other: Domain) -> Domain:
        return operations["*"](self, other)

    def named(self, name: str) -> Domain:
        """The same domain with its whole boundary in space as one side of that name."""
        return operations["named"](self, name)

    def placed(self, similarity: Similarity) -> Domain:
        """The domain's image under a rotation, scaling and translation."""
        return operations["placed"](self, similarity.factor, similarity.rotation.tolist(), similarity.shift.tolist())

    def moved(self, **by: float) -> Domain:
        """Translated, each coordinate by a number: `disc.moved(x=0.3)`."""
        unknown, names = [name for name in by if name not in self.coordinates], ", ".join(self.coordinates)
        require(not unknown, f"cannot move along {', '.join(unknown)}; the coordinates are {names}")
        shift = checked_vector("the translation", [by.get(name, 0.0) for name in self.coordinates])
        return self.placed(Similarity(1.0, np.eye(len(shift)), shift))

    def rotated(self, angle: float, about: Sequence[float] | None = None, axis: ArrayLike | None = None) -> Domain:
        """Turned by an angle (radians), counterclockwise, about a point (default the origin); in 3-D about an axis."""
        rotation = _rotation(len(self.coordinates), angle, axis)
        center = checked_center(about, len(rotation))
        return self.placed(Similarity(1.0, rotation, center - rotation @ center))

    def scaled(self, factor: float, about: Sequence[float] | None = None) -> Domain:
        """Scaled by a factor > 0 in all directions, from a point that stays (default the origin)."""
        factor, center = checked_length("the factor", factor), checked_center(about, len(self.coordinates))
        return self.placed(Similarity(factor, np.eye(len(center)), (1 - factor) * center))

    def moving(
        self, time: Domain, angle: Callable | None = None, about: Sequence[float] | None = None, **shift: Callable
    ) -> Domain:
        """The domain on a course: `disc.moving(Time(t=(0, 1)), x=lambda t: 0.5 * t)`.

        Each coordinate named is shifted by a torch function of the time (n,). angle: likewise, in radians, of a
        rotation in the plane about the point `about` of the shape itself (default the origin).
        """
        return operations["moving"](self, time, shift, angle, about)


class Shape(Domain):
    """A domain of space alone with coordinates and a name of its own.

    The name is that of its side, or comes before the names of its sides (`ring.inner`).
    """

    def _describe(self, d: int, coordinates: Sequence[str] | None, name: str) -> None:
        self.coordinates = checked_coordinates(d, coordinates)
        self.name = checked_name(name)
        self.sides = (self.name,)


def _rotation(d: int, angle: float, axis: ArrayLike | None) -> NDArray[np.float64]:
    """The matrix of a rotation by an angle (radians), in 3-D about an axis."""
    require(d in (2, 3), f"rotations are of 2 or 3 coordinates, got {d}")
    angles = checked_vector("the angle", [angle], 1)
    if d == 2:
        require(axis is None, "an axis is for rotations in three dimensions; leave it out")
        return plane_rotations(angles)[0]
    if axis is None:
        raise UserError("a rotation in three dimensions needs an axis such as (0, 0, 1)")
    direction = checked_vector("the axis", axis, 3)
    require(bool(direction.any()), "the axis must not be zero")
    return Rotation.from_rotvec(angles * direction / np.linalg.norm(direction)).as_matrix()


def box_around(coordinates: Sequence[str], x: NDArray[np.float64]) -> dict[str, tuple[float, float]]:
    """The bounding box of points (n, d)."""
    ends = zip(x.min(axis=0).tolist(), x.max(axis=0).tolist(), strict=True)
    return dict(zip(coordinates, ends, strict=True))
