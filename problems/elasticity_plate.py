"""Linear elasticity of a plate."""

from math import pi

from torch import Tensor, cos, sin

from pinn.basis.errors import require
from pinn.domains import Box
from pinn.problem import Problem, derived
from pinn.terms import Dirichlet, Interior


class ElasticityPlate(Problem):
    """Linear elasticity in plane strain  sxx_x + sxy_y = f_x,  sxy_x + syy_y = f_y  on [0, 1] x [0, 1].

    Stresses  sxx = (2 mu + lambda) u_x + lambda v_y,  syy = (2 mu + lambda) v_y + lambda u_x,  sxy = mu (u_y + v_x)
    of the displacements u and v; f_x and f_y from the exact solution.
    Conditions  u = 0 at y = 0, 1;  v = 0 at x = 0, 1 and y = 0;  no normal traction, sxx = 0, at x = 0, 1;
    syy = (2 mu + lambda) Q sin(pi x) at y = 1.
    first_lame: lambda, > -2 mu / 3; shear_modulus: mu, > 0; load: Q; all dimensionless, 1, 0.5 and 4 in the benchmark.
    Exact: u = cos(2 pi x) sin(pi y),  v = Q sin(pi x) y^4 / 4.
    Source: Lu et al. 2021, doi:10.1137/19M1274067, the package's example of linear elasticity.
    The ansatz  u = 4 y (1 - y) N_u,  v = 4 x (1 - x) y N_v  meets the conditions on displacements exactly.
    """

    def __init__(self, first_lame: float = 1.0, shear_modulus: float = 0.5, load: float = 4.0) -> None:
        require(0 < shear_modulus < float("inf"), f"shear_modulus must be > 0 and finite, got {shear_modulus}")
        stable = -2 / 3 * shear_modulus < first_lame < float("inf")
        require(stable, f"first_lame must be > -2/3 shear_modulus and finite, got {first_lame}")
        require(abs(load) < float("inf"), f"load must be finite, got {load}")
        self.first_lame = first_lame
        self.shear_modulus = shear_modulus
        self.load = load
        self.p_wave = 2 * shear_modulus + first_lame
        self.domain = Box(x=(0, 1), y=(0, 1))
        self.fields = ("u", "v")

    def terms(self):
        return {
            "momentum_x": Interior(self.momentum_x),
            "momentum_y": Interior(self.momentum_y),
            "clamped_x": Dirichlet(u=0.0, on=("y.min", "y.max")),
            "clamped_y": Dirichlet(v=0.0, on=("x.min", "x.max", "y.min")),
            "free": Dirichlet(sxx=0.0, on=("x.min", "x.max")),
            "loaded": Dirichlet(syy=self.traction, on="y.max"),
        }

    @derived
    def sxx(self, u_x, v_y):
        return self.p_wave * u_x + self.first_lame * v_y

    @derived
    def syy(self, u_x, v_y):
        return self.p_wave * v_y + self.first_lame * u_x

    @derived
    def sxy(self, u_y, v_x):
        return self.shear_modulus * (u_y + v_x)

    def momentum_x(self, sxx_x: Tensor, sxy_y: Tensor, x: Tensor, y: Tensor) -> Tensor:
        return sxx_x + sxy_y - self.force_x(x, y)

    def momentum_y(self, sxy_x: Tensor, syy_y: Tensor, x: Tensor, y: Tensor) -> Tensor:
        return sxy_x + syy_y - self.force_y(x, y)

    def force_x(self, x: Tensor, y: Tensor) -> Tensor:
        wave, power = cos(2 * pi * x) * sin(pi * y), pi * self.load * y**3 * cos(pi * x)
        stretch = -4 * pi**2 * self.p_wave * wave + self.first_lame * power
        return stretch + self.shear_modulus * (power - pi**2 * wave)

    def force_y(self, x: Tensor, y: Tensor) -> Tensor:
        wave, power = 2 * pi**2 * sin(2 * pi * x) * cos(pi * y), self.load * y**2 * sin(pi * x)
        shear = -self.shear_modulus * (wave + pi**2 / 4 * y**2 * power)
        return shear + 3 * self.p_wave * power - self.first_lame * wave

    def traction(self, x):
        return self.p_wave * self.load * sin(pi * x)

    def ansatz(self, x, y, u, v):
        return {"u": 4 * y * (1 - y) * u, "v": 4 * x * (1 - x) * y * v}

    def exact(self, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        return {"u": cos(2 * pi * x) * sin(pi * y), "v": self.load * sin(pi * x) * y**4 / 4}
