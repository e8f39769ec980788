"""Regions of a domain, where terms hold."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Region:
    """Where a term holds: the interior (no sides), or sides by name; `where` keeps the points it is true for.

    `period` names the coordinate in which two opposite sides are one. Terms with equal regions share their points
    and derivatives.
    """

    sides: tuple[str, ...] = ()
    where: Callable[..., Any] | None = None
    period: str | None = None

    @property
    def label(self) -> str:
        """The region's name in files and messages: `interior`, `x.min+x.max`."""
        label = "+".join(self.sides) or "interior"
        return f"{label} where {getattr(self.where, '__name__', 'predicate')}" if self.where else label
