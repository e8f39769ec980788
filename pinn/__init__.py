"""Physics-informed neural networks, trained to second order in double precision.

import pinn
from pinn.problems import Burgers
solution = pinn.solve(Burgers())
solution(x=0.5, t=1.0)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pinn.domains import Box, Time
    from pinn.errors import UserError
    from pinn.problem import Problem, derived
    from pinn.solution import Output, Solution, load
    from pinn.solving import solve
    from pinn.terms import Boundary, Dirichlet, Initial, Interior, Periodic
    from pinn.training import Training

# Public name -> its module. Names are imported when they are used, so that the command line starts without torch.
_HOMES = {
    "Boundary": "pinn.terms",
    "Box": "pinn.domains",
    "Dirichlet": "pinn.terms",
    "Initial": "pinn.terms",
    "Interior": "pinn.terms",
    "Output": "pinn.solution",
    "Periodic": "pinn.terms",
    "Problem": "pinn.problem",
    "Solution": "pinn.solution",
    "Time": "pinn.domains",
    "Training": "pinn.training",
    "UserError": "pinn.errors",
    "derived": "pinn.problem",
    "load": "pinn.solution",
    "solve": "pinn.solving",
}

__all__ = [
    "Boundary",
    "Box",
    "Dirichlet",
    "Initial",
    "Interior",
    "Output",
    "Periodic",
    "Problem",
    "Solution",
    "Time",
    "Training",
    "UserError",
    "derived",
    "load",
    "solve",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'pinn' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
