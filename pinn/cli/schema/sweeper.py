"""Options of the sweepers."""

from dataclasses import dataclass
from typing import Any


@dataclass
class Grid:
    _target_: str
    max_batch_size: int | None
    params: dict[str, str] | None
    ensemble: bool


@dataclass
class Optuna:
    _target_: str
    trials: int
    at_once: int
    objectives: list[str]
    seed: int
    sampler: Any
    pruner: Any
    storage: str
    study: str
    params: dict[str, str] | None
    trial: int | None


SCHEMAS: dict[str, type] = {
    "sweeper/grid": Grid,
    "sweeper/optuna": Optuna,
}
