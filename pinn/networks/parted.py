"""Networks of functions that are smooth in each part of a domain: pieces of their own, chosen by the marks of parts."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from pinn.basis.errors import require
from pinn.basis.rebuilding import TRAINED
from pinn.derivatives.jets import Jet, Values, cat
from pinn.networks.base import Network
from pinn.networks.corrected import CorrectedNetwork
from pinn.networks.factorization import RandomWeightFactorization, factorize
from pinn.networks.layers import HiddenLayers, activation_function, require_sizes, start_by_glorot
from pinn.networks.random_features import WEIGHTS, RandomFeatures

LEAST = 60  # features of a part where the width is left open
WHOLE, LOWEST = 8.0, 2.0  # scale of all features in one part, and the least of few
LEAST_OF_FIT = 16  # features of a part in a fit of few


def marks_of(x: Values, parts: int) -> Tensor:
    """The last columns (n, parts): one at the part of a point, zero else; a plain tensor, for it has no derivatives."""
    values = x.value if isinstance(x, Jet) else x
    return values[:, -parts:]


def filled(features: int, parts: int, d: int) -> float:
    """The scale of waves in d coordinates that so many features fill, in all parts together."""
    return (features / parts) ** (1.0 / d)


def blocks(features: Sequence[Values], marks: Tensor) -> Values:
    """The features (n, k) of each part where its mark (n, parts) is one, else zero, and the marks beside them."""
    own = [values * marks[:, k : k + 1] for k, values in enumerate(features)]
    first = features[0]
    return cat([*own, first.constant(marks) if isinstance(first, Jet) else marks], -1)


class PartedFeatures(RandomFeatures):
    """Random features of each part of a domain: sin(W x + b) in the part's own coordinates, with its own last layer.

    Made for coefficients that jump, where a solution has kinks along borders: each part's fields are smooth, and the
    conditions at the borders tie them together (`pinn.trial.interfaces`). All parts have the same W and b, of
    coordinates scaled to [-1, 1] in the part's bounding box, and a constant each. Extreme learning machines on
    subdomains: Dong & Li 2021 (arXiv 2012.02895).

    inputs: of the embedding, the marks of the parts last. parts: their number, which the problem gives. width: features
    of all parts together, >= 1; None for 1200 over the number of fields, at least 60 a part. scale: largest wave
    number, in radians a unit of a part's inputs; None for 8 in a part of all 1200 features, in fewer as they fill it.
    Others: see RandomFeatures.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        parts: int = 1,
        width: int | None = None,
        scale: float | None = None,
        factorization: RandomWeightFactorization | None = None,
    ) -> None:
        require_sizes(outputs=outputs, parts=parts)
        require(parts < inputs, f"parts must be fewer than inputs, got {parts} of {inputs}")
        width = max(WEIGHTS // outputs, LEAST * parts) if width is None else width
        if scale is None:
            scale = max(WHOLE * (width / (WEIGHTS * parts)) ** (1.0 / (inputs - parts)), LOWEST)
        super().__init__(inputs, outputs, width=max(1, width // parts), scale=scale)
        self.parts = parts
        self.width = parts * max(1, width // parts)
        self.last = nn.Linear(self.width + parts, outputs)
        with torch.no_grad():
            self.waves[:, -parts:] = 0.0
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)
        factorize(self, factorization)

    def features(self, x: Values) -> Values:
        return blocks([torch.sin(self.hidden(x))] * self.parts, marks_of(x, self.parts))

    def first(self, features: int) -> "PartedFeatures":
        """A network of this one's first features in each part, some `features` together, its last layer at zero."""
        own = min(max(features // self.parts, min(LEAST_OF_FIT, features)), self.width // self.parts)
        outputs, inputs = len(self.last.bias), self.waves.shape[1]
        network = PartedFeatures(inputs, outputs, parts=self.parts, width=own * self.parts, scale=self.scale)
        network = network.to(self.waves)
        with torch.no_grad():
            network.hidden.weight.copy_(self.hidden.weight[:own])
            network.hidden.bias.copy_(self.hidden.bias[:own])
        return network


class PartedMLP(Network):
    """A multilayer perceptron in each part of a domain, all on one linear layer, with a constant for each part.

    inputs: of the embedding, the marks of the parts last. parts: their number, which the problem gives. width, depth:
    of each perceptron. Others: see Network.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        parts: int = 1,
        width: int = 20,
        depth: int = 3,
        activation: str = "tanh",
        factorization: RandomWeightFactorization | None = None,
    ) -> None:
        super().__init__()
        require_sizes(inputs=inputs, outputs=outputs, parts=parts, width=width, depth=depth)
        require(parts < inputs, f"parts must be fewer than inputs, got {parts} of {inputs}")
        sizes = [inputs - parts, *[width] * depth]
        self.hidden = nn.ModuleList(HiddenLayers(sizes, activation_function(activation)) for _ in range(parts))
        self.last = nn.Linear((width + 1) * parts, outputs)
        start_by_glorot(self, factorization)

    def features(self, x: Values) -> Values:
        return blocks([layers(x[:, : -len(self.hidden)]) for layers in self.hidden], marks_of(x, len(self.hidden)))


def parted_network(network: Any, parts: int) -> Any:
    """A factory of networks of so many parts from one whose `is_parted`; a corrected network's says how many itself."""
    return network if getattr(network, "func", network) is CorrectedNetwork else partial(network, parts=parts)


def is_parted(network: Any) -> bool:
    """Whether a factory makes networks of several parts, by itself or as the trained one of a corrected network."""
    arguments = getattr(network, "keywords", {})
    made = getattr(network, "func", network)
    return made in (PartedFeatures, PartedMLP) or (made is CorrectedNetwork and is_parted(arguments.get(TRAINED)))
