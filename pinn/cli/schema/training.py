"""Options of the training."""

from dataclasses import dataclass
from typing import Any


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


SCHEMAS: dict[str, type] = {
    "training": Training,
}
