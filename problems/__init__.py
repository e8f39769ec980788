"""Problems: one file each, the equation with its domain, conditions and reference."""

from pinn.problems.allen_cahn import AllenCahn
from pinn.problems.backward_heat import BackwardHeat
from pinn.problems.burgers import Burgers
from pinn.problems.burgers_identification import BurgersIdentification
from pinn.problems.convection import Convection
from pinn.problems.diffusion_reaction_inverse import DiffusionReactionInverse
from pinn.problems.drum import Drum
from pinn.problems.elasticity_plate import ElasticityPlate
from pinn.problems.euler_beam import EulerBeam
from pinn.problems.fokker_planck import FokkerPlanck
from pinn.problems.hamilton_jacobi_bellman import HamiltonJacobiBellman
from pinn.problems.heat import Heat
from pinn.problems.heat_10d import Heat10D
from pinn.problems.heat_inverse import HeatInverse
from pinn.problems.heat_sink import HeatSink
from pinn.problems.helmholtz import Helmholtz
from pinn.problems.hutchinson import Hutchinson
from pinn.problems.inclusion import Inclusion
from pinn.problems.inclusion_moduli import InclusionModuli
from pinn.problems.kdv import KdV
from pinn.problems.klein_gordon import KleinGordon
from pinn.problems.kovasznay import Kovasznay
from pinn.problems.laplace_annulus import LaplaceAnnulus
from pinn.problems.lid_driven_cavity import LidDrivenCavity
from pinn.problems.lorenz_inverse import LorenzInverse
from pinn.problems.moving_disc import MovingDisc
from pinn.problems.poisson_2d import Poisson2D
from pinn.problems.poisson_5d import Poisson5D
from pinn.problems.poisson_10d import Poisson10D
from pinn.problems.poisson_holes import PoissonHoles
from pinn.problems.poisson_inverse import PoissonInverse
from pinn.problems.poisson_lshape import PoissonLshape
from pinn.problems.pressure_from_velocity import PressureFromVelocity
from pinn.problems.reaction import Reaction
from pinn.problems.sod import Sod
from pinn.problems.source_location import SourceLocation
from pinn.problems.spring_damper import SpringDamper
from pinn.problems.wave import Wave

__all__ = [
    "AllenCahn",
    "BackwardHeat",
    "Burgers",
    "BurgersIdentification",
    "Convection",
    "DiffusionReactionInverse",
    "Drum",
    "ElasticityPlate",
    "EulerBeam",
    "FokkerPlanck",
    "HamiltonJacobiBellman",
    "Heat",
    "Heat10D",
    "HeatInverse",
    "HeatSink",
    "Helmholtz",
    "Hutchinson",
    "Inclusion",
    "InclusionModuli",
    "KdV",
    "KleinGordon",
    "Kovasznay",
    "LaplaceAnnulus",
    "LidDrivenCavity",
    "LorenzInverse",
    "MovingDisc",
    "Poisson2D",
    "Poisson5D",
    "Poisson10D",
    "PoissonHoles",
    "PoissonInverse",
    "PoissonLshape",
    "PressureFromVelocity",
    "Reaction",
    "Sod",
    "SourceLocation",
    "SpringDamper",
    "Wave",
]
