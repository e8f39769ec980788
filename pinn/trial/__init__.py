"""Trial functions: a network made into the fields of a problem, whole or in windows of time."""

from pinn.trial.function import FieldNetwork, NetworkFactory, TrialFunction, make_trial
from pinn.trial.windows import WindowedTrial, make_windows

__all__ = ["FieldNetwork", "NetworkFactory", "TrialFunction", "WindowedTrial", "make_trial", "make_windows"]
