"""Regions of the plane inside smooth closed curves."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.interpolate import CubicHermiteSpline, PchipInterpolator
from torch import Tensor

from pinn.basis.errors import UserError, require
from pinn.domains.base import Shape, box_around
from pinn.domains.charts import Chart, Estimate, Placed, box_chart
from pinn.domains.checks import checked_length, checked_vector
from pinn.domains.nearest import ParametricSurface
from pinn.domains.rules import gauss_legendre

NODES = 4096  # of a curve: tables of arc length, areas
SEARCH = 512  # of a curve: starts of the search of the nearest point, and where it is checked
CORNER = 0.35  # radians by which a smooth curve may turn between two of 4,096 nodes


class EqualMeasure:
    """The map of [0, 1] to [0, 1] under which equal lengths go to equal integrals of a positive density.

    density: of s in [0, 1], (n,) to (n,), smooth. Inverts its integral, Gauss-Legendre quadrature in each of 4,096
    cells, by cubic interpolation. total: the integral.
    """

    def __init__(self, density: Callable[[NDArray], NDArray]) -> None:
        edges = np.linspace(0.0, 1.0, NODES + 1)
        nodes, weights = gauss_legendre(5)
        inner = edges[:-1, None] + nodes / NODES
        parts = density(inner.reshape(-1)).reshape(inner.shape) @ weights / NODES
        integral = np.concatenate([[0.0], np.cumsum(parts)])
        self.total = float(integral[-1])
        slopes = density(edges)
        steep = bool(slopes.min() > 1e-6 * slopes.max())  # ds/dF is finite: the derivative is known, too
        uniform = integral / self.total
        self._inverse = (
            CubicHermiteSpline(uniform, edges, self.total / slopes) if steep else PchipInterpolator(uniform, edges)
        )

    def __call__(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.clip(self._inverse(u), 0.0, 1.0)


class ClosedCurve(Shape):
    """The region inside a smooth closed curve without crossings; its boundary is one side of its name.

    A subclass gives the curve, by torch functions; whichever way it runs, normals point out of the region.
    """

    @abstractmethod
    def position(self, s: Tensor) -> Tensor:
        """The point (2,) of the curve at s, of period 1."""

    @cached_property
    def _surface(self) -> ParametricSurface:
        around = np.array([True])
        return ParametricSurface(lambda s: self.position(s[0]), np.zeros(1), np.ones(1), SEARCH, around)

    @cached_property
    def _nodes(self) -> NDArray[np.float64]:
        return self._surface.at(np.arange(NODES)[:, None] / NODES)

    @cached_property
    def _signed_area(self) -> float:
        """The integral of x dy - y dx over 2, by the trapezoidal rule, which is of infinite order on closed curves."""
        s = np.arange(NODES)[:, None] / NODES
        (x, y), (x_s, y_s) = self._nodes.T, self._surface.tangents(s)[..., 0].T
        return float(np.mean(x * y_s - y * x_s) / 2)

    @cached_property
    def bounds(self) -> dict[str, tuple[float, float]]:
        return box_around(self.coordinates, np.array([self._extremes(sign) for sign in (-1.0, 1.0)]))

    def _extremes(self, sign: float) -> list[float]:
        """The smallest or largest value of each coordinate: a parabola through the three nodes about it."""
        extremes = []
        for column in (sign * self._nodes).T:
            i = int(column.argmax())
            before, at, after = column[i - 1], column[i], column[(i + 1) % NODES]
            bend = before - 2 * at + after
            extremes.append(float(sign * (at - (after - before) ** 2 / (8 * bend) if bend < 0 else at)))
        return extremes

    def contains(self, x: NDArray[np.float64]) -> NDArray[np.bool_]:
        """By the normal at the nearest point; away from the curve that of the nearest node has the same sign."""
        node, distance = self._surface.nearest_node(x)
        inside = np.sum((x - self._surface.at(node)) * self._normals(node), axis=1) <= 0
        near = distance < 4 * self._spacing
        if near.any():
            inside[near] = self.distance(x[near]) <= 0
        return inside

    @cached_property
    def _spacing(self) -> float:
        """The largest distance between two nodes of the search."""
        nodes = self._nodes[:: NODES // SEARCH]
        return float(np.linalg.norm(np.roll(nodes, -1, axis=0) - nodes, axis=1).max())

    def distance(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        foot = self._surface.foot(x)
        offset = x - self._surface.at(foot)
        return np.linalg.norm(offset, axis=1) * np.where(np.sum(offset * self._normals(foot), axis=1) > 0, 1.0, -1.0)

    def _normals(self, s: NDArray[np.float64]) -> NDArray[np.float64]:
        tangent = self._surface.tangents(s)[..., 0]
        outward = np.column_stack([tangent[:, 1], -tangent[:, 0]]) * np.sign(self._signed_area)
        return outward / np.linalg.norm(outward, axis=1, keepdims=True)

    def _interior_chart(self) -> Chart:
        """By rejection from the bounding box."""
        return box_chart(self.bounds).inside(self.contains)

    @property
    def extent(self) -> Estimate:
        return Estimate(abs(self._signed_area), 0.0)

    def _side_chart(self, side: str) -> Chart:
        length = EqualMeasure(lambda s: np.linalg.norm(self._surface.tangents(s[:, None])[..., 0], axis=1))

        def place(u: NDArray) -> Placed:
            s = length(u[:, 0])[:, None]
            return Placed(self._surface.at(s), self._normals(s))

        return Chart(1, length.total, place, smooth=True)

    def _check(self) -> None:
        """Raise UserError for a curve that is not closed, not smooth, flat or crosses itself."""
        ends = self._surface.at(np.array([[0.0], [1.0]]))
        require(bool(np.isfinite(self._nodes).all()), f"the curve {self.name} must be finite")
        size = float(np.ptp(self._nodes, axis=0).max())
        require(size > 0, f"the curve {self.name} is a point")
        closed = np.linalg.norm(ends[1] - ends[0]) < 1e-9 * size
        require(bool(closed), f"the curve {self.name} is not closed: from {ends[0]} it ends at {ends[1]}")
        chords = np.roll(self._nodes, -1, axis=0) - self._nodes
        require(bool((chords != 0).any(axis=1).all()), f"the curve {self.name} stands still; try another parameter")
        heading = np.arctan2(chords[:, 1], chords[:, 0])
        bend = np.abs((np.diff(heading, append=heading[0]) + np.pi) % (2 * np.pi) - np.pi)
        corner = int(bend.argmax())
        where = f"at s = {((corner + 1) % NODES) / NODES:.4g}"
        require(bend[corner] < CORNER, f"the curve {self.name} has a corner {where}; try a polygon or an intersection")
        crossing = _crossing(self._nodes[:: NODES // SEARCH])
        require(crossing is None, f"the curve {self.name} crosses itself near {crossing}")
        thin = abs(self._signed_area) < 1e-9 * size**2
        require(not thin, f"the curve {self.name} encloses no area")


class Curve(ClosedCurve):
    """The region inside a parametric curve: `Curve(lambda s: (2 * cos(2 * pi * s), sin(2 * pi * s)))`.

    curve: the two coordinates as torch functions of s, smooth and of period 1. Raises UserError where the curve is
    not closed, has corners or crosses itself. Interior points are drawn by rejection.
    """

    def __init__(
        self,
        curve: Callable[[Tensor], Sequence[Tensor]],
        *,
        name: str = "curve",
        coordinates: Sequence[str] | None = None,
    ) -> None:
        self.curve = curve
        self._describe(2, coordinates, name)
        self._check()

    def position(self, s: Tensor) -> Tensor:
        point = tuple(self.curve(s))
        if len(point) != 2:
            raise UserError(f"the curve {self.name} must have two coordinates, got {len(point)}")
        return torch.stack([torch.as_tensor(value, dtype=s.dtype).expand(s.shape) for value in point])


class StarShaped(ClosedCurve):
    """The points within radius(angle) of a center: `StarShaped(lambda angle: 1 + 0.3 * cos(3 * angle))`.

    radius: a torch function of the angle (radians), smooth, > 0 and of period 2 pi; raises UserError where it is not.
    """

    def __init__(
        self,
        radius: Callable[[Tensor], Tensor],
        center: Sequence[float] = (0.0, 0.0),
        *,
        name: str = "star",
        coordinates: Sequence[str] | None = None,
    ) -> None:
        self.radius = radius
        self.center = checked_vector("center", center, 2)
        self._describe(2, coordinates, name)
        lengths = self._radii(np.linspace(0, 2 * np.pi, NODES))
        require(bool((lengths > 0).all()), f"the radius of {name} must be > 0 at all angles, got {lengths.min():g}")
        self._check()

    def position(self, s: Tensor) -> Tensor:
        angle = 2 * torch.pi * s
        return torch.as_tensor(self.center) + self.radius(angle) * torch.stack([torch.cos(angle), torch.sin(angle)])

    def contains(self, x: NDArray[np.float64]) -> NDArray[np.bool_]:
        offset = x - self.center
        angle = np.arctan2(offset[:, 1], offset[:, 0])
        return np.einsum("nd,nd->n", offset, offset) <= self._radii(angle) ** 2

    def distance(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.abs(super().distance(x)) * np.where(self.contains(x), -1.0, 1.0)

    def _interior_chart(self) -> Chart:
        """Sectors of equal area, then the square root of the radius."""
        sectors = EqualMeasure(lambda s: np.pi * self._radii(2 * np.pi * s) ** 2)

        def place(u: NDArray) -> Placed:
            angle = 2 * np.pi * sectors(u[:, 0])
            radius = self._radii(angle) * np.sqrt(u[:, 1])
            return Placed(self.center + np.column_stack([radius * np.cos(angle), radius * np.sin(angle)]))

        return Chart(2, sectors.total, place, smooth=True)

    def _radii(self, angle: NDArray[np.float64]) -> NDArray[np.float64]:
        radii = torch.as_tensor(self.radius(torch.as_tensor(angle)), dtype=torch.float64)
        return np.broadcast_to(radii.numpy(), angle.shape)


class Ellipse(ClosedCurve):
    """The points inside an ellipse of half axes (a, b) > 0 along x and y; `rotated` turns it."""

    def __init__(
        self,
        center: Sequence[float] = (0.0, 0.0),
        half_axes: Sequence[float] = (1.0, 0.5),
        *,
        name: str = "ellipse",
        coordinates: Sequence[str] | None = None,
    ) -> None:
        self.center = checked_vector("center", center, 2)
        self.half_axes = checked_vector("half_axes", half_axes, 2)
        for length in self.half_axes:
            checked_length("half_axes", length)
        self._describe(2, coordinates, name)
        self.bounds = box_around(self.coordinates, self.center + np.array([-self.half_axes, self.half_axes]))

    def position(self, s: Tensor) -> Tensor:
        angle = 2 * torch.pi * s
        circle = torch.stack([torch.cos(angle), torch.sin(angle)])
        return torch.as_tensor(self.center) + torch.as_tensor(self.half_axes) * circle

    @property
    def extent(self) -> Estimate:
        return Estimate(float(np.pi * np.prod(self.half_axes)), 0.0)

    def contains(self, x: NDArray[np.float64]) -> NDArray[np.bool_]:
        (x0, y0), (a, b) = self.center, self.half_axes
        return ((x[:, 0] - x0) / a) ** 2 + ((x[:, 1] - y0) / b) ** 2 <= 1

    def _interior_chart(self) -> Chart:
        def place(u: NDArray) -> Placed:
            angle, radius = 2 * np.pi * u[:, 1:], np.sqrt(u[:, :1])
            return Placed(self.center + self.half_axes * radius * np.hstack([np.cos(angle), np.sin(angle)]))

        return Chart(2, self.measure, place, smooth=True)


def _crossing(nodes: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """A point at which two sides of the closed polygon cross, or None."""
    start, end = nodes, np.roll(nodes, -1, axis=0)

    def side(a: NDArray, b: NDArray, p: NDArray) -> NDArray:
        """On which side of the line a_i b_i the point p_j lies, (k, k)."""
        (dx, dy), offset = (b - a).T[:, :, None], p[None] - a[:, None]
        return np.sign(dx * offset[..., 1] - dy * offset[..., 0])

    split = side(start, end, start) * side(start, end, end) < 0
    crossings = np.argwhere(split & split.T)
    return None if len(crossings) == 0 else np.round(nodes[crossings[0, 0]], 4)
