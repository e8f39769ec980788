"""One wide layer of random features, for fits of the last layer alone."""

import math

import torch
from torch import Tensor, nn

from pinn.networks.base import Network
from pinn.networks.factorization import RandomWeightFactorization, factorize
from pinn.networks.layers import require_positive, require_sizes


class RandomFeatures(Network):
    """Sums of sines with random wave vectors: sin(W x + b), then a linear layer that starts at zero.

    Random Fourier features (Rahimi & Recht 2007, "Random features for large-scale kernel machines"): W from
    N(0, scale^2), b uniform in [-pi, pi]. Made for `LinearLeastSquares`, which leaves W and b as they are and fits the
    last layer; other optimizers train them too. Smooth solutions come out to ten digits where the scale covers their
    waves and the width fills it: in d inputs some multiple of scale^d features are needed, so d <= 3.

    inputs, outputs: numbers of coordinates and of fields. width: features, >= 1. scale: of the wave numbers, > 0, in
    radians a unit of the inputs, which span [-1, 1]; 2 to 4 for a solution of one or two waves, 8 for several.
    factorization: of the weights, None for none. Maps (n, inputs) to (n, outputs).
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        width: int = 800,
        scale: float = 8.0,
        factorization: RandomWeightFactorization | None = None,
    ) -> None:
        super().__init__()
        require_sizes(inputs=inputs, outputs=outputs, width=width)
        require_positive(scale=scale)
        self.hidden = nn.Linear(inputs, width)
        self.last = nn.Linear(width, outputs)
        nn.init.normal_(self.hidden.weight, 0.0, scale)
        nn.init.uniform_(self.hidden.bias, -math.pi, math.pi)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)
        factorize(self, factorization)

    def features(self, x: Tensor) -> Tensor:
        return torch.sin(self.hidden(x))
