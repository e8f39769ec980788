"""Samplers by the random or low-discrepancy sequence they draw from."""

import warnings
from abc import abstractmethod
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from scipy.stats import qmc

from pinn.domains.base import Domain
from pinn.domains.region import Region
from pinn.sampling.base import Drawn, Located, Sampler, joined, next_seed
from pinn.sampling.predicates import holds

ROUNDS = 20  # of drawing, for a predicate that few points fulfil


class SequenceSampler(Sampler):
    """A sampler whose points are images of a sequence in the unit cube; options as of `Sampler`."""

    @abstractmethod
    def unit(self, n: int, k: int, seed: int) -> np.ndarray:
        """n points of [0, 1)^k, shape (n, k), k >= 1; the same seed gives the same points."""

    def volume(self, domain: Domain, n: int, generator: torch.Generator, where: Callable | None) -> Drawn:
        cube = partial(self._cube, generator)
        return _selected(domain, where, lambda: Drawn(domain.interior(n, cube)), n)

    def side(self, domain: Domain, side: str, n: int, generator: torch.Generator, where: Callable | None) -> Drawn:
        cube = partial(self._cube, generator)
        return _selected(domain, where, lambda: Drawn(*domain.boundary(side, n, cube)), n)

    def _cube(self, generator: torch.Generator, n: int, k: int) -> np.ndarray:
        return self.unit(n, k, next_seed(generator)) if k else np.empty((n, 0))


def _selected(domain: Domain, where: Callable | None, draw: Callable[[], Drawn], n: int) -> Drawn:
    """n points for which the predicate holds, drawn in rounds; fewer where it seldom does."""
    if where is None:
        return draw()
    kept: list[Drawn] = []
    for _ in range(ROUNDS):
        drawn = draw()
        kept.append(drawn.where(holds(domain, where, drawn.x)))
        if sum(len(part.x) for part in kept) >= n:
            break
    return joined(kept).where(slice(n))


class SobolSampler(SequenceSampler):
    """Scrambled Sobol points (Owen scrambling): evenly spread, different at each draw."""

    def unit(self, n: int, k: int, seed: int) -> np.ndarray:
        with warnings.catch_warnings():  # any n is wanted; the balance of powers of two is not needed
            warnings.filterwarnings("ignore", message="The balance properties of Sobol")
            return qmc.Sobol(k, scramble=True, rng=np.random.default_rng(seed)).random(n)


class HaltonSampler(SequenceSampler):
    """Scrambled Halton points: evenly spread for any number of them, best in few dimensions."""

    def unit(self, n: int, k: int, seed: int) -> np.ndarray:
        return qmc.Halton(k, scramble=True, rng=np.random.default_rng(seed)).random(n)


class LatinHypercubeSampler(SequenceSampler):
    """Latin hypercube points: each coordinate's n strata hold one point each (McKay, Beckman & Conover 1979)."""

    def unit(self, n: int, k: int, seed: int) -> np.ndarray:
        return qmc.LatinHypercube(k, rng=np.random.default_rng(seed)).random(n)


class UniformSampler(SequenceSampler):
    """Independent uniform points."""

    def unit(self, n: int, k: int, seed: int) -> np.ndarray:
        return np.random.default_rng(seed).random((n, k))


def anywhere(
    trial: Located, n: int, generator: torch.Generator, sampler: type[SequenceSampler] = UniformSampler
) -> torch.Tensor:
    """n points (n, d) of a trial function's whole domain, of its type and on its device."""
    points = sampler(interior=n, boundary=1).draw(trial.domain, Region(), generator)
    return points.to(trial.dtype, trial.device).x


def through_time(trial: Located, n: int, times: int, generator: torch.Generator) -> torch.Tensor:
    """About n points (n, d) of a trial function's whole domain, on boxes at fewer places, each at so many times.

    Windows of time go on from what was before them, which is computed at each place once.
    """
    domain = trial.domain
    if domain.time is None or not domain.is_box or len(domain.coordinates) == 1:
        return anywhere(trial, n, generator, SobolSampler)
    places = anywhere(trial, max(1, n // times), generator, SobolSampler)
    first, last = domain.bounds[domain.time]
    shift = (torch.rand(times, generator=generator) + torch.arange(times)) / times
    x = places.repeat(times, 1)
    at = first + (last - first) * shift.to(x)
    x[:, domain.coordinates.index(domain.time)] = at.repeat_interleave(len(places))
    return x


class ChebyshevSampler(SobolSampler):
    """Scrambled Sobol points with the density of Chebyshev nodes, 1 / (pi sqrt(s (1 - s))) for s in [0, 1].

    Dense towards the sides: a fit in p smooth functions is stable with few more than p such points, where it takes
    some p^2 uniform ones to hold it there (Cohen & Migliorati 2017, doi:10.5802/smai-jcm.24). For the least squares
    of `optimizer=linear`. Of equal weight, so that the loss is the mean over this density.
    """

    def unit(self, n: int, k: int, seed: int) -> np.ndarray:
        return 0.5 - 0.5 * np.cos(np.pi * super().unit(n, k, seed))
