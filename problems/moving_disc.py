"""Heat from a disc that moves through a channel."""

from math import acosh, ceil, cosh, hypot, pi, sqrt

from scipy.special import k0
from torch import Tensor, exp, log

from pinn.basis.errors import require
from pinn.domains import Box, Disc, Time
from pinn.problem import Problem
from pinn.terms import Dirichlet, Initial, Interior, Neumann

LENGTH, HALF_WIDTH, START = 2.0, 0.5, 0.5  # of the channel; where the disc's center is at t = 0
NEGLIGIBLE = 40.0  # e^-40 counts as zero
STEP = 0.3  # of the trapezoidal rule for K0(z), whose error is e^(-pi^2 / step), and e^(-2 pi^2 / (step^2 z)) of K0(z)


class MovingDisc(Problem):
    """Heat equation  u_t = nu (u_xx + u_yy)  in a channel on [0, 2] x [-0.5, 0.5], t in [0, 1], around a moving disc.

    The disc of radius R goes along the channel's axis from x = 0.5 at the speed c. Heat flows from it, as from a line
    source at its center that has moved so for ever, into insulated walls:
    Conditions  u_y = 0 at the walls y = +-0.5;  u as the exact solution on the disc, at both ends and at t = 0.
    diffusivity: nu, > 0; speed: c, in (0, 0.9]; radius: R, in [0.05, 0.4]; c / nu in [1, 100]; dimensionless.
    Exact: u = exp(-c xi / (2 nu)) K0(c r / (2 nu)) / K0(c R / (2 nu)),  xi = x - 0.5 - c t, r from the disc's center,
    and the same for the source's images in the walls.
    Source: Rosenthal 1946, doi:10.1115/1.4018624.
    No ansatz: u(x, y, 0) has its source where the domain is later. N sees, beside x, y and t, log r and the dipole of
    the moving source.
    """

    def __init__(self, diffusivity: float = 0.1, speed: float = 0.5, radius: float = 0.15) -> None:
        require(0 < diffusivity < float("inf"), f"diffusivity must be > 0 and finite, got {diffusivity}")
        require(0 < speed <= 0.9, f"speed must be in (0, 0.9], so that the disc stays in the channel, got {speed}")
        require(0.05 <= radius <= 0.4, f"radius must be in [0.05, 0.4], got {radius}")
        drift = speed / diffusivity
        require(1 <= drift <= 100, f"speed / diffusivity must be in [1, 100], got {drift:g}")
        self.diffusivity = diffusivity
        self.speed = speed
        self.radius = radius
        self.rate = drift / 2
        time = Time(t=(0, 1))
        disc = Disc((START, 0), radius).moving(time, x=lambda t: speed * t)
        self.domain = Box(x=(0, LENGTH), y=(-HALF_WIDTH, HALF_WIDTH)) * time - disc
        self.fields = ("u",)

    def terms(self):
        return {
            "heat": Interior(self.heat),
            "disc": Dirichlet(u=self.exact, on="disc"),
            "walls": Neumann(u=0.0, on=("y.min", "y.max")),
            "ends": Dirichlet(u=self.exact, on=("x.min", "x.max")),
            "start": Initial(u=lambda x, y: self.exact(x, y, 0 * x)),
        }

    def heat(self, u_t: Tensor, laplacian_u: Tensor) -> Tensor:
        return u_t - self.diffusivity * laplacian_u

    def features(self, x, y, t):
        xi = x - START - self.speed * t
        square = xi**2 + y**2
        return [log(square) / 2, self.radius * xi / square, self.radius * y / square]

    def exact(self, x: Tensor, y: Tensor, t: Tensor) -> Tensor:
        """With K0(z) the integral of exp(-z cosh s) over s > 0, for which the trapezoidal rule is exact to rounding."""
        xi = x - START - self.speed * t
        farthest = NEGLIGIBLE / self.rate + LENGTH  # images beyond add less than e^-40, even far behind the disc
        images = ceil(sqrt(farthest**2 - LENGTH**2) / (2 * HALF_WIDTH))
        total = 0 * x
        for image in range(-images, images + 1):
            across = 2 * HALF_WIDTH * image
            r = (xi**2 + (y - across) ** 2) ** 0.5
            least = max(abs(across) - HALF_WIDTH, self.radius)
            most = hypot(LENGTH, abs(across) + HALF_WIDTH)
            step = min(STEP, pi * sqrt(2 / (NEGLIGIBLE * self.rate * most)))
            for k in range(ceil(acosh(1 + NEGLIGIBLE / (self.rate * least)) / step) + 1):
                weight = step * (0.5 if k == 0 else 1.0)
                total = total + weight * exp(-self.rate * (xi + cosh(step * k) * r))
        return total / k0(self.rate * self.radius)
