"""Training: what a run is told, the trainer of one window of time, the march through several, what watches them."""

from pinn.training.callbacks import Callback, Checkpoints, History, MetricsFile, Progress, Record, read_metrics
from pinn.training.marching import TimeMarching
from pinn.training.plan import Plan
from pinn.training.replicas import ReplicaHeldOut
from pinn.training.settings import Outcome, Stage, Stages, Training
from pinn.training.trainer import Trainer
from pinn.training.weighting import BalancedWeights, FixedWeights, Weighting

__all__ = [
    "BalancedWeights",
    "Callback",
    "Checkpoints",
    "FixedWeights",
    "History",
    "MetricsFile",
    "Outcome",
    "Plan",
    "Progress",
    "Record",
    "ReplicaHeldOut",
    "Stage",
    "Stages",
    "TimeMarching",
    "Trainer",
    "Training",
    "Weighting",
    "read_metrics",
]
