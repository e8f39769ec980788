"""Linear algebra of the least-squares steps."""

from pinn.linear_algebra.damped import Cholesky, ConjugateGradients, DampedSystem, Dual, Eigen, Orthogonal, Triangular
from pinn.linear_algebra.symmetric import gram
from pinn.linear_algebra.triangular import triangular_factor
from pinn.linear_algebra.truncated import equilibrated_solution, truncated_basis, truncated_solution

__all__ = [
    "Cholesky",
    "ConjugateGradients",
    "DampedSystem",
    "Dual",
    "Eigen",
    "Orthogonal",
    "Triangular",
    "equilibrated_solution",
    "gram",
    "triangular_factor",
    "truncated_basis",
    "truncated_solution",
]
