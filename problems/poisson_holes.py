"""Laplace's equation on a square with holes."""

from functools import lru_cache

import numpy as np
from torch import Tensor, log

from pinn.basis.errors import require
from pinn.domains import Box, Disc, Domain
from pinn.problem import Problem
from pinn.terms import Dirichlet, Interior

HALF, OFFSET = 0.5, 0.3  # half the square's side; the holes' centers are at (+-0.3, +-0.3)
MULTIPOLES, POLYNOMIALS, RINGS = 20, 10, 2  # of the reference's basis


class PoissonHoles(Problem):
    """Laplace's equation  lap u = 0  on [-0.5, 0.5] x [-0.5, 0.5] less four discs about (+-0.3, +-0.3).

    Conditions  u = 1 on the square's sides,  u = 0 on the discs' circles.
    radius: of the discs, > 0 and <= 0.15; 0.1 in the benchmark.
    Reference: least squares in harmonic functions, converged to 1e-11 (see `Expansion`).
    Source: Hao et al. 2023, arXiv 2306.08827, Poisson's equation with classical boundary.
    The ansatz  u = a / (a + b) + a b N,  1 / a = sum 1 / log(|x - c| / r) over the holes, b = (1 - 4 x^2) (1 - 4 y^2),
    meets the boundary data exactly. N sees, beside x and y, each hole's logarithm and dipole.
    """

    def __init__(self, radius: float = 0.1) -> None:
        require(0 < radius <= 0.15, f"radius must be > 0 and <= 0.15, got {radius}")
        self.radius = radius
        self.centers = [(x, y) for x in (-OFFSET, OFFSET) for y in (-OFFSET, OFFSET)]
        self.domain: Domain = Box(x=(-HALF, HALF), y=(-HALF, HALF)).named("outer")
        for center in self.centers:
            self.domain -= Disc(center, radius, name="holes")
        self.fields = ("u",)

    def terms(self):
        return {
            "equation": Interior(self.equation),
            "outer": Dirichlet(u=1.0, on="outer"),
            "holes": Dirichlet(u=0.0, on="holes"),
        }

    def equation(self, laplacian_u: Tensor) -> Tensor:
        return laplacian_u

    def ansatz(self, x, y, u):
        inner, outer = self.from_holes(x, y), (1 - 4 * x**2) * (1 - 4 * y**2)
        return {"u": inner / (inner + outer) + inner * outer * u}

    def from_holes(self, x, y):
        """a = 1 / sum 1 / log(|x - c| / r): zero on the holes' circles, near each as its own logarithm."""
        total = 0.0
        for cx, cy in self.centers:
            total = total + 2 / log(((x - cx) ** 2 + (y - cy) ** 2) / self.radius**2)
        return 1 / total

    def features(self, x, y):
        """Each hole's logarithm, and the place relative to it inverted in its circle, whose powers are multipoles."""
        found = []
        for cx, cy in self.centers:
            dx, dy = x - cx, y - cy
            square = dx**2 + dy**2
            found += [log(square / self.radius**2) / 2 - 1, self.radius * dx / square, self.radius * dy / square]
        return found

    def reference(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return expansion(self.radius)(x, y)


class Expansion:
    """Harmonic functions with the symmetries of the square, fitted to the boundary data.

    Logarithms and multipoles r^k Re(e^(i k phi) / (z - c)^k) at the holes, with their images by reflection in the
    sides, of opposite signs, which leave little for the polynomials Re z^(4 n) to do. With phi the direction of c each
    coefficient is real and the same for the four holes. Least squares over a quarter of the boundary.
    """

    def __init__(self, radius: float, multipoles: int = MULTIPOLES, polynomials: int = POLYNOMIALS) -> None:
        self.radius, self.multipoles, self.polynomials = radius, multipoles, polynomials
        t = (np.arange(400) + 0.5) / 400
        side = HALF + 1j * HALF * np.sin(np.pi * (t - 0.5))  # dense towards the corners
        hole = OFFSET * (1 + 1j) + radius * np.exp(2j * np.pi * t)
        data = np.concatenate([np.ones(400), np.zeros(400)])
        matrix = self.basis(np.concatenate([side, hole]))
        self.coefficients, *_ = np.linalg.lstsq(matrix, data, rcond=1e-14)
        self.misfit = float(np.abs(matrix @ self.coefficients - data).max())

    def basis(self, z: np.ndarray) -> np.ndarray:
        """The functions' values (n, m) at complex places (n,)."""
        poles = np.zeros((self.multipoles + 1, len(z)))
        for center, direction, sign in images():
            inverse = self.radius * direction / (z - center)
            poles[0] -= sign * np.log(np.abs(inverse))
            power = np.ones_like(z)
            for k in range(1, self.multipoles + 1):
                power = power * inverse
                poles[k] += sign * power.real
        powers = [((z / HALF) ** (4 * n)).real / 4.0**n for n in range(self.polynomials)]
        return np.column_stack([*poles, *powers])

    def __call__(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return self.basis(x + 1j * y) @ self.coefficients


def images() -> list[tuple[complex, complex, float]]:
    """Centers, directions e^(i phi) and signs of the holes and of their images in the sides, in rings around them."""
    found = []
    for i in range(-RINGS, RINGS + 1):
        for j in range(-RINGS, RINGS + 1):
            for sx in (-1, 1):
                for sy in (-1, 1):
                    # an odd number of reflections turns a direction over
                    dx, dy = sx * (-1) ** i, sy * (-1) ** j
                    center = complex(i + OFFSET * dx, j + OFFSET * dy)
                    found.append((center, complex(dx, dy) / np.sqrt(2), float((-1) ** (i + j))))
    return found


@lru_cache(maxsize=4)
def expansion(radius: float) -> Expansion:
    return Expansion(radius)
