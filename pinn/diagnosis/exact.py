"""The exact solution in the place of a network."""

from functools import partial
from typing import Any

from pinn.arguments import argument_names
from pinn.networks import MLP
from pinn.problem import Problem
from pinn.trial import TrialFunction, make_trial


def exact_trial(problem: Problem, derivatives: str = "auto") -> TrialFunction:
    """A trial function whose fields are the problem's exact solution, whatever its parameters."""
    trial = make_trial(problem, partial(MLP, width=1, depth=1), constraints="soft", derivatives="reverse")
    names = argument_names(problem.exact)  # type: ignore[attr-defined]

    def fields(x: Any) -> dict[str, Any]:
        found = problem.exact(*(x[:, problem.coordinates.index(name)] for name in names))  # type: ignore[attr-defined]
        return dict(found) if isinstance(found, dict) else {problem.vocabulary.fields[0]: found}

    trial.field_function = lambda parameters: fields  # type: ignore[method-assign]
    trial.derivatives = trial.supported_engine() if derivatives == "auto" else derivatives
    return trial
