"""Sampling of collocation points."""

from pinn.sampling.base import Magnitude, Sampler, next_seed
from pinn.sampling.points import Points, PointSet
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
