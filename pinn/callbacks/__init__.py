"""Callbacks: what is done while a run goes on."""

from pinn.callbacks.base import Callback, Record
from pinn.callbacks.history import History, MetricsFile
from pinn.callbacks.progress import Progress

__all__ = ["Callback", "History", "MetricsFile", "Progress", "Record"]
