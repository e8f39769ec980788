"""Options of the optimizers."""

from dataclasses import dataclass
from typing import Any


@dataclass
class LevenbergMarquardt:
    _target_: str
    damping: float
    minimum: float
    maximum: float
    attempts: int
    solver: str
    acceleration: bool


@dataclass
class TrustRegion:
    _target_: str
    target: float
    factor: float
    probes: int
    damping: float
    minimum: float
    maximum: float
    solver: str
    acceleration: bool


@dataclass
class NaturalGradient:
    _target_: str
    damping: float
    halvings: int
    solver: str


@dataclass
class SPRING:
    _target_: str
    damping: float
    minimum: float
    maximum: float
    momentum: float
    learning_rate: float
    largest: float
    solver: str


@dataclass
class LinearLeastSquares:
    _target_: str
    cutoff: float


@dataclass
class VariableProjection:
    _target_: str
    method: Any
    cutoff: float


@dataclass
class Sketched:
    _target_: str
    method: Any
    share: float
    seed: int


@dataclass
class QuasiNewton:
    """Of BFGS, SSBFGS and SSBroyden."""

    _target_: str
    c1: float
    c2: tuple[float, ...]


@dataclass
class LBFGS:
    _target_: str
    history: int


@dataclass
class Decaying:
    """What the named first-order methods share."""

    _target_: str
    learning_rate: float
    decay: float
    decay_steps: int
    schedule: Any


@dataclass
class Adam(Decaying):
    betas: tuple[float, float]
    epsilon: float


@dataclass
class AdamW(Adam):
    weight_decay: float


@dataclass
class SOAP(Adam):
    refresh_every: int


@dataclass
class Muon(Decaying):
    momentum: float
    iterations: int
    weight_decay: float


@dataclass
class TorchOptimizer:
    _target_: str
    method: Any
    schedule: Any


SCHEMAS: dict[str, type] = {
    "optimizer/levenberg_marquardt": LevenbergMarquardt,
    "optimizer/trust_region": TrustRegion,
    "optimizer/natural_gradient": NaturalGradient,
    "optimizer/spring": SPRING,
    "optimizer/linear": LinearLeastSquares,
    "optimizer/variable_projection": VariableProjection,
    "optimizer/sketched": Sketched,
    "optimizer/quasi_newton": QuasiNewton,
    "optimizer/lbfgs": LBFGS,
    "optimizer/adam": Adam,
    "optimizer/adamw": AdamW,
    "optimizer/soap": SOAP,
    "optimizer/muon": Muon,
    "optimizer/torch": TorchOptimizer,
}
