"""The terms of a problem: an equation on a region, each a residual that is to vanish."""

from pinn.terms.base import Equation, Period, Term, Value, equation, prescribed
from pinn.terms.conditions import Boundary, Dirichlet, Initial, Interior, Neumann, Robin, Side
from pinn.terms.conservation import Conservation
from pinn.terms.coupling import Interface, Periodic
from pinn.terms.data import Data, Observation
from pinn.terms.integrals import Flux, Integral, Mean, Norm, Pin
from pinn.terms.smoothness import Smoothness
from pinn.terms.unknowns import Eigenvalue, Normal, Unknown

__all__ = [
    "Boundary",
    "Conservation",
    "Data",
    "Dirichlet",
    "Eigenvalue",
    "Equation",
    "Flux",
    "Initial",
    "Integral",
    "Interface",
    "Interior",
    "Mean",
    "Neumann",
    "Norm",
    "Normal",
    "Observation",
    "Period",
    "Periodic",
    "Pin",
    "Robin",
    "Side",
    "Smoothness",
    "Term",
    "Unknown",
    "Value",
    "equation",
    "prescribed",
]
