"""Samplers on grids: the same points at every draw."""

from abc import abstractmethod
from collections.abc import Callable

import numpy as np
import torch

from pinn.domains import Domain
from pinn.sampling.base import Drawn, Sampler
from pinn.sampling.predicates import holds
from pinn.sampling.quadrature import gauss_legendre, tensor_grid
from pinn.sampling.sequences import SobolSampler


class GridSampler(Sampler):
    """A tensor grid in the domain's bounding box, of which the points inside are kept, and in the faces of boxes.

    interior, boundary: about how many points of the box and of each face, the nearest power of a whole number of
    points along each coordinate. Sides of other domains take Sobol points. redraw_every: as of `Sampler`.
    """

    def __init__(self, *, interior: int = 4000, boundary: int = 250, redraw_every: int | None = None) -> None:
        super().__init__(interior=interior, boundary=boundary, redraw_every=redraw_every, adaptation=None)

    @abstractmethod
    def axis(self, n: int) -> tuple[np.ndarray, np.ndarray]:
        """n nodes in [0, 1] and their weights, of sum 1."""

    def volume(self, domain: Domain, n: int, generator: torch.Generator, where: Callable | None) -> Drawn:
        nodes, weights = self._grid(n, len(domain.coordinates))
        lower, upper = np.array(list(domain.bounds.values())).T
        drawn = Drawn(lower + (upper - lower) * nodes, weight=np.prod(upper - lower) * weights)
        return _kept(domain, where, drawn if domain.is_box else drawn.where(domain.contains(drawn.x)))

    def side(self, domain: Domain, side: str, n: int, generator: torch.Generator, where: Callable | None) -> Drawn:
        if domain.is_box:
            nodes, weights = self._grid(n, len(domain.coordinates) - 1)
            drawn = Drawn(*domain.boundary(side, len(nodes), lambda n, k: nodes))
        else:
            drawn = SobolSampler(boundary=self.boundary).side(domain, side, n, generator, None)
            weights = np.full(len(drawn.x), 1 / len(drawn.x))
        weights = domain.side_measure(side) * weights
        return _kept(domain, where, Drawn(drawn.x, drawn.normal, weights))

    def _grid(self, n: int, k: int) -> tuple[np.ndarray, np.ndarray]:
        return tensor_grid(*self.axis(max(1, round(n ** (1 / max(k, 1))))), k)


def _kept(domain: Domain, where: Callable | None, drawn: Drawn) -> Drawn:
    return drawn if where is None else drawn.where(holds(domain, where, drawn.x))


class GaussLegendreSampler(GridSampler):
    """Gauss-Legendre nodes with their weights: each term's mean square is an integral over its region's measure.

    Exact on boxes for squares of polynomials of degree below the number of nodes along each coordinate; elsewhere the
    box's rule restricted to the domain. Smooth residuals only: between the nodes nothing is seen, and they stay.
    """

    def axis(self, n: int) -> tuple[np.ndarray, np.ndarray]:
        return gauss_legendre(n)


class EquispacedSampler(GridSampler):
    """The midpoints of equal cells."""

    def axis(self, n: int) -> tuple[np.ndarray, np.ndarray]:
        return (np.arange(n) + 0.5) / n, np.full(n, 1 / n)
