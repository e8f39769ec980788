"""Heat conduction in a heat sink from an STL file."""

from collections.abc import Callable
from functools import lru_cache
from math import atan2, hypot, pi

import numpy as np
from torch import Tensor, atan, cos, sin

from pinn.basis.errors import require
from pinn.domains import STL, Solid
from pinn.functionals import Average, Balance, Maximum, Total
from pinn.problem import Problem
from pinn.problems._voxels import Voxels
from pinn.terms import Interior, Neumann, Robin

LOWER, UPPER = np.zeros(3), np.array([1.0, 0.5, 0.8])  # of the plate with fins
PLATE, FIN, PITCH, COARSE = 0.2, 0.2, 0.4, 0.1  # thickness of the plate, of the fins, their pitch; all whole COARSE
EDGES = ((0.2, 1), (0.4, -1), (0.6, 1), (0.8, -1))  # x where plate and fins meet, and on which side of it the air is
# Where the angle jumps: on a line from the edge out between the fins, which meets the solid nowhere else.
LEAVING = (0.1 / hypot(0.1, 0.6), 0.6 / hypot(0.1, 0.6))
OFF = pi / 4 - atan2(0.6, 0.1)
TINY = 1e-300  # keeps values finite at the edges themselves
FINENESS = 0.0125  # edge of the reference's cubes


class HeatSink(Problem):
    """Steady heat conduction  lap u = 0  in a solid, on [0, 1] x [0, 0.5] x [0, 0.8] a plate with three fins.

    Conditions  u_n = q at the base, the solid's lowest face z = min;  u_n + B u = 0 where the air is, everywhere else.
    u is the temperature above the air's.
    stl: a file with another solid, None for the plate with fins; unit: the length of the file's unit.
    biot: B, the heat transfer coefficient over the conductivity, > 0; heat_flux: q; in the units of length and u.
    Reference: trilinear finite elements on cubes of 1/40 and 1/80, extrapolated, for the plate with fins.
    Source: Carslaw & Jaeger 1959, Conduction of Heat in Solids, section 1.9 for the conditions; the elements by Strang
    & Fix 2008, doi:10.1137/1.9780980232707.
    For the plate with fins the network sees, beside x, y and z, the singular functions of the edges where they meet.
    """

    opens = ("stl",)

    def __init__(self, stl: str | None = None, unit: float = 1.0, biot: float = 1.0, heat_flux: float = 1.0) -> None:
        require(0 < biot < float("inf"), f"biot must be > 0 and finite, got {biot}")
        require(abs(heat_flux) < float("inf"), f"heat_flux must be finite, got {heat_flux}")
        self.biot, self.heat_flux = biot, heat_flux
        self.stl, self.unit = stl, unit
        if stl is None:
            self.domain: Solid = Solid(
                *Voxels(is_sink, LOWER, UPPER, COARSE).surface(), patches=patches(0.0), name="air"
            )
            self.reference = self.finite_elements
            self.features = self.edge_functions
        else:
            bottom = STL(stl, unit).bounds["z"][0]
            self.domain = STL(stl, unit, patches=patches(bottom), name="air")
        self.fields = ("u",)

    def terms(self):
        return {
            "conduction": Interior(self.conduction),
            "base": Neumann(u=self.heat_flux, on="base"),
            "air": Robin(u=0.0, coefficients=(self.biot, 1.0), on="air"),
        }

    def results(self):
        """The heat to the air, and the temperature of the base, whose mean over that heat is the sink's resistance."""
        return {
            "heat": Total(lambda u: self.biot * u, on="air"),
            "base": Average("u", on="base"),
            "hottest": Maximum("u"),
            "balance": Balance(x=lambda u_x: -u_x, y=lambda u_y: -u_y, z=lambda u_z: -u_z),
        }

    def conduction(self, laplacian_u: Tensor) -> Tensor:
        return laplacian_u

    def edge_functions(self, x, z):
        """r^(2/3) sin(2 phi / 3) and r^(4/3) cos(4 phi / 3) of each edge, the angle phi from its bisector."""
        found = []
        for edge, side in EDGES:
            away, below = side * (edge - x), PLATE - z  # along the two faces that meet here, both < 0 in the air
            square = away**2 + below**2
            along, across = (LEAVING[0] * away + LEAVING[1] * below), (LEAVING[1] * away - LEAVING[0] * below)
            phi = 2 * atan(across / (square**0.5 + along + TINY)) + OFF
            found += [square ** (1 / 3) * sin(2 / 3 * phi), square ** (2 / 3) * cos(4 / 3 * phi)]
        return found

    def finite_elements(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        return self.heat_flux * finned_temperature(self.biot, FINENESS)(np.stack([x, y, z], axis=1))


def is_sink(x: np.ndarray) -> np.ndarray:
    """Whether points (n, 3) lie in the plate with fins."""
    return (x[:, 2] < PLATE) | (x[:, 0] % PITCH < FIN)


def patches(bottom: float) -> dict[str, Callable]:
    """The base: the triangles at the height of the lowest point, to rounding in single precision."""
    return {"base": lambda z: z < bottom + 1e-5}


def finned_temperature(biot: float, h: float) -> Callable[[np.ndarray], np.ndarray]:
    """The temperature of the plate with fins for a unit flux, by cubes of edge h in a quarter, mirrored.

    The corners between plate and fins leave errors of order h^(4/3), which Richardson's extrapolation from twice the
    edge takes off.
    """
    coarse, fine = quarter(biot, 2 * h), quarter(biot, h)

    def at(x: np.ndarray) -> np.ndarray:
        mirrored = np.column_stack([np.minimum(x[:, :2], UPPER[:2] - x[:, :2]), x[:, 2]])
        best = fine(mirrored)
        return best + (best - coarse(mirrored)) / (2 ** (4 / 3) - 1)

    return at


@lru_cache(maxsize=8)
def quarter(biot: float, h: float) -> Callable[[np.ndarray], np.ndarray]:
    """The finite elements' temperature for x <= 0.5, y <= 0.25."""
    middle = UPPER * [0.5, 0.5, 1.0]
    voxels = Voxels(is_sink, LOWER, middle, h)

    def is_base(x: np.ndarray) -> np.ndarray:
        return x[:, 2] < h / 4

    def is_air(x: np.ndarray) -> np.ndarray:
        return ~is_base(x) & (x[:, :2] < middle[:2] - h / 4).all(axis=1)

    u = voxels.solve(transfer=lambda x: biot * is_air(x), flux=lambda x: 1.0 * is_base(x))
    return voxels.interpolated(u)
