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
