"""Callbacks: what is done while a run goes on."""

from pinn.callbacks.base import Callback, Record
from pinn.callbacks.checkpoints import Checkpoints
from pinn.callbacks.history import History, MetricsFile, read_metrics
from pinn.callbacks.progress import Progress

__all__ = ["Callback", "Checkpoints", "History", "MetricsFile", "Progress", "Record", "read_metrics"]
