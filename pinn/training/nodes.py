"""The points at which spectral functions are fitted: a grid of as many nodes along each coordinate as they need."""

import math

import torch

from pinn.networks.places import unbent
from pinn.networks.spectral import Spectral
from pinn.sampling.base import Sampler
from pinn.sampling.grids import CollocationGrid
from pinn.trial.function import TrialFunction

OVERSAMPLING, MORE = 1.1, 1  # nodes a function along each coordinate, and besides


def suited(sampler: Sampler, trial: TrialFunction) -> Sampler:
    """The sampler, or where the network is spectral a grid with nodes enough for its functions."""
    core = trial.network.core
    if not isinstance(core, Spectral) or not trial.domain.is_box or len(core.coordinates) < len(trial.domain.bounds):
        return sampler
    axes: list[list[float]] = [[] for _ in core.coordinates]
    for number, i in enumerate(core.coordinates):
        n = math.ceil(OVERSAMPLING * core.counts[number]) + MORE
        even = (torch.arange(n, dtype=torch.float64) + 0.5) / n
        bent = unbent(-torch.cos(math.pi * even), core.bends[number].tolist())
        axes[i] = (even if core.is_periodic[number] else 0.5 + 0.5 * bent).tolist()
    return CollocationGrid(axes)
