"""Networks: maps from (n, inputs) to (n, outputs)."""

from pinn.networks.embedding import Embedding
from pinn.networks.mlp import ACTIVATIONS, MLP

__all__ = ["ACTIVATIONS", "MLP", "Embedding"]
