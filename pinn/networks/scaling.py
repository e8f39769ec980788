"""Inputs scaled to [-1, 1]."""

from collections.abc import Sequence

import torch
from torch import nn


class InputScaling(nn.Module):
    """Maps each coordinate from its bounds to [-1, 1].

    bounds: (lower, upper) for each of the d coordinates. Maps (n, d) to (n, d).
    """

    lower: torch.Tensor
    factor: torch.Tensor

    def __init__(self, bounds: Sequence[tuple[float, float]]) -> None:
        super().__init__()
        lower, upper = torch.tensor(bounds, dtype=torch.float64).T
        self.register_buffer("lower", lower, persistent=False)
        self.register_buffer("factor", 2.0 / (upper - lower), persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x - self.lower) * self.factor - 1.0
