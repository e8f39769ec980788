"""The exact solution in the place of a network."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import torch
from torch import Tensor

from pinn.basis.arguments import argument_names
from pinn.derivatives.jets import Fields, Values
from pinn.networks.mlp import MLP
from pinn.problem import Problem
from pinn.residuals.blocks import row_values, slopes
from pinn.residuals.residuals import Residuals
from pinn.sampling.given import GivenRegion
from pinn.sampling.points import PointSet
from pinn.trial.function import TrialFunction
from pinn.trial.making import make_trial

TOLERANCE = 1e-8  # of a residual's largest term: derivatives are exact, formulas have rounding


def exact_trial(problem: Problem, derivatives: str = "auto") -> TrialFunction:
    """A trial function whose fields are the problem's exact solution, whatever its parameters."""
    exact = problem.exact  # type: ignore[attr-defined]
    names = argument_names(exact)

    def fields(x: Values, outputs: Fields) -> Fields:
        solution = exact(*(x[:, problem.coordinates.index(name)] for name in names))
        return dict(solution) if isinstance(solution, dict) else {problem.vocabulary.fields[0]: solution}

    trial = make_trial(problem, partial(MLP, width=1, depth=1), constraints="soft", derivatives="reverse")
    trial.ansatz = fields
    trial.derivatives = trial.supported_engine() if derivatives == "auto" else derivatives
    return trial


def _asks_for_unknowns(problem: Problem, names: Sequence[str]) -> bool:
    """Whether an equation in these quantities holds an unknown, itself or in a derived quantity."""
    for name in names:
        base = name if name in problem.unknowns else problem.vocabulary.resolve(name, "the exact solution").base
        if base in problem.unknowns:
            return True
        if base in problem.derived and _asks_for_unknowns(problem, problem.derived[base].arguments):
            return True
    return False


def unsatisfied(problem: Problem, points: PointSet) -> Iterator[str]:
    """The terms that the problem's exact solution does not satisfy, in words; none where it has no exact solution.

    points: of each region, by its label; observations and quadratures are passed over, and so are equations with an
    unknown, whose true value is not given.
    """
    if not hasattr(problem, "exact"):
        return
    trial = exact_trial(problem)
    for label, group in Residuals(trial).regions.items():
        if isinstance(group.region, GivenRegion) or label not in points:
            continue
        at = points[label].to(torch.float64, torch.device("cpu"))
        with torch.no_grad():
            quantities = trial.evaluate_with(group.request, at.x, trial.parameters(), at.normal)
        for block in group.blocks:
            if _asks_for_unknowns(problem, block.equation.arguments):
                continue
            given = [quantities[name] for name in block.equation.arguments]
            worst = float(row_values(block.equation, quantities, at).abs().max())
            size = largest_term(block.equation.function, given)
            if not worst <= TOLERANCE * max(size, 1.0):
                yield f"the exact solution does not satisfy {block.name}: off by {worst:.2g}, of terms up to {size:.2g}"


def largest_term(function: Callable[..., Tensor], values: Sequence[Tensor]) -> float:
    """The largest |q dr/dq| over the arguments q of a residual r: the size of a term that is linear in q."""
    pairs = zip(values, slopes(function, values), strict=True)
    return max((float((q.detach() * s).abs().max()) for q, s in pairs if s is not None), default=0.0)
