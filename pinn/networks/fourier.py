"""Random Fourier features, against a network's preference for low frequencies."""

import torch
from torch import nn

from pinn.derivatives.jets import Values, cat, linear
from pinn.networks.base import Network
from pinn.networks.factorization import RandomWeightFactorization
from pinn.networks.layers import (
    HiddenLayers,
    activation_function,
    require_positive,
    require_sizes,
    start_by_glorot,
)


class FourierFeatures(nn.Module):
    """[cos(B x), sin(B x)] with B (frequencies, inputs), entries from N(0, scale^2): (n, inputs) -> (n, 2 frequencies).

    Tancik et al. 2020, arXiv:2006.10739, whose 2 pi B is B here: radians a unit of x. B is trained like every other
    parameter, as in the code of the experts' guide (S. Wang et al. 2023, arXiv:2308.08468), and so it is saved.
    """

    def __init__(self, inputs: int, frequencies: int, scale: float) -> None:
        super().__init__()
        require_sizes(inputs=inputs, frequencies=frequencies)
        require_positive(scale=scale)
        self.frequencies = nn.Parameter(scale * torch.randn(frequencies, inputs))

    def forward(self, x: Values) -> Values:
        phase = linear(x, self.frequencies)
        return cat([phase.cos(), phase.sin()], -1)


class FourierMLP(Network):
    """Random Fourier features of the inputs, then a multilayer perceptron.

    frequencies: number of cosines, and of sines, >= 1. scale: standard deviation of the frequencies at the start, > 0,
    in radians a unit of the inputs, which span [-1, 1]; 1 to 2 for smooth solutions (arXiv:2308.08468), 5 to 10 for
    multiscale ones. Others: see Network.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        width: int = 20,
        depth: int = 3,
        activation: str = "tanh",
        frequencies: int = 10,
        scale: float = 1.0,
        factorization: RandomWeightFactorization | None = None,
    ) -> None:
        super().__init__()
        require_sizes(inputs=inputs, outputs=outputs, width=width, depth=depth)
        self.embedding = FourierFeatures(inputs, frequencies, scale)
        self.hidden = HiddenLayers([2 * frequencies, *[width] * depth], activation_function(activation))
        self.last = nn.Linear(width, outputs)
        start_by_glorot(self, factorization)

    def features(self, x: Values) -> Values:
        return self.hidden(self.embedding(x))
