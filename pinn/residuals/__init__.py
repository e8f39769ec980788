"""The waist of the solver: equations at points, and their least squares in the parameters."""

from pinn.residuals.exact_terms import exact_terms, make_residuals
from pinn.residuals.least_squares import BoundResiduals
from pinn.residuals.residuals import Residuals

__all__ = ["BoundResiduals", "Residuals", "exact_terms", "make_residuals"]
