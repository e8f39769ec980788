"""Physics-informed neural networks, trained to second order in double precision.

import pinn
from pinn.problems import Burgers
solution = pinn.solve(Burgers())
solution(x=0.5, t=1.0)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from pinn.basis.late import LATE as _LATE

if TYPE_CHECKING:
    from pinn.basis.errors import UserError
    from pinn.cli.configured import configured
    from pinn.derivatives.operators import (
        curl,
        divergence,
        gradient,
        hessian,
        jacobian,
        jacobian_determinant,
        jvp,
        laplacian,
        log_abs_jacobian_determinant,
        vjp,
    )
    from pinn.derivatives.stability import stability
    from pinn.diagnosis import check_derivatives
    from pinn.domains import (
        STL,
        Annulus,
        Ball,
        Box,
        Curve,
        Disc,
        Ellipse,
        Mapped,
        Parameters,
        PointCloud,
        Polygon,
        Shell,
        Simplex,
        Solid,
        StarShaped,
        Time,
    )
    from pinn.problem import Problem, derived
    from pinn.solution import Output, Solution, load
    from pinn.solving import solve
    from pinn.terms import (
        Boundary,
        Data,
        Dirichlet,
        Flux,
        Initial,
        Integral,
        Interface,
        Interior,
        Mean,
        Neumann,
        Observation,
        Periodic,
        Pin,
        Robin,
    )
    from pinn.training import Stage, Stages, Training

# Public name -> its module. Names are imported when they are used, so that the command line starts without torch.
_HOMES = {
    "Annulus": "pinn.domains",
    "Ball": "pinn.domains",
    "Boundary": "pinn.terms",
    "Box": "pinn.domains",
    "Curve": "pinn.domains",
    "Data": "pinn.terms",
    "Dirichlet": "pinn.terms",
    "Disc": "pinn.domains",
    "Ellipse": "pinn.domains",
    "Flux": "pinn.terms",
    "Initial": "pinn.terms",
    "Integral": "pinn.terms",
    "Interface": "pinn.terms",
    "Interior": "pinn.terms",
    "Mapped": "pinn.domains",
    "Mean": "pinn.terms",
    "Neumann": "pinn.terms",
    "Observation": "pinn.terms",
    "Output": "pinn.solution",
    "Parameters": "pinn.domains",
    "Periodic": "pinn.terms",
    "Pin": "pinn.terms",
    "PointCloud": "pinn.domains",
    "Polygon": "pinn.domains",
    "Problem": "pinn.problem",
    "Robin": "pinn.terms",
    "STL": "pinn.domains",
    "Shell": "pinn.domains",
    "Simplex": "pinn.domains",
    "Solid": "pinn.domains",
    "Solution": "pinn.solution",
    "Stage": "pinn.training",
    "Stages": "pinn.training",
    "StarShaped": "pinn.domains",
    "Time": "pinn.domains",
    "Training": "pinn.training",
    "UserError": "pinn.basis.errors",
    "check_derivatives": "pinn.diagnosis",
    "configured": "pinn.cli.configured",
    "curl": "pinn.derivatives.operators",
    "derived": "pinn.problem",
    "divergence": "pinn.derivatives.operators",
    "gradient": "pinn.derivatives.operators",
    "hessian": "pinn.derivatives.operators",
    "jacobian": "pinn.derivatives.operators",
    "jacobian_determinant": "pinn.derivatives.operators",
    "jvp": "pinn.derivatives.operators",
    "laplacian": "pinn.derivatives.operators",
    "load": "pinn.solution",
    "log_abs_jacobian_determinant": "pinn.derivatives.operators",
    "solve": "pinn.solving",
    "stability": "pinn.derivatives.stability",
    "vjp": "pinn.derivatives.operators",
}

__all__ = [
    "STL",
    "Annulus",
    "Ball",
    "Boundary",
    "Box",
    "Curve",
    "Data",
    "Dirichlet",
    "Disc",
    "Ellipse",
    "Flux",
    "Initial",
    "Integral",
    "Interface",
    "Interior",
    "Mapped",
    "Mean",
    "Neumann",
    "Observation",
    "Output",
    "Parameters",
    "Periodic",
    "Pin",
    "PointCloud",
    "Polygon",
    "Problem",
    "Robin",
    "Shell",
    "Simplex",
    "Solid",
    "Solution",
    "Stage",
    "Stages",
    "StarShaped",
    "Time",
    "Training",
    "UserError",
    "check_derivatives",
    "configured",
    "curl",
    "derived",
    "divergence",
    "gradient",
    "hessian",
    "jacobian",
    "jacobian_determinant",
    "jvp",
    "laplacian",
    "load",
    "log_abs_jacobian_determinant",
    "solve",
    "stability",
    "vjp",
]


def _plot(*arguments: Any) -> Any:
    from pinn.report.figures import plot

    return plot(*arguments)


def _report(*arguments: Any) -> Any:
    from pinn.report.page import report

    return report(*arguments)


_LATE |= {"plot": _plot, "report": _report}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'pinn' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
