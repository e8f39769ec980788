"""Samplers with the same points at every draw: Gauss rules and equispaced grids."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch

from pinn.domains.base import Domain
from pinn.domains.rules import grid, nodes_along, tensor_grid
from pinn.sampling.base import Drawn, Sampler
from pinn.sampling.predicates import holds
from pinn.sampling.sequences import ChebyshevSampler, SobolSampler


class GridSampler(Sampler):
    """Points that stay where they are.

    interior, boundary: about how many points of the interior and of each side. redraw_every: as of `Sampler`.
    """

    def __init__(self, *, interior: int = 4000, boundary: int = 250, redraw_every: int | None = None) -> None:
        super().__init__(interior=interior, boundary=boundary, redraw_every=redraw_every, adaptation=None)


class GaussLegendreSampler(GridSampler):
    """Quadrature nodes with their weights: each term's mean square is an integral over its region's measure.

    On boxes tensor grids of Gauss-Legendre nodes, exact for squares of polynomials of degree below the number of
    nodes along each coordinate; elsewhere `Domain.quadrature`, Gauss rules in the cells of a mesh included. Smooth
    residuals only: between the nodes nothing is seen, and they stay.
    """

    def volume(self, domain: Domain, n: int, generator: torch.Generator, where: Callable | None) -> Drawn:
        rule = domain.quadrature(n)
        return _kept(domain, where, Drawn(rule.points, weight=rule.weights))

    def side(self, domain: Domain, side: str, n: int, generator: torch.Generator, where: Callable | None) -> Drawn:
        rule = domain.side_quadrature(side, n)
        return _kept(domain, where, Drawn(rule.points, rule.normals, rule.weights))


class EquispacedSampler(GridSampler):
    """The midpoints of equal cells of the bounding box, those inside, and of the faces of boxes.

    Sides of other domains take Sobol points.
    """

    def volume(self, domain: Domain, n: int, generator: torch.Generator, where: Callable | None) -> Drawn:
        nodes, weights = _midpoints(n, len(domain.coordinates))
        lower, upper = np.array(list(domain.bounds.values())).T
        drawn = Drawn(lower + (upper - lower) * nodes, weight=np.prod(upper - lower) * weights)
        return _kept(domain, where, drawn if domain.is_box else drawn.where(domain.contains(drawn.x)))

    def side(self, domain: Domain, side: str, n: int, generator: torch.Generator, where: Callable | None) -> Drawn:
        if domain.is_box:
            nodes, weights = _midpoints(n, len(domain.coordinates) - 1)
            drawn = Drawn(*domain.boundary(side, len(nodes), lambda n, k: nodes))
        else:
            drawn = SobolSampler(boundary=self.boundary).side(domain, side, n, generator, None)
            weights = np.full(len(drawn.x), 1 / len(drawn.x))
        weights = domain.side_measure(side) * weights
        return _kept(domain, where, Drawn(drawn.x, drawn.normal, weights))


class CollocationGrid(GridSampler):
    """The nodes of spectral collocation: a tensor grid of given nodes along each coordinate.

    axes: nodes in (0, 1) along each coordinate. On boxes; elsewhere, and in parts that are none, as many Sobol points
    of Chebyshev's density.
    """

    def __init__(self, axes: Sequence[Sequence[float]], *, redraw_every: int | None = None) -> None:
        counts = [len(axis) for axis in axes]
        super().__init__(interior=math.prod(counts), boundary=max(counts), redraw_every=redraw_every)
        self.axes = tuple(np.asarray(axis, dtype=float) for axis in axes)

    def volume(self, domain: Domain, n: int, generator: torch.Generator, where: Callable | None) -> Drawn:
        if not self._suits(domain):
            return ChebyshevSampler().volume(domain, n, generator, where)
        lower, upper = np.array(list(domain.bounds.values())).T
        return _kept(domain, where, Drawn(lower + (upper - lower) * grid(*self.axes)))

    def side(self, domain: Domain, side: str, n: int, generator: torch.Generator, where: Callable | None) -> Drawn:
        if not self._suits(domain):
            return ChebyshevSampler().side(domain, side, n, generator, where)
        across = domain.coordinates.index(side.split(".")[0])
        axes = [axis for i, axis in enumerate(self.axes) if i != across]
        nodes = grid(*axes) if axes else np.zeros((1, 0))
        return _kept(domain, where, Drawn(*domain.boundary(side, len(nodes), lambda n, k: nodes)))

    def _suits(self, domain: Domain) -> bool:
        return domain.is_box and len(domain.coordinates) == len(self.axes)


def _midpoints(n: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    """About n midpoints of equal cells of the unit cube (n, k) with their weights (n,)."""
    along = nodes_along(n, k)
    return tensor_grid((np.arange(along) + 0.5) / along, np.full(along, 1 / along), k)


def _kept(domain: Domain, where: Callable | None, drawn: Drawn) -> Drawn:
    return drawn if where is None else drawn.where(holds(domain, where, drawn.x))
