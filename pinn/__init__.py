"""Physics-informed neural networks, trained to second order in double precision.

import pinn
from pinn.problems import Burgers
solution = pinn.solve(Burgers())
solution(x=0.5, t=1.0)
"""

import ast
import difflib
from importlib import import_module
from pkgutil import get_data
from typing import TYPE_CHECKING, Any

from pinn.basis.late import LATE as _LATE

# The public names, and where each of them is: what type checkers see, and what `_homes` reads.
if TYPE_CHECKING:
    from pinn.basis.errors import UserError as UserError
    from pinn.cli.configured import configured as configured
    from pinn.derivatives.elsewhere import at as at
    from pinn.derivatives.elsewhere import integral as integral
    from pinn.derivatives.operators import curl as curl
    from pinn.derivatives.operators import divergence as divergence
    from pinn.derivatives.operators import gradient as gradient
    from pinn.derivatives.operators import hessian as hessian
    from pinn.derivatives.operators import jacobian as jacobian
    from pinn.derivatives.operators import jacobian_determinant as jacobian_determinant
    from pinn.derivatives.operators import jvp as jvp
    from pinn.derivatives.operators import laplacian as laplacian
    from pinn.derivatives.operators import log_abs_jacobian_determinant as log_abs_jacobian_determinant
    from pinn.derivatives.operators import vjp as vjp
    from pinn.derivatives.stability import stability as stability
    from pinn.derivatives.stacked import stacked as stacked
    from pinn.derivatives.tables import Table as Table
    from pinn.diagnosis.bounds.declared import ConservationBound as ConservationBound
    from pinn.diagnosis.bounds.declared import EvolutionBound as EvolutionBound
    from pinn.diagnosis.bounds.declared import SteadyBound as SteadyBound
    from pinn.diagnosis.bounds.declared import WaveBound as WaveBound
    from pinn.diagnosis.derivatives import check_derivatives as check_derivatives
    from pinn.domains import STL as STL
    from pinn.domains import Annulus as Annulus
    from pinn.domains import Ball as Ball
    from pinn.domains import Box as Box
    from pinn.domains import Curve as Curve
    from pinn.domains import Disc as Disc
    from pinn.domains import Ellipse as Ellipse
    from pinn.domains import Mapped as Mapped
    from pinn.domains import Mesh as Mesh
    from pinn.domains import MeshFile as MeshFile
    from pinn.domains import Parameters as Parameters
    from pinn.domains import PointCloud as PointCloud
    from pinn.domains import Polygon as Polygon
    from pinn.domains import Shell as Shell
    from pinn.domains import Simplex as Simplex
    from pinn.domains import Solid as Solid
    from pinn.domains import StarShaped as StarShaped
    from pinn.domains import Time as Time
    from pinn.functionals import Average as Average
    from pinn.functionals import Balance as Balance
    from pinn.functionals import Flow as Flow
    from pinn.functionals import Maximum as Maximum
    from pinn.functionals import Minimum as Minimum
    from pinn.functionals import Probe as Probe
    from pinn.functionals import Profile as Profile
    from pinn.functionals import Total as Total
    from pinn.problem import Problem as Problem
    from pinn.problem import derived as derived
    from pinn.solution import Output as Output
    from pinn.solution import Solution as Solution
    from pinn.solution import load as load
    from pinn.solving import solve as solve
    from pinn.terms import Boundary as Boundary
    from pinn.terms import Conservation as Conservation
    from pinn.terms import Data as Data
    from pinn.terms import Dirichlet as Dirichlet
    from pinn.terms import Eigenvalue as Eigenvalue
    from pinn.terms import Flux as Flux
    from pinn.terms import Initial as Initial
    from pinn.terms import Integral as Integral
    from pinn.terms import Interface as Interface
    from pinn.terms import Interior as Interior
    from pinn.terms import Mean as Mean
    from pinn.terms import Neumann as Neumann
    from pinn.terms import Norm as Norm
    from pinn.terms import Normal as Normal
    from pinn.terms import Observation as Observation
    from pinn.terms import Periodic as Periodic
    from pinn.terms import Pin as Pin
    from pinn.terms import Robin as Robin
    from pinn.terms import Smoothness as Smoothness
    from pinn.terms import Unknown as Unknown
    from pinn.training import Stage as Stage
    from pinn.training import Stages as Stages
    from pinn.training import Training as Training


def _homes() -> dict[str, str]:
    """Public name -> its module, from the imports above: a name is imported when it is used, torch with it."""
    source = ast.parse(get_data(__name__, "__init__.py") or b"")
    imports = [node for block in source.body if isinstance(block, ast.If) for node in block.body]
    return {a.name: str(node.module) for node in imports if isinstance(node, ast.ImportFrom) for a in node.names}


_HOMES = _homes()


def _plot(*arguments: Any) -> Any:
    from pinn.report.figures import plot

    return plot(*arguments)


def _report(*arguments: Any) -> Any:
    from pinn.report.page import report

    return report(*arguments)


_LATE |= {"plot": _plot, "report": _report}


def __getattr__(name: str) -> Any:
    if name == "__all__":  # by a call, for type checkers take a list made here for an empty one
        return sorted(_HOMES)
    if name not in _HOMES:
        near = "".join(f"; did you mean {match!r}?" for match in difflib.get_close_matches(name, _HOMES, 1))
        raise AttributeError(f"module 'pinn' has no attribute {name!r}{near}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
