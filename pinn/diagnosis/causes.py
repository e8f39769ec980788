"""Why a problem may not be solved: the sizes of its fields, its number format, or an end that came too soon."""

import copy
import math
from collections.abc import Iterator, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pinn.diagnosis.error_estimate import NOTHING
from pinn.diagnosis.verdict import Reason, Word
from pinn.optimizers.gauss_newton import LeastDamping
from pinn.residuals.exact_terms import make_residuals
from pinn.residuals.least_squares import CollocationLeastSquares, bind
from pinn.residuals.residuals import Residuals
from pinn.sampling.sequences import UniformSampler, anywhere
from pinn.solution_file.measured import Measure
from pinn.trial.function import TrialFunction

POINTS, SIDES = 500, 100  # of the interior and of a side, where it is looked
APART = 1e3  # ratio of a field and what its network sees as one, either way, beyond which it is not of its size
FLOOR = 1 / 3  # share of the residual that is rounding, beyond which nothing is left to be trained
STEPS, WIDEST = 20, 1000  # steps that are tried in double precision, and parameters up to which they are
MEASURED, LATE, FALLING = 6, 0.75, 0.5  # measurements, share of them, and what the residual falls to after that share


def sizes(trial: TrialFunction, seed: int = 0) -> Iterator[Reason]:
    """Fields far from the size that their network has by itself."""
    generator = torch.Generator().manual_seed(seed + 2**25)
    fields = trial.problem.vocabulary.fields
    x = anywhere(trial, POINTS, generator)
    shift, own = trial.own_scale()
    with torch.no_grad():
        trained = trial.evaluate(fields, x)
    free = trial.problem.defined_up_to_constant
    asked = _prescribed(trial, generator)
    for k, name in enumerate(fields):
        size = asked.get(name) or _spread(trained[name], trained[name].mean() if name in free else shift[k])
        ratio = size / float(own[k])
        if ratio > APART or NOTHING < ratio < 1 / APART:
            told = f"{name} is of the size of {size:.0e}, and its network of {size / ratio:.0e}"
            yield Reason(told, Word.NOT_SOLVED, f"scales = {{{name!r}: {size:.0e}}} in the problem")


def _spread(values: Tensor, middle: Tensor) -> float:
    return float((values - middle).square().mean().sqrt())


def _prescribed(trial: TrialFunction, generator: torch.Generator) -> dict[str, float]:
    """Field -> root mean square of the largest values that a condition or data prescribe of it."""
    zero = trial.zero()
    residuals = Residuals(zero)
    points = residuals.draw(UniformSampler(interior=POINTS, boundary=SIDES), generator)
    fields, coordinates = trial.problem.vocabulary.fields, trial.problem.coordinates
    asked: dict[str, float] = {}
    for label, group in residuals.regions.items():
        if group.region.is_interior and not group.region.columns:
            continue
        columns = points[label].columns
        with torch.no_grad():
            rows = residuals.region_values(group, points[label], zero.parameters())
        for block, values in zip(group.blocks, rows, strict=True):
            names = [name for name in block.equation.arguments if name not in columns and name not in coordinates]
            if len(names) == 1 and names[0] in fields:
                noise = [columns[name] for name in block.equation.arguments if name.startswith("noise")]
                size = float((values * noise[0] if noise else values).square().mean().sqrt())
                asked[names[0]] = max(size, asked.get(names[0], 0.0))
    return asked


def single_precision(
    trial: TrialFunction, weights: Mapping[str, float] | None, columns: Mapping[str, NDArray], seed: int = 0
) -> Iterator[Reason]:
    """Where training ended because its numbers are short.

    Its residual is rounding for a good part, being another one in double precision; or it has stopped falling, and some
    steps in double precision take most of it away.
    """
    if trial.dtype == torch.float64:
        return
    double = copy.copy(trial)
    double.network = copy.deepcopy(trial.network).double()
    generator = torch.Generator().manual_seed(seed + 2**26)
    single_rows = make_residuals(trial, weights=weights)
    points = single_rows.draw(UniformSampler(interior=POINTS, boundary=SIDES), generator)
    single = bind(single_rows, points).residual(single_rows.theta()).detach().double()
    double_rows = single_rows.of(double)
    at = {label: own.to(torch.float64, trial.device) for label, own in points.items()}
    bound, theta = bind(double_rows, at), double_rows.theta()
    exact = bound.residual(theta).detach()
    rounds = float((single - exact).norm()) > FLOOR * float(exact.norm())
    if rounds or (still_falling(columns) is False and len(theta) <= WIDEST and _left(bound, theta) < FLOOR):
        told = "single precision is the floor of the residual: double precision takes most of it away"
        yield Reason(told, action="dtype=float64")


def _left(least_squares: CollocationLeastSquares, theta: Tensor) -> float:
    """The share of the residual that some Gauss-Newton steps leave."""
    optimizer = LeastDamping()
    state, start = optimizer.init(theta), least_squares.loss(theta)
    for _ in range(STEPS):
        theta, state, _ = optimizer.step(theta, state, least_squares)
    return math.sqrt(float(least_squares.loss(theta) / start))


def end(columns: Mapping[str, NDArray]) -> Iterator[Reason]:
    """What would have helped by the time when training ended."""
    falling = still_falling(columns)
    if falling:
        yield Reason("the residual still fell when training ended", Word.NOT_SOLVED, "training=accurate")
    elif falling is False:
        told = "the residual on fresh points has stopped falling"
        yield Reason(told, Word.NOT_SOLVED, "a larger network (network.width)")


def cut_off(shortfall: str) -> Iterator[Reason]:
    """What windows of time have not reached: nothing that is estimated there counts."""
    if shortfall:
        told = f"{shortfall}; from there on the fields go on as they ended"
        yield Reason(told, Word.NOT_SOLVED, "a larger training.time_limit")


def still_falling(columns: Mapping[str, NDArray]) -> bool | None:
    """Whether the residual on fresh points fell late in the last window; None with too few measurements to tell."""
    held_out = columns.get(Measure.HELD_OUT.total, np.array([]))
    windows = columns.get("window", np.zeros(len(held_out)))
    measured = np.isfinite(held_out) & (windows == (windows[-1] if len(windows) else 0))
    weighed = np.nan_to_num(columns.get("weighed", np.zeros(len(held_out))))
    measured &= weighed == weighed[measured].max(initial=0.0)  # other weights make another loss
    record = held_out[measured]
    if len(record) < MEASURED:
        return None
    late = int(LATE * len(record))
    return bool(record[late:].min() < FALLING * record[:late].min())
