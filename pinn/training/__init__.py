"""Training: what a run is told, the trainer of one window of time, the march through several, what watches them."""

from pinn.training.callbacks.checkpoints import Checkpoints
from pinn.training.callbacks.history import History, MetricsFile, read_metrics
from pinn.training.callbacks.progress import Progress
from pinn.training.callbacks.trackers import MLflow, TensorBoard, Trackio, WeightsAndBiases
from pinn.training.gradient_weights import GradientWeights
from pinn.training.marching import TimeMarching
from pinn.training.plan import Plan
from pinn.training.run import Callback, Outcome, Run, StepRecord
from pinn.training.settings import Stage, Stages, Training
from pinn.training.trainer import Trainer
from pinn.training.weighting import BalancedWeights, FixedWeights, NoiseWeights, Weighting

__all__ = [
    "BalancedWeights",
    "Callback",
    "Checkpoints",
    "FixedWeights",
    "GradientWeights",
    "History",
    "MLflow",
    "MetricsFile",
    "NoiseWeights",
    "Outcome",
    "Plan",
    "Progress",
    "Run",
    "Stage",
    "Stages",
    "StepRecord",
    "TensorBoard",
    "TimeMarching",
    "Trackio",
    "Trainer",
    "Training",
    "Weighting",
    "WeightsAndBiases",
    "read_metrics",
]
