"""Networks: maps from (n, inputs) to (n, outputs)."""

from pinn.networks.mlp import ACTIVATIONS, MLP
from pinn.networks.scaling import InputScaling

__all__ = ["ACTIVATIONS", "MLP", "InputScaling"]
