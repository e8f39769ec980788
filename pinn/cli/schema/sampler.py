"""Options of the samplers and of what adapts their points."""

from dataclasses import dataclass
from typing import Any


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


SCHEMAS: dict[str, type] = {
    "sampler": Sampler,
    "sampler/grid": GridSampler,
    "sampler/adaptation/rad": RAD,
    "sampler/adaptation/rar": RAR,
    "sampler/adaptation/r3": R3,
    "sampler/adaptation/attention": ResidualAttention,
    "sampler/adaptation/flow": FlowSampling,
}
