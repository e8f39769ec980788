"""How many points a function is evaluated at at once."""

from pinn.trial.function import TrialFunction
from pinn.trial.windows import WindowedTrial

MANY = 8192  # in windows of time more than a line of a grid has, so that places are the same
CACHED, LEAST, LARGEST = 2**18, 128, 16384  # bytes of a layer's values, and numbers of points; on a GPU the largest


def points_at_once(trial: TrialFunction | WindowedTrial) -> int:
    """As many as keep a layer's values in the processor's cache, which is a third of the time of a wide one.

    Where there are no layers many at once: of 4,400 spectral functions it is a tenth of the time.
    """
    if trial.device.type != "cpu":
        return LARGEST
    if len(trial.windows) > 1 or not getattr(trial.network.core, "has_layers", True):
        return MANY
    width = max(max(values.shape, default=1) for values in trial.parameters().values())
    return min(max(CACHED // (8 * width), LEAST), LARGEST)
