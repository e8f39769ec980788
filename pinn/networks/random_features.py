"""One wide layer of random features, for fits of the last layer alone."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from pinn.basis.errors import require
from pinn.derivatives.jets import Values
from pinn.networks.base import Network
from pinn.networks.factorization import FactorizedLinear, RandomWeightFactorization, factorize
from pinn.networks.layers import require_positive, require_sizes

WEIGHTS = 1200  # of the last layer where the width is left open


class RandomFeatures(Network):
    """Sums of sines with random wave vectors: sin(W x + b), then a linear layer that starts at zero.

    W is uniform in [-scale, scale] and b in [-pi, pi], both by a scrambled Sobol sequence, which spreads them evenly:
    on solutions of several waves 10 to 1000 times less error than W from N(0, scale^2), the random Fourier features of
    Rahimi & Recht 2007 ("Random features for large-scale kernel machines"). Made for `LinearLeastSquares`, which
    leaves W and b as they are and fits the last layer; other optimizers train them too. Smooth solutions come out to
    ten digits where the scale covers their waves and the width fills it: in d inputs some multiple of scale^d features
    are needed, so d <= 3. `initial_guess=features` chooses the scale, coordinate by coordinate.

    width: features, >= 1; None for 1200 over the number of fields, so that a fit has as many unknowns and takes a
    second or two. scale: largest wave number, > 0, in radians a unit of the inputs, which span [-1, 1]; 4 for a
    solution of one or two waves, 15 for several. Others: see Network.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        width: int | None = None,
        scale: float = 8.0,
        factorization: RandomWeightFactorization | None = None,
    ) -> None:
        super().__init__()
        require_sizes(inputs=inputs, outputs=outputs, width=1 if width is None else width)
        width = max(1, WEIGHTS // outputs) if width is None else width
        require_positive(scale=scale)
        self.width = width
        self.scale = scale
        self.hidden: nn.Linear | FactorizedLinear = nn.Linear(inputs, width)
        self.last: nn.Linear | FactorizedLinear = nn.Linear(width, outputs)
        seed = int(torch.randint(2**31 - 1, ()))
        unit = torch.quasirandom.SobolEngine(inputs + 1, scramble=True, seed=seed).draw(width, dtype=torch.float64)
        with torch.no_grad():
            self.hidden.weight.copy_(scale * (2.0 * unit[:, 1:] - 1.0))
            self.hidden.bias.copy_(math.pi * (2.0 * unit[:, 0] - 1.0))
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)
        factorize(self, factorization)

    def see(self, coordinates: Sequence[int | None]) -> None:
        """Features of the coordinates are seen in waves of one radian at most: they are as smooth as is wanted."""
        self.rescale(torch.tensor([1.0 if i is not None else min(1.0, 1.0 / self.scale) for i in coordinates]))

    def features(self, x: Values) -> Values:
        return torch.sin(self.hidden(x))

    @property
    def waves(self) -> Tensor:
        """The parameter (width, inputs) that W is, or is proportional to row by row."""
        return self.hidden.direction if isinstance(self.hidden, FactorizedLinear) else self.hidden.weight

    def place(self, waves: Tensor) -> None:
        """Set W (width, inputs)."""
        hidden = self.hidden
        scaled = waves / hidden.log_scale.exp()[:, None] if isinstance(hidden, FactorizedLinear) else waves
        with torch.no_grad():
            self.waves.copy_(scaled)

    def rescale(self, factors: Tensor) -> None:
        """Multiply the waves along each input by its factor, (inputs,)."""
        with torch.no_grad():
            self.waves.mul_(factors.to(self.waves))

    def first(self, features: int) -> "RandomFeatures":
        """A network of this one's first features, 1 <= features <= width, its last layer at zero; not factorized."""
        require(1 <= features <= self.width, f"features must be in [1, {self.width}], got {features}")
        outputs, inputs = len(self.last.bias), self.waves.shape[1]
        network = RandomFeatures(inputs, outputs, width=features, scale=self.scale).to(self.waves)
        with torch.no_grad():
            network.hidden.weight.copy_(self.hidden.weight[:features])
            network.hidden.bias.copy_(self.hidden.bias[:features])
        return network
