"""One wide layer of random features, for fits of the last layer alone."""

import math

import torch
from torch import Tensor, nn

from pinn.networks.base import Network
from pinn.networks.factorization import factorize
from pinn.networks.layers import activation_function


class RandomFeatures(Network):
    def __init__(
        self,
        inputs,
        outputs,
        *,
        width=500,
        activation="sin",
        scale=4.0,
        factorization=None,
        dist="uniform",
        bias="phase",
    ):
        super().__init__()
        self.activation = activation_function(activation)
        self.hidden = nn.Linear(inputs, width)
        self.last = nn.Linear(width, outputs)
        with torch.no_grad():
            if dist == "uniform":
                w = nn.init.uniform_(self.hidden.weight, -scale, scale)
            else:
                w = nn.init.normal_(self.hidden.weight, 0, scale)
            if bias == "phase":
                nn.init.uniform_(self.hidden.bias, -math.pi, math.pi)
            elif bias == "center":
                self.hidden.bias.copy_(-(w * (2 * torch.rand(width, inputs) - 1)).sum(1))
            else:
                nn.init.uniform_(self.hidden.bias, -scale, scale)
            nn.init.zeros_(self.last.weight)
            nn.init.zeros_(self.last.bias)
        factorize(self, factorization)

    def features(self, x: Tensor) -> Tensor:
        return self.activation(self.hidden(x))
