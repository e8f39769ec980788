"""Ctrl-C and SIGTERM: a run finishes its step, saves and sums up."""

import contextlib
from collections.abc import Iterator
from typing import Any

from pinn.basis.signals import ENDING, handled

ALWAYS, SECOND, NEVER = 0, 1, 2  # signals before the one that breaks off what goes on


class Interruption:
    """Whether a run was asked to end, from outside.

    begun: whether there is something to be saved. Before, a signal ends the run at once; from then on it is noted, and
    breaks off only what is declared `breakable`: never a file that is being written. signal: the number of the first.
    """

    def __init__(self) -> None:
        self.requested = False
        self.begun = False
        self.signal: int | None = None
        self._spared = NEVER
        self._is_watched = False

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Note Ctrl-C and SIGTERM; raises KeyboardInterrupt for one that ends the run at once."""
        if self._is_watched:
            yield
            return
        self._is_watched = True
        try:
            with handled(self._note, *ENDING):
                yield
        finally:
            self._is_watched = False

    def _note(self, number: int, frame: Any) -> None:
        asked_before = int(self.requested)
        self.requested, self.signal = True, self.signal or number
        if not self.begun or asked_before >= self._spared:
            raise KeyboardInterrupt(number)

    @contextlib.contextmanager
    def breakable(self, spared: int = ALWAYS) -> Iterator[None]:
        """What goes on is broken off by a KeyboardInterrupt. spared: `SECOND` where the first signal is only noted."""
        before, self._spared = self._spared, spared
        try:
            yield
        finally:
            self._spared = before
