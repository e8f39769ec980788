"""Sampling of collocation points."""

from pinn.sampling.adaptation import R3, RAD, RAR, Adaptation, Magnitude, ResidualAttention, State
from pinn.sampling.arc_length import ArcLength
from pinn.sampling.base import Sampler, next_seed
from pinn.sampling.flow import FlowSampling
from pinn.sampling.grids import EquispacedSampler, GaussLegendreSampler
from pinn.sampling.points import Points, PointSet
from pinn.sampling.sequences import (
    ChebyshevSampler,
    HaltonSampler,
    LatinHypercubeSampler,
    SobolSampler,
    UniformSampler,
)

__all__ = [
    "R3",
    "RAD",
    "RAR",
    "Adaptation",
    "ArcLength",
    "ChebyshevSampler",
    "EquispacedSampler",
    "FlowSampling",
    "GaussLegendreSampler",
    "HaltonSampler",
    "LatinHypercubeSampler",
    "Magnitude",
    "PointSet",
    "Points",
    "ResidualAttention",
    "Sampler",
    "SobolSampler",
    "State",
    "UniformSampler",
    "next_seed",
]
