"""Where the residuals are evaluated: collocation points drawn region by region."""

from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from pinn.configurable import Configurable
from pinn.domains import Domain, Draw, Region
from pinn.errors import require
from pinn.sampling.given import GivenRegion
from pinn.sampling.points import Points
from pinn.sampling.predicates import holds

# magnitude(points (n, d)) -> |r| (n,), what residual-adaptive sampling looks at.
Magnitude = Callable[[Tensor], Tensor]


class Sampler(Configurable, ABC):
    """Draws the collocation points of a problem's regions.

    interior: number of points in the interior. boundary: number of points on each side of the boundary, the start
    of time included. Every side is sampled on its own. redraw_every: training steps between two draws; 0 keeps the
    first points. concentration: 0 draws uniformly; c > 0 draws a share c / (1 + c) of the interior points with
    density proportional to the residual's magnitude (RAD with k = 1, arXiv 2207.10289), the others uniformly.
    """

    def __init__(
        self, *, interior: int = 3000, boundary: int = 250, redraw_every: int = 20, concentration: float = 1.0
    ) -> None:
        require(interior >= 1, f"sampler.interior must be >= 1, got {interior}")
        require(boundary >= 1, f"sampler.boundary must be >= 1, got {boundary}")
        require(redraw_every >= 0, f"sampler.redraw_every must be >= 0, got {redraw_every}; 0 never redraws")
        require(
            0 <= concentration < float("inf"),
            f"sampler.concentration must be finite and >= 0, got {concentration}; 0 samples uniformly",
        )
        self.interior = interior
        self.boundary = boundary
        self.redraw_every = redraw_every
        self.concentration = concentration

    @abstractmethod
    def unit(self, n: int, k: int, seed: int) -> np.ndarray:
        """n points of [0, 1)^k, shape (n, k); the same seed gives the same points."""

    def draw(
        self, domain: Domain, region: Region, generator: torch.Generator, magnitude: Magnitude | None = None
    ) -> Points:
        """Points of one region, float64 on the CPU. magnitude: where given, interior points follow it.

        Raises UserError where the region's predicate selects no points, on none of its sides.
        """

        def draw(n: int, k: int) -> np.ndarray:
            return self.unit(n, k, next_seed(generator))

        if isinstance(region, GivenRegion):
            return region.points(domain, draw)
        domain = region.of or domain
        if region.sides:
            return _not_empty(self._boundary(domain, region, draw), region)
        concentrated = magnitude is not None and self.concentration > 0
        pool = 4 * self.interior if concentrated else self.interior
        x = torch.as_tensor(_selected(domain, region, lambda n: domain.interior(n, draw), pool)[0])
        if concentrated:
            assert magnitude is not None
            x = x[self._follow(magnitude(x).cpu(), generator)]
        return _not_empty(Points(x), region)

    def _follow(self, magnitude: Tensor, generator: torch.Generator) -> Tensor:
        """Rows of the pool drawn without replacement with density |r| / mean |r| + 1 / concentration."""
        magnitude = torch.nan_to_num(magnitude.double(), posinf=0.0)
        density = self.concentration * magnitude / magnitude.mean().clamp_min(1e-300) + 1.0
        return torch.multinomial(density, self.interior, generator=generator)

    def _boundary(self, domain: Domain, region: Region, draw: Draw) -> Points:
        if region.period is not None:
            return self._pairs(domain, region.sides, region.period, draw)
        xs, normals = [], []
        for side in region.sides:

            def on_side(n: int, side: str = side) -> tuple[np.ndarray, np.ndarray]:
                return domain.boundary(side, n, draw)

            n = 1 if len(domain.coordinates) == 1 else self.boundary
            x, normal = _selected(domain, region, on_side, n)
            xs.append(x)
            normals.append(normal)
        return Points(torch.as_tensor(np.concatenate(xs)), torch.as_tensor(np.concatenate(normals)))

    def _pairs(self, domain: Domain, sides: tuple[str, ...], period: str, draw: Draw) -> Points:
        """Points on the lower side of a period, then the same shifted to the upper side."""
        n = 1 if len(domain.coordinates) == 1 else self.boundary
        x, normal = domain.boundary(sides[0], n, draw)
        lower, upper = domain.bounds[period]
        shifted = x.copy()
        shifted[:, domain.coordinates.index(period)] += upper - lower
        return Points(
            torch.as_tensor(np.concatenate([x, shifted])), torch.as_tensor(np.concatenate([normal, -normal])), per_row=2
        )


def next_seed(generator: torch.Generator) -> int:
    """A seed for another generator, drawn from this one."""
    return int(torch.randint(2**31 - 1, (), generator=generator))


def _selected(domain: Domain, region: Region, draw: Callable, n: int) -> tuple[np.ndarray, np.ndarray]:
    """n points for which the region's predicate holds, drawn in rounds."""
    if region.where is None:
        found = draw(n)
        return found if isinstance(found, tuple) else (found, found)
    kept: list[tuple[np.ndarray, np.ndarray]] = []
    for _ in range(20):
        found = draw(n)
        x, normal = found if isinstance(found, tuple) else (found, found)
        inside = holds(domain, region.where, x)
        kept.append((x[inside], normal[inside]))
        if sum(len(part) for part, _ in kept) >= n:
            break
    x, normal = (np.concatenate(parts) for parts in zip(*kept, strict=True))
    return x[:n], normal[:n]


def _not_empty(points: Points, region: Region) -> Points:
    require(len(points) > 0, f"a term on {region.label} selects no points; check its predicate")
    return points
