"""The error of ordinary differential equations, by their linearization marched from the start in small steps.

With r the residual of the fields u, r + L'(u) e = 0 from what is missed at the start. What is too fine for features,
as in chaos, is no limit, nor how errors grow: the steps are the only one. Implicit midpoint rule, of second order.
"""

import math
from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor

from pinn.derivatives.numpy_calls import called
from pinn.problem import Problem
from pinn.residuals.blocks import slopes
from pinn.terms.base import Equation
from pinn.trial.function import TrialFunction
from pinn.trial.windows import WindowedTrial

STEPS = 4000
SINGULAR = 1e8  # condition of the highest derivatives' coefficients beyond which they are not all determined


def marched_error(trial: TrialFunction | WindowedTrial) -> dict[str, float]:
    """Field -> ||e|| / ||u + e||; empty where the problem is none of ordinary equations from given start values.

    As many equations as fields, each in the fields and their derivatives, all of them with one in time.
    """
    known = _ordinary(trial.problem)
    if known is None:
        return {}
    equations, conditions, first, last = known
    h = (last - first) / STEPS
    t = first + h * (torch.arange(STEPS, dtype=torch.float64) + 0.5)
    r, slope = _coefficients(trial, equations, t)
    orders = [max((o for j, o in slope if j == k), default=0) for k in range(len(equations))]
    top = _columns(slope, list(enumerate(orders)), r)  # (n, m, m)
    if min(orders) == 0 or float(torch.linalg.cond(top).max()) > SINGULAR:
        return {}
    states = [(k, o) for k, order in enumerate(orders) for o in range(order)]  # what evolves: all below the top
    rates = -torch.linalg.solve(top, torch.cat([_columns(slope, states, r), r[:, :, None]], 2))  # (n, m, s + 1)
    matrix = torch.zeros(STEPS, len(states), len(states) + 1, dtype=torch.float64)
    for row, (k, o) in enumerate(states):
        if o + 1 < orders[k]:
            matrix[:, row, states.index((k, o + 1))] = 1.0
        else:
            matrix[:, row] = rates[:, k]
    e = _march(matrix, _missed(trial, conditions, states, first), h)
    with torch.no_grad():
        values = trial.evaluate(trial.problem.vocabulary.fields, _points(trial, t))
    return _relative(values, {name: e[:, states.index((k, 0))] for k, name in enumerate(values)})


def _ordinary(problem: Problem) -> tuple[list[Equation], list[Equation], float, float] | None:
    """The equations, the conditions at the start, and the ends of time; None where there is more than these."""
    time = problem.domain.time
    if time is None or problem.coordinates != (time,) or problem.elsewhere:
        return None
    interior: list[Equation] = []
    start: list[Equation] = []
    for term in problem.all_terms().values():
        region = term.region(problem.domain)
        if region.columns or region.of is not None or region.sides not in ((), (f"{time}.min",)):
            return None
        (start if region.sides else interior).extend(term.equations().values())
    if len(interior) != len(problem.vocabulary.fields):
        return None
    return interior, start, *problem.domain.bounds[time]


def _missed(
    trial: TrialFunction | WindowedTrial, conditions: Sequence[Equation], states: Sequence[tuple[int, int]], t: float
) -> Tensor:
    """The errors of the states (s,) at the start."""
    if not conditions:
        return torch.zeros(len(states), dtype=torch.float64)
    r, slope = _coefficients(trial, conditions, torch.tensor([t], dtype=torch.float64))
    return -torch.linalg.lstsq(_columns(slope, states, r)[0], r[0], driver="gelsd").solution


def _relative(values: Mapping[str, Tensor], errors: Mapping[str, Tensor]) -> dict[str, float]:
    """||e|| / ||u + e|| by name; empty where one is not finite."""
    relative = {}
    for name, e in errors.items():
        whole = values[name].double().cpu() + e
        relative[name] = float(e.norm() / whole.norm().clamp_min(torch.finfo(e.dtype).tiny))
    return relative if all(map(math.isfinite, relative.values())) else {}


def _march(matrix: Tensor, z: Tensor, h: float) -> Tensor:
    """The states (n, s) at the middles of the steps: z' = A z + f, with A, f in matrix (n, s, s + 1)."""
    a, f = matrix[..., :-1], matrix[..., -1]
    one = torch.eye(len(z), dtype=z.dtype)
    both = torch.linalg.solve(one - 0.5 * h * a, torch.cat([one + 0.5 * h * a, h * f[..., None]], 2))
    middles = []
    for step in both:
        after = step[:, :-1] @ z + step[:, -1]
        middles.append(0.5 * (z + after))
        z = after
    return torch.stack(middles)


def _points(trial: TrialFunction | WindowedTrial, t: Tensor) -> Tensor:
    return t[:, None].to(trial.dtype).to(trial.device)


def _coefficients(
    trial: TrialFunction | WindowedTrial, equations: Sequence[Equation], t: Tensor
) -> tuple[Tensor, dict[tuple[int, int], Tensor]]:
    """The residuals (n, equations) at times t (n,), and (field, order) -> their slopes in that derivative, alike."""
    fields, vocabulary = trial.problem.vocabulary.fields, trial.problem.vocabulary
    names = list(dict.fromkeys(name for equation in equations for name in equation.arguments))
    with torch.no_grad():
        known = trial.evaluate(names, _points(trial, t))
    values = {name: value.double().cpu() for name, value in known.items()}
    r = torch.zeros(len(t), len(equations), dtype=torch.float64)
    slope: dict[tuple[int, int], Tensor] = {}
    for row, equation in enumerate(equations):
        given = [values[name] for name in equation.arguments]
        r[:, row] = called(equation.function, *given)
        for name, part in zip(equation.arguments, slopes(equation.function, given), strict=True):
            quantity = vocabulary.resolve(name, equation.name)
            if part is None or quantity.symbol is None or quantity.base not in fields:
                continue
            key = fields.index(quantity.base), quantity.symbol.order
            slope.setdefault(key, torch.zeros_like(r))[:, row] = part
    return r, slope


def _columns(slope: dict[tuple[int, int], Tensor], keys: Iterable[tuple[int, int]], r: Tensor) -> Tensor:
    """The slopes in these derivatives as columns (n, equations, keys)."""
    return torch.stack([slope.get(key, torch.zeros_like(r)) for key in keys], 2)
