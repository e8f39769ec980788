"""Optimizers: everything that minimizes ||r(theta)||^2."""

from pinn.optimizers.base import LeastSquares, Optimizer
from pinn.optimizers.first_order import Adam
from pinn.optimizers.gauss_newton import LevenbergMarquardt, TrustRegion

__all__ = ["Adam", "LeastSquares", "LevenbergMarquardt", "Optimizer", "TrustRegion"]
