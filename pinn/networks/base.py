"""What all networks have in common: features, and a linear layer on top of them."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from pinn.basis.configurable import Configurable
from pinn.basis.errors import require
from pinn.derivatives.jets import Values
from pinn.networks.factorization import FactorizedLinear


class Network(Configurable, nn.Module, ABC):
    """A map (n, inputs) -> (n, outputs): the linear layer `last` on the `features`.

    Inputs are coordinates scaled to [-1, 1], and harmonics of periodic ones. Parameters start from torch's global
    generator, where nothing else is said by Glorot's normal rule (2010) with biases at zero. All of them are trained
    and saved: a network keeps nothing random outside its parameters.

    Arguments that networks share: inputs, outputs: numbers of coordinates and of fields. width, depth: units and number
    of the hidden layers, >= 1. activation: tanh, sin, gelu or silu. factorization: of the weights, None for none.
    """

    last: nn.Module
    has_layers = True  # whose values are at each point

    @abstractmethod
    def features(self, x: Values) -> Values:
        """The outputs of the last hidden layer: (n, inputs) -> (n, width)."""

    def forward(self, x: Values) -> Values:
        return self.last(self.features(x))

    @property
    def linear_parameters(self) -> tuple[str, ...]:
        """Names of the parameters in which the outputs are affine while the others are held: the last layer's."""
        return ("last.direction" if isinstance(self.last, FactorizedLinear) else "last.weight", "last.bias")

    def see(self, coordinates: Sequence[int | None]) -> None:
        """Say of which coordinate each input is a function, None where of several; some networks are made by that."""

    def rescale(self, factors: Tensor) -> None:
        """Multiply the waves along each input by its factor, (inputs,), where they are not found by training."""

    def fit_last_layer(self, x: Tensor, values: Tensor) -> None:
        """Set the last layer to the least-squares fit (of least norm) of values (n, outputs) at inputs x (n, inputs).

        Features stay as they are. For a start from an initial condition (as in PirateNet, arXiv:2402.00326).
        Raises UserError where the shapes do not fit.
        """
        with torch.no_grad():
            features = self.features(x).double().cpu()  # (n, width); the solver for deficient rank is on the CPU
            bias = self.last.bias is not None
            outputs = len(self.last.direction if isinstance(self.last, FactorizedLinear) else self.last.weight)  # type: ignore[arg-type]
            require(
                tuple(values.shape) == (len(x), outputs),
                f"values must have shape ({len(x)}, {outputs}), one row a point, got {tuple(values.shape)}",
            )
            matrix = torch.cat([features, torch.ones(len(x), 1, dtype=features.dtype)], 1) if bias else features
            fitted = torch.linalg.lstsq(matrix, values.double().cpu(), driver="gelsd").solution  # (width + 1, outputs)
            _assign(self.last, fitted[: features.shape[1]].mT, fitted[-1] if bias else None)


def _assign(layer: nn.Module, weight: Tensor, bias: Tensor | None) -> None:
    """Give a linear layer these values, keeping the scales of a factorized one."""
    if isinstance(layer, FactorizedLinear):
        layer.direction.copy_(weight.to(layer.direction) / layer.log_scale.exp()[:, None])
    else:
        layer.weight.copy_(weight)  # type: ignore[operator]
    if bias is not None:
        layer.bias.copy_(bias)  # type: ignore[operator]
