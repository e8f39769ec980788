"""The multilayer perceptron, plain and with shortcuts."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from pinn.basis.configurable import plain
from pinn.derivatives.jets import Values
from pinn.networks.base import Network
from pinn.networks.factorization import RandomWeightFactorization
from pinn.networks.layers import HiddenLayers, activation_function, require_sizes, start_by_glorot

WIDTH = 20  # units a layer where none are chosen


class MLP(Network):
    """A multilayer perceptron: `depth` hidden layers of `width` units, then a linear layer.

    Arguments: see Network.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        width: int = WIDTH,
        depth: int = 3,
        activation: str = "tanh",
        factorization: RandomWeightFactorization | None = None,
    ) -> None:
        super().__init__()
        require_sizes(inputs=inputs, outputs=outputs, width=width, depth=depth)
        self.hidden = HiddenLayers([inputs, *[width] * depth], activation_function(activation))
        self.last = nn.Linear(width, outputs)
        start_by_glorot(self, factorization)

    def features(self, x: Values) -> Values:
        return self.hidden(x)


class ResidualMLP(Network):
    """A hidden layer, then `depth` blocks of two, x <- x + s(W_2 s(W_1 x + b_1) + b_2), then a linear layer.

    The block is that of E & Yu 2018 (Deep Ritz, arXiv:1710.00211); a linear layer with its activation
    lifts the inputs to `width` units. Arguments: see Network.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        width: int = 20,
        depth: int = 2,
        activation: str = "tanh",
        factorization: RandomWeightFactorization | None = None,
    ) -> None:
        super().__init__()
        require_sizes(inputs=inputs, outputs=outputs, width=width, depth=depth)
        function = activation_function(activation)
        self.lift = HiddenLayers([inputs, width], function)
        self.blocks = nn.ModuleList(HiddenLayers([width] * 3, function) for _ in range(depth))
        self.last = nn.Linear(width, outputs)
        start_by_glorot(self, factorization)

    def features(self, x: Values) -> Values:
        x = self.lift(x)
        for block in self.blocks:
            x = x + block(x)
        return x


def is_default(network: Any) -> bool:
    """Whether a network, or a factory of one, is the MLP that is taken where none is chosen."""
    if network is MLP:
        return True
    told, default = plain(network), MLP(1, 1).configuration
    own = {key: value for key, value in told.items() if key != "_partial_"} if isinstance(told, Mapping) else {}
    return bool(own) and all(key in default and default[key] == value for key, value in own.items())
