"""The residuals of consecutive windows of time, as functions on the whole domain."""

from torch import Tensor

from pinn.residuals.residuals import Residuals
from pinn.trial.function import TrialFunction
from pinn.trial.windows import WindowedTrial


class WindowedResiduals:
    """The residuals of consecutive windows, as functions on the whole domain."""

    def __init__(self, trial: WindowedTrial) -> None:
        self.trial = trial
        self.residuals = [Residuals(window, skip=window.start.replaced) for window in trial.windows]

    def pointwise(self, x: Tensor) -> dict[str, Tensor]:
        """The unweighted residuals of the interior blocks at any points x (n, d): block -> (n,)."""
        return self.trial.by_window(x, [residuals.pointwise for residuals in self.residuals])


def whole_residuals(trial: TrialFunction | WindowedTrial) -> Residuals | WindowedResiduals:
    """The residuals on the whole domain of a trial function of one or several windows."""
    return WindowedResiduals(trial) if isinstance(trial, WindowedTrial) else Residuals(trial)
