"""A round inclusion in a plate of another material."""

from torch import Tensor, where

from pinn.basis.errors import require
from pinn.domains import Box
from pinn.problem import Problem, derived
from pinn.terms import Dirichlet, Interior


class Inclusion(Problem):
    """Steady heat conduction  (c u_x)_x + (c u_y)_y = 0  on [-1, 1] x [-1, 1], c = k where r < R and 1 elsewhere.

    Conditions  u as in the exact solution on the four sides. Nothing is said of the circle between the materials: the
    parts of the domain are found by the look-up of c, and u and the flux across it are continuous.
    conductivity: k, > 0, of the inclusion over that around it. radius: R, in (0, 1). Both dimensionless.
    Exact: u = 2 x / (1 + k) inside,  u = x (1 + (1 - k) / (1 + k) R^2 / r^2) outside.
    Source: Milton 2002, The Theory of Composites, doi:10.1017/CBO9780511613357; of a sphere already Maxwell 1873.
    """

    def __init__(self, conductivity: float = 10.0, radius: float = 0.5) -> None:
        require(conductivity > 0, f"conductivity must be > 0, got {conductivity}")
        require(0 < radius < 1, f"radius must be in (0, 1), got {radius}")
        self.conductivity, self.radius = conductivity, radius
        self.domain = Box(x=(-1, 1), y=(-1, 1))
        self.fields = ("u",)

    def terms(self):
        return {"balance": Interior(self.balance), "walls": Dirichlet(u=self.exact, on=self.domain.sides)}

    def material(self, x: Tensor, y: Tensor) -> Tensor:
        return where(x**2 + y**2 < self.radius**2, self.conductivity, 1.0)

    @derived
    def flux(self, x, y, u_x):
        return self.material(x, y) * u_x

    @derived
    def rise(self, x, y, u_y):
        return self.material(x, y) * u_y

    def balance(self, flux_x: Tensor, rise_y: Tensor) -> Tensor:
        return flux_x + rise_y

    def exact(self, x, y):
        square, k = x**2 + y**2, self.conductivity
        outside = 1 + (1 - k) / (1 + k) * self.radius**2 / where(square < self.radius**2, self.radius**2, square)
        return x * where(square < self.radius**2, 2 / (1 + k), outside)
