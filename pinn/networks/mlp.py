"""The multilayer perceptron."""

from collections.abc import Callable
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn

from pinn.configurable import Configurable
from pinn.errors import UserError, require

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


class MLP(Configurable, nn.Module):
    """A multilayer perceptron: `depth` hidden layers of `width` units, then a linear layer.

    inputs, outputs: numbers of coordinates and of fields. width, depth: >= 1. activation: tanh, sin, gelu or silu.
    Weights start by Glorot's normal rule (2010), biases at zero. Maps (n, inputs) to (n, outputs).
    """

    def __init__(self, inputs: int, outputs: int, *, width: int = 20, depth: int = 3, activation: str = "tanh") -> None:
        super().__init__()
        require(width >= 1, f"width must be >= 1, got {width}")
        require(depth >= 1, f"depth must be >= 1, got {depth}")
        self.activation = activation_function(activation)
        sizes = [inputs, *[width] * depth]
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))
        self.last = nn.Linear(width, outputs)
        for layer in [*self.hidden, self.last]:
            nn.init.xavier_normal_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in self.hidden:
            x = self.activation(layer(x))
        return self.last(x)
