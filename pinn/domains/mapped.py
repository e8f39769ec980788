"""Domains that are smooth images of a box."""

from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.spatial import cKDTree
from torch import Tensor

from pinn.basis.errors import UserError, require
from pinn.derivatives.operators import jacobian, jacobian_determinant
from pinn.domains.base import Shape, box_around
from pinn.domains.box import Box
from pinn.domains.charts import Chart, Estimate, Placed, sobol
from pinn.domains.curves import EqualMeasure
from pinn.domains.nearest import ParametricSurface
from pinn.domains.rules import Rule, gauss_legendre, grid, tensor_grid

NODES = {2: 128, 3: 24}  # along each reference coordinate: of the search of a point's preimage
GAUSS = {1: 256, 2: 128, 3: 48}  # along each of k reference coordinates: of integrals
MARGIN = 1.05  # over the largest density of measure that the nodes show
NEWTON = 30  # steps of the search of a preimage
INSIDE = 1e-12  # of a reference coordinate's range: rounding of a preimage at the boundary


class Mapped(Shape):
    """The image of a box of two or three reference coordinates under a smooth map:

    `Mapped(lambda r, a: (r * cos(a), r * sin(a)), Box(r=(1, 2), a=(0, 2 * pi)), closed=("a",))`.

    map: the coordinates as torch functions of the reference coordinates by position, one to one inside the box.
    reference: the box; its sides give their names (`r.min`). closed: reference coordinates whose two sides meet in
    the image, where there is then no boundary.

    Interior points are uniform by rejection with the Jacobian determinant |det J|, those of a side by its change of
    area |det J| |J^-T n|; the normals are J^-T n, normalized. `contains` looks for a preimage by Newton's method.
    Raises UserError where the map folds (det J changes its sign), covers points twice, or is not closed as it says.
    """

    def __init__(
        self,
        map: Callable[..., Sequence[Tensor]],
        reference: Box,
        *,
        closed: Sequence[str] = (),
        name: str | None = None,
        coordinates: Sequence[str] | None = None,
    ) -> None:
        require(isinstance(reference, Box), f"the reference domain must be a box, got {reference!r}")
        d = len(reference.coordinates)
        require(d in NODES, f"mapped domains have two or three dimensions, got {d}")
        self.map, self.reference, self.closed = map, reference, tuple(closed)
        unknown = [c for c in self.closed if c not in reference.coordinates]
        require(not unknown, f"closed names {unknown}; the reference coordinates are {reference.coordinates}")
        self._closed = np.array([c in self.closed for c in reference.coordinates])
        self._describe(d, coordinates, "mapped" if name is None else name)
        kept = [side for side in reference.sides if side.rpartition(".")[0] not in self.closed]
        self._own = {side if name is None else f"{name}.{side}": side for side in kept}
        self._lower, self._upper = np.array(list(reference.bounds.values())).T
        self._check()

    def position(self, s: Tensor) -> Tensor:
        """The image (d,) of one reference point (d,)."""
        image = tuple(self.map(*s))
        if len(image) != len(s):
            raise UserError(f"the map must have {len(s)} components, got {len(image)}")
        return torch.stack([torch.as_tensor(value, dtype=s.dtype) for value in image])

    @cached_property
    def bounds(self) -> dict[str, tuple[float, float]]:
        """The extremes of each coordinate over the reference box, from the extreme nodes on."""
        extremes = [[self._extreme(i, sign) for i in range(len(self._lower))] for sign in (1.0, -1.0)]
        return box_around(self.coordinates, np.array(extremes))

    def _extreme(self, i: int, sign: float) -> float:
        """The smallest value of sign times coordinate i, times sign."""
        nodes, images, _ = self._nodes
        start = nodes[np.argmin(sign * images[:, i])]

        def value_and_slope(s: NDArray) -> tuple[float, NDArray]:
            return sign * float(self._images(s[None])[0, i]), sign * self._jacobians(s[None])[0, i]

        box = list(zip(self._lower, self._upper, strict=True))
        least = minimize(value_and_slope, start, jac=True, method="L-BFGS-B", bounds=box, options={"ftol": 1e-15})
        return sign * min(float(least.fun), float(np.min(sign * images[:, i])))

    @cached_property
    def extent(self) -> Estimate:
        """The integral of |det J|."""
        nodes, weights = _gauss(len(self._lower))
        return Estimate(float(weights @ self._density(self._scaled(nodes)) * np.prod(self._upper - self._lower)), 0.0)

    def quadrature(self, n: int) -> Rule:
        """Gauss-Legendre in the reference box, weighted by |det J|."""
        rule = self.reference.quadrature(n)
        return Rule(self._images(rule.points), rule.weights * self._density(rule.points))

    def side_quadrature(self, side: str, n: int) -> Rule:
        """Gauss-Legendre on the side of the reference box, weighted by the change of area |det J| |J^-T n|."""
        rule = self.reference.side_quadrature(self._own[self.checked_side(side)], n)
        placed, stretch = self._stretched(Placed(rule.points, rule.normals))
        return Rule(placed.x, rule.weights * stretch, placed.normal)

    def side_extent(self, side: str) -> Estimate:
        """The integral of |det J| |J^-T n| over the side of the box."""
        own = self.reference.side_chart(self._own[self.checked_side(side)])
        nodes, weights = _gauss(own.k)
        return Estimate(own.measure * float(weights @ self._stretched(own.place(nodes))[1]), 0.0)

    def contains(self, x: NDArray[np.float64]) -> NDArray[np.bool_]:
        s, converged = self._preimages(x)
        slack = INSIDE * (self._upper - self._lower)
        return converged & ((s >= self._lower - slack) & (s <= self._upper + slack)).all(axis=1)

    def distance(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        gaps = []
        for side in self.sides:
            surface = self._surface(side)
            gaps.append(np.linalg.norm(x - surface.at(surface.foot(x)), axis=1) if len(x) else np.zeros(0))
        return np.min(gaps, axis=0) * np.where(self.contains(x), -1.0, 1.0)

    def _interior_chart(self) -> Chart:
        d = len(self.coordinates)
        largest = MARGIN * self._density(self._nodes[0]).max()

        def place(u: NDArray) -> Placed:
            s = self._scaled(u[:, :d])
            return Placed(self._images(s), kept=_accepted(u[:, d], self._density(s), largest))

        return Chart(d + 1, float(largest * np.prod(self._upper - self._lower)), place, rejects=True)

    def _side_chart(self, side: str) -> Chart:
        own = self.reference.side_chart(self._own[side])
        if own.k == 1:
            curve = EqualMeasure(lambda u: self._stretched(own.place(u[:, None]))[1] * own.measure)
            return Chart(1, curve.total, lambda u: self._stretched(own.place(curve(u[:, 0])[:, None]))[0])
        nodes = grid(*[np.linspace(0, 1, 64)] * own.k)
        largest = MARGIN * self._stretched(own.place(nodes))[1].max()

        def place(u: NDArray) -> Placed:
            placed, stretch = self._stretched(own.place(u[:, : own.k]))
            return placed._replace(kept=_accepted(u[:, own.k], stretch, largest))

        return Chart(own.k + 1, float(largest * own.measure), place, rejects=True)

    def _stretched(self, reference: Placed) -> tuple[Placed, NDArray[np.float64]]:
        """Points of a side of the box as those of the image, with the change of area |det J| |J^-T n| (n,)."""
        j = self._jacobians(reference.x)
        area = np.einsum("nij,nj->ni", cofactors(j), reference.outward)  # det J J^-T n, finite where J is singular
        stretch = np.linalg.norm(area, axis=1)
        outward = self._orientation * area / np.maximum(stretch, 1e-300)[:, None]
        return Placed(self._images(reference.x), outward), stretch

    def _surface(self, side: str) -> ParametricSurface:
        """A side of the image as a function of the free reference coordinates."""
        name, _, end = self._own[side].rpartition(".")
        along = self.reference.coordinates.index(name)
        free = [i for i in range(len(self._lower)) if i != along]
        value = torch.as_tensor(self._upper[along] if end == "max" else self._lower[along])

        def position(s: Tensor) -> Tensor:
            parts = list(s)
            parts.insert(along, value.to(s))
            return self.position(torch.stack(parts))

        closed = self._closed[free]
        return ParametricSurface(position, self._lower[free], self._upper[free], 2 * NODES[len(self._lower)], closed)

    def _scaled(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        return self._lower + (self._upper - self._lower) * u

    def _images(self, s: NDArray[np.float64]) -> NDArray[np.float64]:
        return torch.vmap(self.position)(torch.as_tensor(s)).numpy() if len(s) else s

    def _jacobians(self, s: NDArray[np.float64]) -> NDArray[np.float64]:
        return jacobian(self.position, torch.as_tensor(s)).numpy()

    def _density(self, s: NDArray[np.float64]) -> NDArray[np.float64]:
        """|det J| (n,) at reference points (n, d)."""
        return np.abs(jacobian_determinant(self.position, torch.as_tensor(s)).numpy())

    @cached_property
    def _nodes(self) -> tuple[NDArray[np.float64], NDArray[np.float64], cKDTree]:
        """Reference nodes (k, d) at the middles of cells, where no map collapses; their images, for searching, too."""
        d = len(self._lower)
        axes = [(np.arange(NODES[d]) + 0.5) / NODES[d]] * d
        s = self._scaled(grid(*axes))
        images = self._images(s)
        return s, images, cKDTree(images)

    def _preimages(self, x: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Reference points (n, d) whose images are x, by Newton's method, and whether it converged."""
        nodes, images, tree = self._nodes
        extent, size = self._upper - self._lower, float(np.ptp(images, axis=0).max())
        gap, nearest = tree.query(x)
        s, active = nodes[nearest], np.flatnonzero(gap < self._reach)
        for _ in range(NEWTON):
            residual = self._images(s[active]) - x[active]
            far = np.abs(residual).max(axis=1, initial=0.0) > 1e-14 * size
            active, residual = active[far], residual[far]
            if len(active) == 0:
                break
            step = np.clip(_solved(self._jacobians(s[active]), residual), -extent / 4, extent / 4)
            s[active] = np.clip(s[active] - step, self._lower - extent / 2, self._upper + extent / 2)
        converged = np.abs(self._images(s) - x).max(axis=1, initial=0.0) < 1e-9 * size
        back = self._lower + (s - self._lower) % extent  # of closed coordinates, into the box
        return np.where(self._closed, back, s), converged

    @cached_property
    def _reach(self) -> float:
        """No point of the domain is farther from all images of nodes: twice the largest half diagonal of a cell."""
        half = (self._upper - self._lower) / NODES[len(self._lower)] / 2
        return 2 * float(np.linalg.norm(self._jacobians(self._nodes[0]) * half, axis=(1, 2)).max())

    @cached_property
    def _orientation(self) -> float:
        """The sign of det J."""
        determinant = jacobian_determinant(self.position, torch.as_tensor(self._nodes[0])).numpy()
        require(bool(np.isfinite(determinant).all()), f"the map of {self.name} must be finite and differentiable")
        rounding = 1e-12 * np.abs(determinant).max()
        positive, negative = (determinant > rounding).any(), (determinant < -rounding).any()
        require(bool(positive or negative), f"the map of {self.name} is degenerate: its Jacobian determinant is zero")
        folds = "folds: its Jacobian determinant changes its sign"
        require(not (positive and negative), f"the map of {self.name} {folds}; it must be one to one")
        return 1.0 if positive else -1.0

    def _check(self) -> None:
        """Raise UserError for a map that folds, is not closed as it says, or covers points twice."""
        _ = self._orientation
        size = float(np.ptp(self._nodes[1], axis=0).max())
        for name in self.closed:
            ends = [
                self._images(self.reference.side_chart(f"{name}.{end}").sample(64, sobol).x) for end in ("min", "max")
            ]
            apart = float(np.abs(ends[0] - ends[1]).max())
            require(
                apart < 1e-9 * size, f"the map of {self.name} is not closed in {name}: its ends are {apart:g} apart"
            )
        self._own = {side: own for side, own in self._own.items() if not self._is_collapsed(own, size)}
        self.sides = tuple(self._own)
        s = self.reference.interior(512, sobol)
        again, converged = self._preimages(self._images(s))
        off = np.abs(again - s) / (self._upper - self._lower)
        off = np.minimum(off, np.where(self._closed, 1 - off, off))
        twice = (off.max(axis=1) > 1e-6) | ~converged
        place = np.round(self._images(s[twice][:1]), 4).tolist()
        require(not twice.any(), f"the map of {self.name} covers points twice, or cannot be inverted, near {place}")

    def _is_collapsed(self, own: str, size: float) -> bool:
        """Whether the image of a side of the box is a point (or, in space, a line), as the center of polar ones."""
        stretch = self._stretched(self.reference.side_chart(own).sample(256, sobol))[1]
        others = self.reference.side_measure(own)
        return bool(stretch.max() * others < 1e-9 * size ** (len(self._lower) - 1))


def cofactors(matrices: NDArray[np.float64]) -> NDArray[np.float64]:
    """det A A^-T of matrices (n, d, d), d = 2 or 3, without division."""
    if matrices.shape[-1] == 2:
        (a, b), (c, d) = np.moveaxis(matrices, 0, -1)
        return np.moveaxis(np.array([[d, -c], [-b, a]]), -1, 0)
    first, second, third = np.moveaxis(matrices, 1, 0)
    return np.stack([np.cross(second, third), np.cross(third, first), np.cross(first, second)], axis=1)


def _gauss(k: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Gauss-Legendre nodes of the unit cube (n, k), their weights (n,) of sum 1."""
    return tensor_grid(*gauss_legendre(GAUSS[k]), k)


def _accepted(u: NDArray[np.float64], density: NDArray[np.float64], largest: float) -> NDArray[np.bool_]:
    """Which points to keep so that their density is as given; raises UserError where it exceeds the bound."""
    steep = density.max(initial=0.0) > largest
    require(not steep, "the map's Jacobian determinant varies too fast to sample it; refine the map")
    return u * largest < density


def _solved(matrices: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """The solutions of linear systems, those of singular ones a little damped."""
    scale = np.abs(matrices).max(axis=(1, 2), keepdims=True) + 1e-300
    singular = np.abs(np.linalg.det(matrices / scale)) < 1e-13
    damped = np.where(singular[:, None, None], matrices + 1e-6 * scale * np.eye(matrices.shape[-1]), matrices)
    return np.asarray(np.linalg.solve(damped, right[..., None])[..., 0], dtype=np.float64)
