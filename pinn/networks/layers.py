"""What the networks are made of: activations, hidden layers, and the checks of their settings."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn

from pinn.basis.errors import UserError, require
from pinn.derivatives.jets import Values
from pinn.networks.factorization import RandomWeightFactorization, factorize

ACTIVATIONS: dict[str, Callable] = {
    "tanh": torch.tanh,
    "sin": torch.sin,
    "gelu": F.gelu,
    "silu": F.silu,
}


def activation_function(name: str) -> Callable:
    """The activation of that name; raises UserError with the choices."""
    if name not in ACTIVATIONS:
        raise UserError(f"unknown activation {name!r}; choose from {', '.join(ACTIVATIONS)}")
    return ACTIVATIONS[name]


def require_sizes(**sizes: int) -> None:
    """Raise UserError for the first size below one."""
    for name, size in sizes.items():
        require(size >= 1, f"{name} must be >= 1, got {size}")


def require_positive(**numbers: float) -> None:
    """Raise UserError for the first number that is not positive and finite."""
    for name, number in numbers.items():
        require(0 < number < float("inf"), f"{name} must be > 0 and finite, got {number}")


class HiddenLayers(nn.ModuleList):
    """s(W x + b), one layer after the other: from sizes[0] inputs to sizes[-1] units."""

    def __init__(self, sizes: Sequence[int], activation: Callable) -> None:
        super().__init__(nn.Linear(a, b) for a, b in pairwise(sizes))
        self.activation = activation

    def forward(self, x: Values) -> Values:
        for layer in self:
            x = self.activation(layer(x))
        return x


def start_by_glorot(network: nn.Module, factorization: RandomWeightFactorization | None) -> None:
    """Start all linear layers by Glorot's normal rule, variance 2 / (fan in + fan out), biases zero; then factorize.

    Glorot & Bengio 2010, "Understanding the difficulty of training deep feedforward neural networks", equation 12,
    with a normal distribution.
    """
    for layer in network.modules():
        if isinstance(layer, nn.Linear):
            nn.init.xavier_normal_(layer.weight)
            nn.init.zeros_(layer.bias)
    factorize(network, factorization)
