"""Laplace's equation on an annulus, the image of a rectangle."""

from math import log as logarithm
from math import pi

from torch import Tensor, cos, log, sin

from pinn.basis.errors import require
from pinn.domains import Box, Mapped
from pinn.problem import Problem
from pinn.terms import Dirichlet, Interior


class LaplaceAnnulus(Problem):
    """Laplace's equation  u_xx + u_yy = 0  for a < r < 1, on [-1, 1] x [-1, 1] the ring around a hole.

    Conditions  u = 1 at r = a,  u = cos(k phi) at r = 1.
    The domain is the image of the rectangle [a, 1] x [0, 2 pi] under polar coordinates: points are uniform in the
    plane by the Jacobian determinant r.
    inner: a, in (0, 1). waves: k, a whole number >= 1.
    Exact: u = log r / log a + (r^k - a^(2 k) r^-k) cos(k phi) / (1 - a^(2 k)).
    Source: separation of variables; Courant & Hilbert, Methods of Mathematical Physics I, doi:10.1002/9783527617210, V.
    The ansatz  u = g + (r^2 - a^2) (1 - r^2) N,  g = (1 - s) + s Re z^k,  s = (r^2 - a^2) / (1 - a^2),  meets the
    boundary data exactly.
    """

    def __init__(self, inner: float = 0.5, waves: int = 2) -> None:
        require(0 < inner < 1, f"inner must be in (0, 1), got {inner}")
        require(waves >= 1 and waves == int(waves), f"waves must be whole and >= 1, got {waves}")
        self.inner, self.waves = inner, waves
        rectangle = Box(r=(inner, 1), phi=(0, 2 * pi))
        self.domain = Mapped(lambda r, phi: (r * cos(phi), r * sin(phi)), rectangle, closed=("phi",))
        self.fields = ("u",)

    def terms(self):
        return {
            "equation": Interior(self.equation),
            "inner": Dirichlet(u=1.0, on="r.min"),
            "outer": Dirichlet(u=self.power, on="r.max"),
        }

    def equation(self, u_xx: Tensor, u_yy: Tensor) -> Tensor:
        return u_xx + u_yy

    def power(self, x, y):
        """Re z^k = r^k cos(k phi)."""
        real, imaginary = x, y
        for _ in range(self.waves - 1):
            real, imaginary = real * x - imaginary * y, real * y + imaginary * x
        return real

    def ansatz(self, x, y, u):
        square = x**2 + y**2
        s = (square - self.inner**2) / (1 - self.inner**2)
        return {"u": 1 - s + s * self.power(x, y) + 4 * s * (1 - square) * u}

    def exact(self, x: Tensor, y: Tensor) -> Tensor:
        square, k = x**2 + y**2, self.waves
        share = self.inner ** (2 * k)
        wave = self.power(x, y) * (1 - share / square**k) / (1 - share)
        return log(square) / (2 * logarithm(self.inner)) + wave
