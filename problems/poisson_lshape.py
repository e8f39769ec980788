"""Poisson's equation on an L-shaped domain."""

from functools import lru_cache

import numpy as np
from torch import Tensor, atan, cos, log

from pinn.domains import Box
from pinn.problem import Problem
from pinn.terms import Dirichlet, Interior

# The corners, counterclockwise, the reentrant one first: each with the direction that leads straight out of it.
CORNERS = {0: 1 + 1j, 1j: 1 + 1j, -1 + 1j: -1 + 1j, -1 - 1j: -1 - 1j, 1 - 1j: 1 - 1j, 1: 1 + 1j}
TINY = 1e-300  # keeps values finite at the corners themselves
MIDDLE = -0.25 - 0.25j  # about which the polynomials are
POLES, CLUSTERING, DEGREE = 60, 4.0, 30  # of the reference: poles a corner, how they approach it; polynomials


class PoissonLshape(Problem):
    """Poisson's equation  -lap u = 1  on [-1, 1] x [-1, 1] less [0, 1] x [0, 1].

    Conditions  u = 0 on the boundary.
    Reference: least squares in rational functions with poles at the corners, converged to 1e-8 (see `Lightning`).
    Source: Jin, Lu, Tang & Karniadakis 2020, arXiv 1910.05874, the quad-element's L-shaped example; the reference by
    Gopal & Trefethen 2019, doi:10.1073/pnas.1904139116.
    The ansatz  u = s (1 - x^2) (1 - y^2) N  meets the boundary data exactly with s = r^(2/3) cos(2 phi / 3), the
    harmonic function of the reentrant corner, phi from the bisector; s carries its singularity. N sees, beside x and
    y, s and r^(4/3), in which the corner's further terms are polynomials, and the logarithms of the distances to the
    other corners, where u has terms r^2 log r.
    """

    def __init__(self) -> None:
        self.domain = Box(x=(-1, 1), y=(-1, 1)) - Box(x=(0, 1), y=(0, 1)).named("notch")
        self.fields = ("u",)

    def terms(self):
        return {
            "equation": Interior(self.equation),
            "walls": Dirichlet(u=0.0, on=self.domain.sides),
        }

    def equation(self, laplacian_u: Tensor) -> Tensor:
        return -laplacian_u - 1

    def ansatz(self, x, y, u):
        return {"u": singular(x, y) * (1 - x**2) * (1 - y**2) * u}

    def features(self, x, y):
        logarithms = [log((x - c.real) ** 2 + (y - c.imag) ** 2 + TINY) / 4 for c in list(CORNERS)[1:]]
        return [singular(x, y), (x**2 + y**2) ** (2 / 3), *logarithms]

    def reference(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return lightning()(x, y)


def singular(x, y):
    """s = r^(2/3) cos(2 phi / 3), zero on the two sides at the reentrant corner; phi is 0 towards (-1, -1)."""
    along, across = -x - y, x - y
    square = x**2 + y**2
    half_angle = atan(across / ((2 * square) ** 0.5 + along + TINY))  # smooth but behind the corner, outside the domain
    return square ** (1 / 3) * cos(4 / 3 * half_angle)


class Lightning:
    """u = -|z|^2 / 4 + Re of a rational function whose poles approach each corner exponentially from outside.

    poles: a corner, at the distances 2 exp(-4 (sqrt(m) - sqrt(k))) with k = 1 ... m from it. Fitted by least squares to
    u = 0 on the boundary at points as dense. misfit: the largest |u| there, which bounds the error everywhere.
    """

    def __init__(self, poles: int = POLES, degree: int = DEGREE) -> None:
        self.degree = degree
        k = np.arange(1, poles + 1)
        self.distances = 2 * np.exp(-CLUSTERING * (np.sqrt(poles) - np.sqrt(k)))
        self.places = np.concatenate([c + d / np.sqrt(2) * self.distances for c, d in CORNERS.items()])
        self.scales = np.tile(self.distances, len(CORNERS))
        boundary = self._boundary(6 * poles)
        matrix = self.basis(boundary)
        data = np.abs(boundary) ** 2 / 4
        self.size = np.linalg.norm(matrix, axis=0)
        self.coefficients = np.linalg.lstsq(matrix / self.size, data, rcond=1e-14)[0] / self.size
        finer = self._boundary(9 * poles)
        self.misfit = float(np.abs(self(finer.real, finer.imag)).max())

    def _boundary(self, count: int) -> np.ndarray:
        """Points of the boundary, exponentially dense towards the corners."""
        t = np.tanh(np.linspace(-14, 14, count))
        ring = list(CORNERS)
        return np.concatenate([(a + b) / 2 + (b - a) / 2 * t for a, b in zip(ring, ring[1:] + ring[:1], strict=True)])

    def basis(self, z: np.ndarray) -> np.ndarray:
        """Real and imaginary parts of the poles and powers, (n, m)."""
        rational = self.scales / (z[:, None] - self.places)
        powers = ((z - MIDDLE)[:, None] / 1.6) ** np.arange(self.degree + 1)
        return np.concatenate([rational.real, rational.imag, powers.real, powers.imag[:, 1:]], axis=1)

    def __call__(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return self.basis(x + 1j * y) @ self.coefficients - (x**2 + y**2) / 4


@lru_cache(maxsize=1)
def lightning() -> Lightning:
    return Lightning()
