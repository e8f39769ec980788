"""A trained network with corrections beside it: the stages of a solution as one network."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from torch import nn

from pinn.basis.configurable import Configurable
from pinn.basis.errors import require
from pinn.basis.rebuilding import CORRECTED, TRAINED, without_corrections
from pinn.derivatives.jets import Values
from pinn.networks.base import Network

T = TypeVar("T")
Factory = Callable[..., nn.Module]  # (inputs=, outputs=) -> a module from (n, inputs) to (n, outputs)

CORRECTIONS = "corrections"  # with TRAINED: arguments, and the first words of parameters' names


class CorrectedNetwork(Configurable, nn.Module):
    """The sum of a trained network and of its corrections, as in multi-stage networks (Wang & Lai 2024, 2307.08934).

    inputs, outputs: numbers of coordinates and of fields. trained, corrections: factories (inputs=, outputs=) ->
    nn.Module of each. A solution file's configuration names this class where its run has taken a correction.
    """

    def __init__(self, inputs: int, outputs: int, *, trained: Factory, corrections: Sequence[Factory]) -> None:
        super().__init__()
        how = "its configuration does not say how to rebuild the trained network; pass network="
        require(callable(trained), f"a corrected network: {how}")
        self.trained: nn.Module = trained(inputs=inputs, outputs=outputs)
        self.corrections = nn.ModuleList(make(inputs=inputs, outputs=outputs) for make in corrections)

    @classmethod
    def of(cls, trained: nn.Module, correction: nn.Module) -> "CorrectedNetwork":
        """The sum of a network, itself corrected or not, and of one more correction; it shares their parameters."""
        parts = [trained, correction]
        if isinstance(trained, CorrectedNetwork):
            parts[:1] = [trained.trained, *trained.corrections]
        first, *others = map(_given, parts)
        return cls(0, 0, trained=first, corrections=others)

    def see(self, coordinates: Sequence[int | None]) -> None:
        """Say of which coordinate each input is a function, as of `Network`."""
        for part in (self.trained, *self.corrections):
            if isinstance(part, Network):
                part.see(coordinates)

    def forward(self, x: Values) -> Values:
        total = self.trained(x)
        for correction in self.corrections:
            total = total + correction(x)
        return total

    @property
    def linear_parameters(self) -> tuple[str, ...] | None:
        """Names of the parameters in which the outputs are affine while the others are held; None where not known."""
        parts = {TRAINED: self.trained} | {f"{CORRECTIONS}.{k}": part for k, part in enumerate(self.corrections)}
        names = {label: getattr(part, "linear_parameters", None) for label, part in parts.items()}
        if None in names.values():
            return None
        return tuple(f"{label}.{name}" for label, own in names.items() for name in own or ())

    def configured(self, saved: Mapping[str, Any]) -> dict[str, Any]:
        """What rebuilds this network. saved: what rebuilds the trained one, as far as its class does not say."""
        corrections = [network_configuration(part, {}) for part in self.corrections]
        own = network_configuration(self.trained, without_corrections(saved))
        return {"_target_": CORRECTED, TRAINED: own, CORRECTIONS: corrections, "_partial_": True}


def _given(network: nn.Module) -> Factory:
    return lambda inputs, outputs: network


def network_configuration(network: nn.Module, saved: Mapping[str, Any]) -> dict[str, Any]:
    """What rebuilds a network: all its constructor arguments, defaults included, over what a configuration has."""
    if isinstance(network, CorrectedNetwork):
        return network.configured(saved)
    if not isinstance(network, Configurable):
        return dict(saved)
    own = {name: value for name, value in network.configuration.items() if name not in ("inputs", "outputs")}
    return dict(saved) | own | {"_partial_": True}


def trained_part(parameters: Mapping[str, T]) -> dict[str, T]:
    """The trained network's parameters among a corrected one's, by their names without corrections."""
    part = re.compile(rf"((?:^|.*/)core)\.({TRAINED}|{CORRECTIONS})\.")
    kept = {name: values for name, values in parameters.items() if f"core.{CORRECTIONS}." not in name}
    return {part.sub(r"\1.", name): values for name, values in kept.items()}
