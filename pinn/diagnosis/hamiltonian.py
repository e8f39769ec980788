"""Hamiltonian Monte Carlo: samples of a few numbers by their density's logarithm and its gradient.

Duane, Kennedy, Pendleton & Roweth 1987, doi:10.1016/0370-2693(87)91197-X; step and acceptance as in Neal 2011,
arXiv 1206.1901; the step is adapted as in Hoffman & Gelman 2014, arXiv 1111.4246, section 3.2, without averaging, the
scale by the draws of the warming up.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Generator, Tensor

from pinn.basis.logs import logger

FIRST_STEP = 0.5  # of numbers whose standard deviation is about one
LENGTHS = (0.8, 2.4)  # of trajectories: around the quarter of a period after which a normal density forgets
MOST_STEPS = 24  # of one trajectory
WANTED = 0.9  # mean acceptance
TIMED = 5  # trajectories after which it is told how long all of them take
PRIOR = 5.0  # draws that a deviation of one is worth, where it is adapted
FALL, GAIN = 0.6, 1.5  # of the adaptation: its exponent and its first size


@dataclass(frozen=True)
class Place:
    """Where a chain stands. at (k,); energy: -log p, up to a constant; slope (k,): its gradient. kept: what else."""

    at: Tensor
    energy: float
    slope: Tensor
    kept: Any = None


@dataclass(frozen=True)
class Chain:
    """Draws (n, k) after the warming up, and the share of trajectories that were accepted."""

    draws: Tensor
    accepted: float = field(default=math.nan)

    @property
    def effective(self) -> Tensor:
        """How many independent draws those of each number are worth (k,); Geyer 1992, doi:10.1214/ss/1177011137."""
        n = len(self.draws)
        centered = self.draws - self.draws.mean(0)
        lags = torch.stack([(centered[: n - lag] * centered[lag:]).sum(0) / n for lag in range(n)])  # (n, k)
        pairs = lags[: n // 2 * 2].reshape(n // 2, 2, -1).sum(1) / lags[0].clamp_min(torch.finfo(lags.dtype).tiny)
        positive = (pairs > 0).cummin(0).values
        lengths = 2.0 * (pairs * positive).sum(0) - 1.0
        return (n / lengths.clamp_min(1.0)).clamp_max(n)


def hamiltonian(
    look: Callable[[Tensor, Place], Place], start: Place, draws: int, warming: int, generator: Generator
) -> Chain:
    """A chain from a place. look: what a number (k,) is like, coming from another place nearby.

    Its numbers are to have standard deviations of about one: after half of the warming up these are what they were.
    """
    place, step, spread, accepted = start, FIRST_STEP, torch.eye(len(start.at)).to(start.at), 0
    seen, started = list[Tensor](), time.perf_counter()
    for number in range(-warming, draws):
        if number == -(warming // 2):
            spread, step = _spread(torch.stack(seen[len(seen) // 4 :])), FIRST_STEP
        ahead, chance = _trajectory(look, place, step, spread, generator)
        taken = float(torch.rand((), generator=generator)) < chance
        place = ahead if taken else place
        seen.append(place.at)
        if len(seen) == TIMED:
            each = (time.perf_counter() - started) / TIMED
            logger.info("%d samples after %d for warming up: about %.0f s", draws, warming, each * (warming + draws))
        if number < 0:
            tried = (number + warming) % max(warming // 2, 1) + 1.0
            step *= math.exp(GAIN * (chance - WANTED) * tried**-FALL)
        else:
            accepted += taken
    return Chain(torch.stack(seen[-draws:]), accepted / draws)


def _spread(draws: Tensor) -> Tensor:
    """A square root (k, k) of the covariance of few draws (n, k), as much as they tell of it."""
    n, k = draws.shape
    covariance = (n * draws.mT.cov().reshape(k, k) + PRIOR * torch.eye(k).to(draws)) / (n + PRIOR)
    return torch.linalg.cholesky(covariance)


def _trajectory(
    look: Callable[[Tensor, Place], Place], place: Place, step: float, spread: Tensor, generator: Generator
) -> tuple[Place, float]:
    """The end of a trajectory of leapfrog steps, and the chance with which it is taken. spread (k, k): of lengths."""
    momentum = torch.randn(place.at.shape, generator=generator, dtype=place.at.dtype)
    low, high = LENGTHS
    length = low + (high - low) * float(torch.rand((), generator=generator))
    before, ahead = place.energy + 0.5 * float(momentum @ momentum), place
    for _ in range(min(max(round(length / step), 1), MOST_STEPS)):
        momentum = momentum - 0.5 * step * spread.mT @ ahead.slope
        ahead = look(ahead.at + step * spread @ momentum, ahead)
        if not math.isfinite(ahead.energy):
            return place, 0.0
        momentum = momentum - 0.5 * step * spread.mT @ ahead.slope
    after = ahead.energy + 0.5 * float(momentum @ momentum)
    return ahead, math.exp(min(before - after, 0.0))
