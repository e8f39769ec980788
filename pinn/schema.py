"""Names and types of every option in conf/: what Hydra checks before anything is built.

A schema has the fields of the constructor that its `_target_` names and no values; the values are in conf/, and a
test holds the three together. Nothing is imported here but the standard library, for the speed of `pinn --help`.
"""

from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class Precision(Enum):
    """Floating-point types."""

    float64 = "float64"
    float32 = "float32"


class Constraints(Enum):
    """Whether conditions hold exactly, by a problem's ansatz, or by residual terms."""

    hard = "hard"
    soft = "soft"


class Engine(Enum):
    """How derivatives are computed."""

    taylor = "taylor"
    reverse = "reverse"
    auto = "auto"


class Compilation(Enum):
    """When elementwise functions are compiled."""

    auto = "auto"
    always = "always"
    never = "never"


@dataclass
class Config:
    """The whole: one entry a group, then the keys of their own."""

    problem: Any
    network: Any
    sampler: Any
    optimizer: Any
    weighting: Any
    training: Any
    output: Any
    seed: int
    dtype: Precision
    device: str
    constraints: Constraints
    derivatives: Engine
    initial_guess: str | None
    compile: Compilation
    weights: dict[str, float] = field(default_factory=dict)  # open: its keys are the problem's terms


@dataclass
class AllenCahn:
    _target_: str
    diffusivity: float
    rate: float


@dataclass
class Burgers:
    _target_: str
    nu: float


@dataclass
class Convection:
    _target_: str
    speed: float


@dataclass
class ElasticityPlate:
    _target_: str
    first_lame: float
    shear_modulus: float
    load: float


@dataclass
class EulerBeam:
    _target_: str
    load: float


@dataclass
class Heat:
    _target_: str
    diffusivity: float


@dataclass
class HeatSink:
    _target_: str
    stl: str | None
    unit: float
    biot: float
    heat_flux: float


@dataclass
class Helmholtz:
    _target_: str
    wavenumber: float
    frequency_x: int
    frequency_y: int


@dataclass
class KdV:
    _target_: str
    delta: float


@dataclass
class KleinGordon:
    _target_: str
    frequency: float


@dataclass
class Kovasznay:
    _target_: str
    reynolds: float


@dataclass
class LaplaceAnnulus:
    _target_: str
    inner: float
    waves: int


@dataclass
class MovingDisc:
    _target_: str
    diffusivity: float
    speed: float
    radius: float


@dataclass
class Poisson2D:
    _target_: str
    frequency: int


@dataclass
class Poisson5D:
    _target_: str


@dataclass
class PoissonHoles:
    _target_: str
    radius: float


@dataclass
class PoissonLshape:
    _target_: str


@dataclass
class Reaction:
    _target_: str
    rate: float
    width: float


@dataclass
class Wave:
    _target_: str
    speed: float
    amplitude: float


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


@dataclass
class GridSampler:
    """Of the samplers on grids."""

    _target_: str
    interior: int
    boundary: int
    redraw_every: int | None


@dataclass
class Sampler(GridSampler):
    adaptation: Any


@dataclass
class RAD:
    _target_: str
    strength: float
    exponent: float


@dataclass
class RAR:
    _target_: str
    added: int
    kept: int


@dataclass
class R3:
    _target_: str


@dataclass
class ResidualAttention:
    _target_: str
    memory: float
    renewed: float


@dataclass
class FlowSampling:
    _target_: str
    share: float
    bins: int
    width: int
    steps: int
    learning_rate: float


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


@dataclass
class Training:
    _target_: str
    steps: int | None
    time_limit: float | None
    tolerance: float
    windows: int
    check_every: int
    held_out: int
    log_every: int
    jacobian_chunk: int | None
    checkpoint_seconds: Any


@dataclass
class FixedWeights:
    _target_: str


@dataclass
class BalancedWeights:
    _target_: str
    exponent: float
    largest: float


@dataclass
class Output:
    _target_: str
    resolution: Any
    derivatives: Any
    chunk: int
    figures: bool


# The name under which a file of conf/ takes its schema: /schema/<name>@_here_.
SCHEMAS: dict[str, type] = {
    "config": Config,
    "problem/allen_cahn": AllenCahn,
    "problem/burgers": Burgers,
    "problem/convection": Convection,
    "problem/elasticity_plate": ElasticityPlate,
    "problem/euler_beam": EulerBeam,
    "problem/heat": Heat,
    "problem/heat_sink": HeatSink,
    "problem/helmholtz": Helmholtz,
    "problem/kdv": KdV,
    "problem/klein_gordon": KleinGordon,
    "problem/kovasznay": Kovasznay,
    "problem/laplace_annulus": LaplaceAnnulus,
    "problem/moving_disc": MovingDisc,
    "problem/poisson_2d": Poisson2D,
    "problem/poisson_5d": Poisson5D,
    "problem/poisson_holes": PoissonHoles,
    "problem/poisson_lshape": PoissonLshape,
    "problem/reaction": Reaction,
    "problem/wave": Wave,
    "network/mlp": MLP,
    "network/modified_mlp": MLP,
    "network/residual_mlp": MLP,
    "network/fourier_mlp": FourierMLP,
    "network/siren": SIREN,
    "network/random_features": RandomFeatures,
    "network/pirate_net": PirateNet,
    "network/factorization/random": RandomWeightFactorization,
    "sampler": Sampler,
    "sampler/grid": GridSampler,
    "sampler/adaptation/rad": RAD,
    "sampler/adaptation/rar": RAR,
    "sampler/adaptation/r3": R3,
    "sampler/adaptation/attention": ResidualAttention,
    "sampler/adaptation/flow": FlowSampling,
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
    "training": Training,
    "weighting/balanced": BalancedWeights,
    "weighting/fixed": FixedWeights,
    "output": Output,
}
