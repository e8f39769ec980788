"""Holes of a domain."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Cavity:
    """What is cut out of a domain's inside. center: by coordinate; radius: of the largest ball about it in the hole."""

    center: Mapping[str, float]
    radius: float
