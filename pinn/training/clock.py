"""The time of a run."""

import time
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Clock:
    """When a run, or a part of it, started, and how many seconds of it are for training; None for no limit.

    started: by `time.perf_counter`. What comes before the first step, such as a search, counts like steps.
    """

    limit: float | None = None
    started: float = field(default_factory=time.perf_counter)

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self.started
