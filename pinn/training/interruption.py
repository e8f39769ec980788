"""Ctrl-C and SIGTERM: a run finishes its step and saves."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Any


class Interruption:
    """Whether the run was asked to end, from outside."""

    def __init__(self) -> None:
        self.requested = False

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Ctrl-C and SIGTERM end the run after the present step; a second one ends it at once."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def interrupt(number: int, frame: Any) -> None:
            if self.requested:
                raise KeyboardInterrupt
            self.requested = True

        before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
