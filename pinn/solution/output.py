"""What a run writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pinn.basis.configurable import Configurable
from pinn.basis.errors import require

FEWEST = 20  # samples, of which the 2.5 % are not even one


@dataclass(frozen=True)
class Output(Configurable):
    """What a run writes.

    Args:
        resolution: nodes of the solution file along every dimension, or by its name ({"x": 513, "t": 201}; of a mesh
            `cells` counts those along its longest extent, `node` counts scattered nodes); None chooses by the number of
            dimensions.
        derivatives: names of further quantities on the nodes, such as `u_x` or a derived one.
        chunk: points that are evaluated at once, at least 1; None keeps a layer's values in the processor's cache.
        figures: whether figures are drawn beside the file, and report.html is written.
        estimate: whether the error of each field is estimated, which takes a fifth of the run's time or two seconds.
        second_stage: whether the correction by which errors are estimated is taken into the solution where it is
            better; within that time.
        samples: of the posterior of what is identified, so many, where data have their noise; each costs ten
            steps of training or so. 0 leaves it at the linearization.

    Raises:
        UserError: a resolution below 2, a chunk below 1, or samples below 0 or of less than 20.
    """

    resolution: int | Mapping[str, int] | None = None
    derivatives: Sequence[str] = ()
    chunk: int | None = None
    figures: bool = True
    estimate: bool = True
    second_stage: bool = True
    samples: int = 0

    def __post_init__(self) -> None:
        require(
            self.chunk is None or (isinstance(self.chunk, int) and self.chunk >= 1),
            f"output.chunk must be a number >= 1 or null, got {self.chunk!r}",
        )
        named = not isinstance(self.derivatives, str) and all(isinstance(name, str) for name in self.derivatives)
        require(named, f"output.derivatives must be a list of names such as [u_x], got {self.derivatives!r}")
        few = isinstance(self.samples, int) and (self.samples == 0 or self.samples >= FEWEST)
        require(few, f"output.samples must be 0 or a number >= {FEWEST}, got {self.samples!r}")
        chosen = self.resolution
        counts = chosen.values() if isinstance(chosen, Mapping) else [] if chosen is None else [chosen]
        for count in counts:
            whole = isinstance(count, int) and not isinstance(count, bool)
            require(whole and count >= 2, f"output.resolution must be whole numbers >= 2, got {count!r}")
