"""What is done while a run goes on."""

from pinn.training.callbacks.checkpoints import Checkpoints
from pinn.training.callbacks.history import History, MetricsFile, read_metrics
from pinn.training.callbacks.progress import Progress

__all__ = ["Checkpoints", "History", "MetricsFile", "Progress", "read_metrics"]
