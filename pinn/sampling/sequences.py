"""Samplers by the sequence they draw from."""

import warnings

import numpy as np
from scipy.stats import qmc

from pinn.sampling.base import Sampler


class SobolSampler(Sampler):
    """Scrambled Sobol points (Owen scrambling): evenly spread, different at each draw."""

    def unit(self, n: int, k: int, seed: int) -> np.ndarray:
        with warnings.catch_warnings():  # any n is wanted; the balance of powers of two is not needed
            warnings.filterwarnings("ignore", message="The balance properties of Sobol")
            return qmc.Sobol(k, scramble=True, rng=np.random.default_rng(seed)).random(n)


class UniformSampler(Sampler):
    """Independent uniform points."""

    def unit(self, n: int, k: int, seed: int) -> np.ndarray:
        return np.random.default_rng(seed).random((n, k))


class ChebyshevSampler(SobolSampler):
    """Scrambled Sobol points with the density of Chebyshev nodes, 1 / (pi sqrt(s (1 - s))) for s in [0, 1].

    Dense towards the sides: a fit in p smooth functions is stable with few more than p such points, where it takes
    some p^2 uniform ones to hold it there (Cohen & Migliorati 2017, doi:10.5802/smai-jcm.24). For the least squares
    of `optimizer=linear`. Of equal weight, so that the loss is the mean over this density.
    """

    def unit(self, n: int, k: int, seed: int) -> np.ndarray:
        return 0.5 - 0.5 * np.cos(np.pi * super().unit(n, k, seed))
