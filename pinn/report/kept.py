"""What was measured with the parameters that a run keeps."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray


def kept_measurement(history: Mapping[str, NDArray]) -> dict[str, float]:
    """The entries of the step whose parameters are kept: the one with the smallest held-out residual.

    Where time is cut into windows, the mean of the windows' entries: that of mean squares is the one over all of time.
    """
    held_out = history.get("held_out", np.array([]))
    windows = history.get("window", np.zeros(len(held_out)))
    kept = []
    for window in np.unique(windows):
        measured = np.where(windows == window, held_out, np.nan)
        if np.isfinite(measured).any():
            kept.append(int(np.nanargmin(measured)))
    numbers = {name: np.asarray(values)[kept] for name, values in history.items() if values.dtype.kind in "biuf"}
    return {name: float(v[np.isfinite(v)].mean()) for name, v in numbers.items() if np.isfinite(v).any()}
