"""Options of the shipped problems."""

from dataclasses import dataclass


@dataclass
class AllenCahn:
    _target_: str
    diffusivity: float
    rate: float


@dataclass
class Burgers:
    _target_: str
    nu: float


@dataclass
class Convection:
    _target_: str
    speed: float


@dataclass
class ElasticityPlate:
    _target_: str
    first_lame: float
    shear_modulus: float
    load: float


@dataclass
class EulerBeam:
    _target_: str
    load: float


@dataclass
class Heat:
    _target_: str
    diffusivity: float


@dataclass
class HeatSink:
    _target_: str
    stl: str | None
    unit: float
    biot: float
    heat_flux: float


@dataclass
class Helmholtz:
    _target_: str
    wavenumber: float
    frequency_x: int
    frequency_y: int


@dataclass
class KdV:
    _target_: str
    delta: float


@dataclass
class KleinGordon:
    _target_: str
    frequency: float


@dataclass
class Kovasznay:
    _target_: str
    reynolds: float


@dataclass
class LaplaceAnnulus:
    _target_: str
    inner: float
    waves: int


@dataclass
class LidDrivenCavity:
    _target_: str
    reynolds: float


@dataclass
class MovingDisc:
    _target_: str
    diffusivity: float
    speed: float
    radius: float


@dataclass
class Poisson2D:
    _target_: str
    frequency: int


@dataclass
class Poisson5D:
    _target_: str


@dataclass
class PoissonHoles:
    _target_: str
    radius: float


@dataclass
class PoissonLshape:
    _target_: str


@dataclass
class Reaction:
    _target_: str
    rate: float
    width: float


@dataclass
class Wave:
    _target_: str
    speed: float
    amplitude: float


SCHEMAS: dict[str, type] = {
    "problem/allen_cahn": AllenCahn,
    "problem/burgers": Burgers,
    "problem/convection": Convection,
    "problem/elasticity_plate": ElasticityPlate,
    "problem/euler_beam": EulerBeam,
    "problem/heat": Heat,
    "problem/heat_sink": HeatSink,
    "problem/helmholtz": Helmholtz,
    "problem/kdv": KdV,
    "problem/klein_gordon": KleinGordon,
    "problem/kovasznay": Kovasznay,
    "problem/laplace_annulus": LaplaceAnnulus,
    "problem/lid_driven_cavity": LidDrivenCavity,
    "problem/moving_disc": MovingDisc,
    "problem/poisson_2d": Poisson2D,
    "problem/poisson_5d": Poisson5D,
    "problem/poisson_holes": PoissonHoles,
    "problem/poisson_lshape": PoissonLshape,
    "problem/reaction": Reaction,
    "problem/wave": Wave,
}
