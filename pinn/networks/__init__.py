"""Networks: maps from (n, inputs) to (n, outputs)."""

from pinn.networks.base import Network
from pinn.networks.corrected import CorrectedNetwork
from pinn.networks.embedding import Embedding, FeaturedEmbedding, PartedEmbedding
from pinn.networks.factorization import FactorizedLinear, RandomWeightFactorization
from pinn.networks.fourier import FourierFeatures, FourierMLP
from pinn.networks.gated import ModifiedMLP, PirateNet
from pinn.networks.layers import ACTIVATIONS
from pinn.networks.mlp import MLP, ResidualMLP
from pinn.networks.parted import PartedFeatures, PartedMLP
from pinn.networks.random_features import RandomFeatures
from pinn.networks.scaling import FieldScaling
from pinn.networks.siren import SIREN
from pinn.networks.spectral import Spectral

__all__ = [
    "ACTIVATIONS",
    "MLP",
    "SIREN",
    "CorrectedNetwork",
    "Embedding",
    "FactorizedLinear",
    "FeaturedEmbedding",
    "FieldScaling",
    "FourierFeatures",
    "FourierMLP",
    "ModifiedMLP",
    "Network",
    "PartedEmbedding",
    "PartedFeatures",
    "PartedMLP",
    "PirateNet",
    "RandomFeatures",
    "RandomWeightFactorization",
    "ResidualMLP",
    "Spectral",
]
