"""Options of what is written."""

from dataclasses import dataclass
from typing import Any


@dataclass
class Output:
    _target_: str
    resolution: Any
    derivatives: Any
    chunk: int | None
    figures: bool


SCHEMAS: dict[str, type] = {
    "output": Output,
}
