"""Random weight factorization: a scale of its own for each unit of a linear layer."""

import math
from dataclasses import dataclass

import torch
from torch import nn

from pinn.basis.configurable import Configurable
from pinn.basis.errors import require
from pinn.derivatives.jets import Values, linear


class FactorizedLinear(nn.Module):
    """The linear layer z = diag(e^s) V a + b, with s (out,), V (out, in) and b (out,) its parameters.

    Maps what `layer` maps at the start: V = diag(e^-s) W for its weight W.
    """

    def __init__(self, layer: nn.Linear, log_scale: torch.Tensor) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(log_scale)
        self.direction = nn.Parameter(layer.weight.detach() / log_scale.exp()[:, None])
        self.bias = layer.bias

    @property
    def weight(self) -> torch.Tensor:
        """W = diag(e^s) V, shape (out, in)."""
        return self.log_scale.exp()[:, None] * self.direction

    def forward(self, x: Values) -> Values:
        return linear(x, self.weight, self.bias)


@dataclass(frozen=True, kw_only=True)
class RandomWeightFactorization(Configurable):
    """W = diag(e^s) V in every linear layer, s ~ N(mean, deviation^2): each unit gets a learning rate of its own.

    S. Wang, H. Wang, Seidman, Perdikaris 2022, arXiv:2210.01274, section 2; the defaults are those of the experts'
    guide (2023, arXiv:2308.08468). The functions that a network can be stay the same; what changes is the path of
    training: the size of a first-order step, and the metric in which a damped second-order step is short.
    mean: finite; deviation: >= 0.
    """

    mean: float = 1.0
    deviation: float = 0.1

    def __post_init__(self) -> None:
        require(math.isfinite(self.mean), f"mean must be finite, got {self.mean}")
        require(0 <= self.deviation < math.inf, f"deviation must be >= 0 and finite, got {self.deviation}")


def factorize(network: nn.Module, factorization: RandomWeightFactorization | None) -> None:
    """Replace the linear layers of a network by factorized ones, in place; its outputs stay the same.

    None leaves it as it is. Raises UserError for anything else that is not a factorization.
    """
    if factorization is None:
        return
    require(
        isinstance(factorization, RandomWeightFactorization),
        f"factorization must be a RandomWeightFactorization or None, got {factorization!r}; "
        "on the command line write network/factorization=random",
    )
    mean, deviation = factorization.mean, factorization.deviation
    for parent in list(network.modules()):
        for name, layer in parent.named_children():
            if isinstance(layer, nn.Linear):
                log_scale = mean + deviation * torch.randn(layer.out_features, dtype=layer.weight.dtype)
                setattr(parent, name, FactorizedLinear(layer, log_scale))
