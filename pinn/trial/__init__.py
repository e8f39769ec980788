"""Trial functions: a network made into the fields of a problem, whole or in windows of time."""

from pinn.trial.function import FieldNetwork, NetworkFactory, TrialFunction
from pinn.trial.making import make_trial, make_windows
from pinn.trial.windows import WindowedTrial

__all__ = ["FieldNetwork", "NetworkFactory", "TrialFunction", "WindowedTrial", "make_trial", "make_windows"]
