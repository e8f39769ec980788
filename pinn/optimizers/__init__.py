"""Optimizers: everything that minimizes ||r(theta)||^2."""

from pinn.optimizers.automatic import Automatic
from pinn.optimizers.base import Optimizer
from pinn.optimizers.first_order import SOAP, Adam, AdamW, Muon, TorchOptimizer
from pinn.optimizers.gauss_newton import LeastDamping, LevenbergMarquardt
from pinn.optimizers.lbfgs import LBFGS
from pinn.optimizers.linear import LinearLeastSquares
from pinn.optimizers.natural_gradient import NaturalGradient
from pinn.optimizers.quasi_newton import BFGS, SSBFGS, SSBroyden
from pinn.optimizers.sketched import Sketched
from pinn.optimizers.spring import SPRING
from pinn.optimizers.trust_region import TrustRegion
from pinn.optimizers.variable_projection import VariableProjection
from pinn.residuals.protocol import LeastSquares

__all__ = [
    "BFGS",
    "LBFGS",
    "SOAP",
    "SPRING",
    "SSBFGS",
    "Adam",
    "AdamW",
    "Automatic",
    "LeastDamping",
    "LeastSquares",
    "LevenbergMarquardt",
    "LinearLeastSquares",
    "Muon",
    "NaturalGradient",
    "Optimizer",
    "SSBroyden",
    "Sketched",
    "TorchOptimizer",
    "TrustRegion",
    "VariableProjection",
]
