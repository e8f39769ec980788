"""The keys of conf/config.yaml and the choices of words they take."""

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
    """When elementwise functions are compiled, or kernels recorded."""

    auto = "auto"
    always = "always"
    never = "never"
    graphs = "graphs"


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
    devices: Any
    constraints: Constraints
    derivatives: Engine
    initial_guess: str | None
    compile: Compilation
    weights: dict[str, float] = field(default_factory=dict)  # open: its keys are the problem's terms


SCHEMAS: dict[str, type] = {
    "config": Config,
}
