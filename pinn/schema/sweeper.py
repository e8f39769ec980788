"""Options of the sweepers."""

from dataclasses import dataclass


@dataclass
class Grid:
    _target_: str
    max_batch_size: int | None
    params: dict[str, str] | None
    ensemble: bool


SCHEMAS: dict[str, type] = {
    "sweeper/grid": Grid,
}
