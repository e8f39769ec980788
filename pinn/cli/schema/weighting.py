"""Options of the weightings."""

from dataclasses import dataclass


@dataclass
class FixedWeights:
    _target_: str


@dataclass
class BalancedWeights:
    _target_: str
    exponent: float
    largest: float


SCHEMAS: dict[str, type] = {
    "weighting/balanced": BalancedWeights,
    "weighting/fixed": FixedWeights,
}
