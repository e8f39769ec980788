"""How a run is computed: by which Jacobian, in which processes, from recordings or not."""

from collections.abc import Callable
from dataclasses import dataclass, field

from pinn.distributed.team import Alone, Team
from pinn.residuals.assembly import Assembly
from pinn.residuals.least_squares import CollocationLeastSquares, bind
from pinn.residuals.protocol import Collocation
from pinn.residuals.residuals import Residuals
from pinn.residuals.shared import shared
from pinn.sampling.points import PointSet

Recorder = Callable[[CollocationLeastSquares], Collocation]  # makes of least squares such as replay recordings


@dataclass(frozen=True)
class Execution:
    """What a run's numbers depend on by rounding alone.

    team: the processes that share the rows of the residual. make_recorder: None evaluates without recordings.
    """

    assembly: Assembly = field(default_factory=Assembly)
    team: Team = field(default_factory=Alone)
    make_recorder: Callable[[], Recorder] | None = None

    def bind(self, residuals: Residuals, points: PointSet) -> Collocation:
        """The least squares of residuals at points, by region label; those at other points come from its `at`."""
        least_squares = bind(residuals, points, self.assembly)
        return shared(self.make_recorder()(least_squares) if self.make_recorder else least_squares, self.team)
