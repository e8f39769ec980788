"""Sampling of collocation points."""

from pinn.sampling.base import Magnitude, Points, PointSet, Sampler, next_seed
from pinn.sampling.sequences import ChebyshevSampler, SobolSampler, UniformSampler

__all__ = [
    "ChebyshevSampler",
    "Magnitude",
    "PointSet",
    "Points",
    "Sampler",
    "SobolSampler",
    "UniformSampler",
    "next_seed",
]
