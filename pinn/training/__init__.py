"""Training: what a run is told, the trainer of one window of time, and the march through several."""

from pinn.training.marching import TimeMarching
from pinn.training.plan import Plan
from pinn.training.replicas import ReplicaHeldOut
from pinn.training.settings import Outcome, Stage, Stages, Training
from pinn.training.trainer import Trainer

__all__ = ["Outcome", "Plan", "ReplicaHeldOut", "Stage", "Stages", "TimeMarching", "Trainer", "Training"]
