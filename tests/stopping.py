"""A run that is stopped from outside."""

import os
import signal

from pinn.training import Callback


class Stop(Callback):
    """Sends this process a signal after a step."""

    def __init__(self, step: int, number: int = signal.SIGINT) -> None:
        self.step = step
        self.number = number

    def on_step(self, record):
        if record["step"] == self.step:
            os.kill(os.getpid(), self.number)
