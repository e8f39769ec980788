"""A round drum: eigenfunctions of the Laplacian on a disc."""

from math import pi, sqrt

import numpy as np
from scipy.special import j0, j1, jn_zeros
from torch import Tensor

from pinn.basis.errors import require
from pinn.domains import Disc
from pinn.problem import Problem
from pinn.terms import Dirichlet, Eigenvalue, Interior

ORDERS = 40  # of Bessel functions whose zeros are counted


class Drum(Problem):
    """Vibrations of a round drum  lap u + k u = 0  on the disc r < R, on [-R, R] x [-R, R]: k is an eigenvalue.

    Condition  u = 0 at r = R; the integral of u^2 is one, which no term says: an eigenvalue brings its own norm.
    modes: how many are in the solution from that one on, with their functions, >= 1; of the first four the second and
    third are one mode and the same turned.
    rings: n, a whole number in [1, 5]: the mode of n circles at rest, the rim among them, which is the same all around;
    it is the first, sixth and 15th eigenvalue for n = 1, 2, 3. radius: R, > 0 (dimensionless).
    Reference: u = J0(j_n r / R) / (sqrt(pi) R |J1(j_n)|),  k = (j_n / R)^2,  with the zeros j_n of J0.
    Source: Courant & Hilbert, Methods of Mathematical Physics I, doi:10.1002/9783527617210, V, the circular membrane.
    """

    def __init__(self, rings: int = 1, radius: float = 1.0, modes: int = 4) -> None:
        require(rings == int(rings) and 1 <= rings <= 5, f"rings must be whole and in [1, 5], got {rings}")
        require(radius > 0, f"radius must be > 0, got {radius}")
        self.rings, self.radius = rings, radius
        self.zero = float(jn_zeros(0, rings)[-1])
        self.domain = Disc((0.0, 0.0), radius)
        self.fields = ("u",)
        self.unknowns = {"k": Eigenvalue(number=self._number(), count=modes)}

    def _number(self) -> int:
        """Which eigenvalue it is: those of higher orders are double."""
        higher = (int((jn_zeros(m, self.rings) < self.zero).sum()) for m in range(1, ORDERS))
        return self.rings + 2 * sum(higher)

    def terms(self):
        return {"membrane": Interior(self.membrane), "rim": Dirichlet(u=0.0, on=self.domain.sides)}

    def membrane(self, u: Tensor, laplacian_u: Tensor, k: Tensor) -> Tensor:
        return laplacian_u + k * u

    def reference(self, x, y):
        """The mode with the sign of the library's: its mean is positive."""
        size = sqrt(pi) * self.radius * j1(self.zero)  # the mean has the sign of J1
        return j0(self.zero * np.hypot(x, y) / self.radius) / size
