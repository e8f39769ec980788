"""When points that stay from step to step have told what they can, and others take their place."""

from dataclasses import dataclass

LOOK_EVERY = 5  # steps
APART, DISTINCT = 2.0, 1.2  # held-out over training loss: learnt by heart, and worth more points
STILL = 0.9  # of the loss at the last look, above which steps gain little at these points
MOST_DOUBLINGS = 3


@dataclass(frozen=True)
class Look:
    """The losses at the training's and at held-out points, and the training's at the look before, 0 for none.

    All weighted mean squares.
    """

    training: float
    held_out: float
    before: float

    @property
    def is_apart(self) -> bool:
        """Whether the points are learnt by heart."""
        return self.held_out > APART * self.training

    @property
    def is_still(self) -> bool:
        """Whether steps gain little."""
        return 0.0 < STILL * self.before < self.training

    @property
    def is_distinct(self) -> bool:
        """Whether more points would tell more."""
        return self.held_out > DISTINCT * self.training
