"""Callbacks: what is done while a run goes on."""

from pinn.training.callbacks.base import Callback, Record
from pinn.training.callbacks.checkpoints import Checkpoints
from pinn.training.callbacks.history import History, MetricsFile, read_metrics
from pinn.training.callbacks.progress import Progress

__all__ = ["Callback", "Checkpoints", "History", "MetricsFile", "Progress", "Record", "read_metrics"]
