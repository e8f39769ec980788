"""Networks whose layers are mixed with two encodings of the inputs: modified MLP and PirateNet."""

from collections.abc import Callable

import torch
from torch import nn

from pinn.basis.errors import require
from pinn.derivatives.jets import Values
from pinn.networks.base import Network
from pinn.networks.factorization import RandomWeightFactorization
from pinn.networks.fourier import FourierFeatures
from pinn.networks.layers import activation_function, require_sizes, start_by_glorot


class Encoders(nn.Module):
    """U = s(W_1 x + b_1) and V = s(W_2 x + b_2), both (n, width), which mix a layer f: f U + (1 - f) V."""

    def __init__(self, inputs: int, width: int, activation: Callable) -> None:
        super().__init__()
        self.u = nn.Linear(inputs, width)
        self.v = nn.Linear(inputs, width)
        self.activation = activation

    def forward(self, x: Values) -> tuple[Values, Values]:
        """(U - V, V), for `mixed`."""
        v = self.activation(self.v(x))
        return self.activation(self.u(x)) - v, v


def mixed(f: Values, encodings: tuple[Values, Values]) -> Values:
    """f U + (1 - f) V as f (U - V) + V: one product of jets instead of two."""
    difference, v = encodings
    return f * difference + v


class ModifiedMLP(Network):
    """A multilayer perceptron whose hidden layers f = s(W x + b) become f U + (1 - f) V.

    U and V are two encodings of the inputs, one layer each. S. Wang, Teng, Perdikaris 2021, arXiv:2001.04536,
    in the form of the experts' guide (S. Wang et al. 2023, arXiv:2308.08468), which mixes the first layer too.
    Arguments: see Network.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        width: int = 20,
        depth: int = 3,
        activation: str = "tanh",
        factorization: RandomWeightFactorization | None = None,
    ) -> None:
        super().__init__()
        require_sizes(inputs=inputs, outputs=outputs, width=width, depth=depth)
        self.activation = activation_function(activation)
        self.encoders = Encoders(inputs, width, self.activation)
        self.hidden = nn.ModuleList(nn.Linear(width if k else inputs, width) for k in range(depth))
        self.last = nn.Linear(width, outputs)
        start_by_glorot(self, factorization)

    def features(self, x: Values) -> Values:
        encodings = self.encoders(x)
        for layer in self.hidden:
            x = mixed(self.activation(layer(x)), encodings)
        return x


class PirateBlock(nn.Module):
    """Three layers, two of them mixed with the encodings, behind a gate alpha that starts shut."""

    def __init__(self, width: int, activation: Callable) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(width, width) for _ in range(3))
        self.alpha = nn.Parameter(torch.tensor(0.0))
        self.activation = activation

    def forward(self, x: Values, encodings: tuple[Values, Values]) -> Values:
        first, second, third = self.layers
        z = mixed(self.activation(first(x)), encodings)
        z = mixed(self.activation(second(z)), encodings)
        return x + self.alpha * (self.activation(third(z)) - x)


class PirateNet(Network):
    """Physics-informed residual adaptive network: linear in Fourier features at the start, deeper as its gates open.

    With Phi the Fourier features, U and V two encodings of Phi, and x = Phi at the start, each of `depth` blocks is
    f = s(W_1 x + b_1), z = f U + (1 - f) V, g = s(W_2 z + b_2), z' = g U + (1 - g) V, h = s(W_3 z' + b_3),
    x <- alpha h + (1 - alpha) x, alpha = 0 at the start. S. Wang, Li, Chen, Perdikaris 2024, arXiv:2402.00326.
    `fit_last_layer` starts it from an initial condition.
    width: units of every layer, even and >= 2, half of them cosines of Phi and half sines. depth: blocks, >= 1.
    scale: standard deviation of the frequencies at the start, > 0 (see `FourierMLP`). Others: see Network.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        width: int = 20,
        depth: int = 1,
        activation: str = "tanh",
        scale: float = 1.0,
        factorization: RandomWeightFactorization | None = None,
    ) -> None:
        super().__init__()
        require_sizes(inputs=inputs, outputs=outputs, width=width, depth=depth)
        require(width % 2 == 0, f"width must be even, half cosines and half sines, got {width}; try {width + 1}")
        function = activation_function(activation)
        self.embedding = FourierFeatures(inputs, width // 2, scale)
        self.encoders = Encoders(width, width, function)
        self.blocks = nn.ModuleList(PirateBlock(width, function) for _ in range(depth))
        self.last = nn.Linear(width, outputs)
        start_by_glorot(self, factorization)

    def features(self, x: Values) -> Values:
        x = self.embedding(x)
        encodings = self.encoders(x)
        for block in self.blocks:
            x = block(x, encodings)
        return x
