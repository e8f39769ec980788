"""Regions of a domain, where terms hold."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from pinn.domains.base import Domain


@dataclass(frozen=True)
class Region:
    """Where a term holds: the interior (no sides), or sides by name; `where` keeps the points it is true for.

    `period` names the coordinate in which two opposite sides are one; `of` is the part of the domain that is meant,
    None for the whole. Terms with equal regions share their points and derivatives.
    """

    sides: tuple[str, ...] = ()
    where: Callable[..., Any] | None = None
    period: str | None = None
    of: Domain | None = None

    @property
    def label(self) -> str:
        """The region's name in files and messages: `interior`, `x.min+x.max`."""
        label = "+".join(self.sides) or "interior"
        if self.of is not None:
            label += f" of {type(self.of).__name__}"
        return f"{label} where {getattr(self.where, '__name__', 'predicate')}" if self.where else label

    @property
    def is_interior(self) -> bool:
        """Whether it is a volume: the domain, or a part of it."""
        return not self.sides

    @property
    def is_whole(self) -> bool:
        """Whether it is the whole interior of the domain."""
        return self.is_interior and self.where is None and self.of is None

    def during(self, start: float, end: float) -> "Region":
        """The same region of the part of the domain between two times."""
        return self if self.of is None else replace(self, of=self.of.during(start, end))

    def names_times(self, time: str | None) -> bool:
        """Whether it is bound to moments of its own, so that it cannot be cut into windows of time."""
        return False

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the values that its points carry beside their coordinates."""
        return ()
