"""The line a person watches while a run goes on."""

import sys

from rich.console import Console
from rich.live import Live
from rich.text import Text

from pinn.basis.logs import logger
from pinn.solution_file.measured import Measure
from pinn.training.run import Callback, Outcome, Run, StepRecord


class Progress(Callback):
    """A live line on a terminal; elsewhere a log line every `log_every` steps.

    It shows the window of time where there are several, the step, the loss, its latest value on points held out of the
    training and the error there, the damping (or learning rate) and seconds.
    """

    def __init__(self, log_every: int = 50) -> None:
        self.log_every = log_every
        self.live: Live | None = None
        self.latest: StepRecord = {}
        self.run: Run | None = None

    def on_start(self, run: Run) -> None:
        self.run = run
        if sys.stderr.isatty():
            self.live = Live(Text("starting"), console=Console(stderr=True), refresh_per_second=8, transient=True)
            self.live.start()

    def on_step(self, record: StepRecord) -> None:
        self.latest |= record | ({"measured": record["step"]} if Measure.HELD_OUT.total in record else {})
        if self.live is not None:
            self.live.update(Text(self.line(), no_wrap=True, overflow="ellipsis"))
        elif record["step"] == 1 or record["step"] % self.log_every == 0:
            logger.info("%s", self.line())

    def on_end(self, outcome: Outcome) -> None:
        if self.live is not None:
            self.live.stop()
            self.live = None

    def line(self) -> str:
        """`step 120/600  loss 3.1e-06  held-out 4.0e-06  error u 2.2e-04  damping 1.3e-05  12.3 s`."""
        assert self.run is not None
        latest = self.latest
        parts = [self.run.heading] if self.run.heading else []
        # a step's record has the loss before it; where there is one on fresh points, that is of after the step
        after = Measure.LOSS.within(latest) if latest.get("measured") == latest["step"] else {}
        parts += [f"step {latest['step']}/{self.run.steps}", f"loss {sum(after.values()) or latest['loss']:.1e}"]
        if Measure.HELD_OUT.total in latest:
            parts.append(f"held-out {latest[Measure.HELD_OUT.total]:.1e}")
        parts += [f"error {field} {value:.1e}" for field, value in Measure.ERROR.within(latest).items()]
        parts += [f"{k.replace('_', ' ')} {latest[k]:.1e}" for k in ("damping", "learning_rate") if k in latest]
        parts.append(f"{latest['seconds']:.1f} s")
        return "  ".join(parts)
