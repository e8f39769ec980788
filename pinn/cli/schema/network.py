"""Options of the networks and of their factorizations."""

from dataclasses import dataclass
from typing import Any


@dataclass
class MLP:
    """Also that of the networks with no options but these."""

    _target_: str
    _partial_: bool
    width: int
    depth: int
    activation: str
    factorization: Any


@dataclass
class FourierMLP(MLP):
    frequencies: int
    scale: float


@dataclass
class RandomFeatures:
    _target_: str
    _partial_: bool
    width: int | None
    scale: float
    factorization: Any


@dataclass
class SIREN:
    _target_: str
    _partial_: bool
    width: int
    depth: int
    omega_0: float
    factorization: Any


@dataclass
class PirateNet(MLP):
    scale: float


@dataclass
class RandomWeightFactorization:
    _target_: str
    mean: float
    deviation: float


SCHEMAS: dict[str, type] = {
    "network/mlp": MLP,
    "network/modified_mlp": MLP,
    "network/residual_mlp": MLP,
    "network/fourier_mlp": FourierMLP,
    "network/siren": SIREN,
    "network/random_features": RandomFeatures,
    "network/pirate_net": PirateNet,
    "network/factorization/random": RandomWeightFactorization,
}
