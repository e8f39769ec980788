"""The waist of the solver: equations at points, and their least squares in the parameters."""

from pinn.residuals.exact_terms import exact_terms, make_residuals
from pinn.residuals.least_squares import Assembly, CollocationLeastSquares, bind
from pinn.residuals.residuals import Residuals
from pinn.residuals.shared import SharedLeastSquares, shared
from pinn.residuals.windowed import WindowedResiduals, whole_residuals

__all__ = [
    "Assembly",
    "CollocationLeastSquares",
    "Residuals",
    "SharedLeastSquares",
    "WindowedResiduals",
    "bind",
    "exact_terms",
    "make_residuals",
    "shared",
    "whole_residuals",
]
