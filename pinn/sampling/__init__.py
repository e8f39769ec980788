"""Sampling of collocation points."""

from pinn.sampling.base import Magnitude, Points, PointSet, Sampler, next_seed
from pinn.sampling.sequences import SobolSampler, UniformSampler

__all__ = ["Magnitude", "PointSet", "Points", "Sampler", "SobolSampler", "UniformSampler", "next_seed"]
