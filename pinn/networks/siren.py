"""Sinusoidal representation networks."""

import math

import torch
from torch import nn

from pinn.derivatives.jets import Values
from pinn.networks.base import Network
from pinn.networks.factorization import RandomWeightFactorization, factorize
from pinn.networks.layers import require_positive, require_sizes


class SIREN(Network):
    """A multilayer perceptron of sines, x <- sin(omega_0 (W x + b)), with the start that suits them.

    Sitzmann et al. 2020, arXiv:2006.09661, section 3.2: weights uniform in +-1 / inputs in the first layer and in
    +-sqrt(6 / width) / omega_0 after it, so that every layer's argument is of order one whatever the depth; biases
    uniform in +-1 / sqrt(fan in), as in the authors' code. omega_0: > 0, the highest frequencies at the start;
    30 in the paper, for images; about 1 for small networks trained to second order.
    Others: see Network.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        width: int = 20,
        depth: int = 3,
        omega_0: float = 1.0,
        factorization: RandomWeightFactorization | None = None,
    ) -> None:
        super().__init__()
        require_sizes(inputs=inputs, outputs=outputs, width=width, depth=depth)
        require_positive(omega_0=omega_0)
        self.omega_0 = omega_0
        self.hidden = nn.ModuleList(nn.Linear(width if k else inputs, width) for k in range(depth))
        self.last = nn.Linear(width, outputs)
        for layer in (*self.hidden, self.last):
            bound = 1 / inputs if layer is self.hidden[0] else math.sqrt(6 / width) / omega_0
            nn.init.uniform_(layer.weight, -bound, bound)  # biases: torch's own start is the one wanted
        factorize(self, factorization)

    def features(self, x: Values) -> Values:
        for layer in self.hidden:
            phase = layer(x)
            x = torch.sin(phase if self.omega_0 == 1.0 else self.omega_0 * phase)
        return x
