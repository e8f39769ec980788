"""What a problem asks of its solution beside the fields, measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pinn.basis.errors import UserError
from pinn.functionals.base import Evaluate, Functional, Reading, last, names_of
from pinn.problem import Problem
from pinn.sampling.points import Points
from pinn.solution.chunks import points_at_once
from pinn.solution_file.results import Result
from pinn.trial.function import TrialFunction
from pinn.trial.windows import WindowedTrial

COARSE = 0.5  # share of a quadrature's nodes with which it is taken once more
FEW, SHARE = 2, 0.1  # functions that differ from a solution; share of the nodes at which more of them are compared

Trial = TrialFunction | WindowedTrial


@dataclass(frozen=True)
class Doubt:
    """By how much a solution may be wrong: functions that differ from it by independent parts of its error.

    factor: by which the error is larger than what they show. is_lower_bound: whether it may be larger still.
    """

    others: tuple[Trial, ...]
    factor: float = 1.0
    is_lower_bound: bool = False


def measured(functional: Functional, trial: Trial, doubt: Doubt | None = None, truth: Evaluate | None = None) -> Result:
    """What a functional comes to for a solution, with its estimated error and its true value where they are known.

    The error: how far it is off for the functions of `doubt`, and what half the nodes of its quadrature change.
    truth: named quantities of the true solution; UserError for one that is not known, which is then none.
    """
    domain, number = trial.problem.domain, functional.number
    found = functional.reading(domain, evaluation(trial))
    coarse = functional.reading(domain, evaluation(trial), COARSE)
    doubt = doubt if functional.is_compared else None  # what is to be zero tells its error itself
    doubted = doubt or Doubt(())
    share = COARSE if len(doubted.others) <= FEW else SHARE
    near = coarse if share == COARSE else functional.reading(domain, evaluation(trial), share)
    others = [functional.reading(domain, evaluation(other), share).values for other in doubted.others]

    def off(of: Callable[[NDArray], Any]) -> NDArray:
        """The error of a function of the values."""
        parts = sum(((of(values) - of(near.values)) ** 2 for values in others), start=0.0 * of(near.values))
        return doubted.factor * np.sqrt(parts) + np.abs(of(coarse.values) - of(found.values))

    value = number(found.values)
    known = None if truth is None or not functional.is_compared else _known(functional, trial, truth)
    true = functional.reference if known is None or value is None else float(number(known))
    return Result(
        found.values,
        None if value is None else float(value),
        _how(functional, found),
        functional.unit,
        found.along,
        found.places,
        None if doubt is None or value is None else float(off(number)),
        None if doubt is None else off(np.asarray),
        doubted.is_lower_bound,
        0.0 if value is None else abs(float(number(coarse.values)) - float(value)),
        true,
        known,
        found.parts,
    )


def _known(functional: Functional, trial: Trial, truth: Evaluate) -> NDArray | None:
    """The true values; None where the truth does not tell them, or up to a constant of its own only."""
    names = [name for quantity in functional.quantities for name in names_of(quantity)]
    demands = trial.windows[0].request(names).demands
    free = trial.problem.defined_up_to_constant
    if any(symbol.order == 0 for name in free for symbol in demands.get(name, ())):
        return None
    try:
        return functional.reading(trial.problem.domain, truth).values
    except UserError:
        return None


def _how(functional: Functional, found: Reading) -> str:
    """What the number is, and which of several."""
    told = [functional.said] if functional.said else []
    if found.along and functional.number is last:
        told.append(f"at {found.along} = {found.places[-1]:.4g}")
    elif found.along and functional.number(found.values) is not None:
        told.append(f"{getattr(functional.number, '__name__', 'number')} over {found.along}")
    return ", ".join(told)


def evaluation(trial: Trial) -> Evaluate:
    """The named quantities of a trial function, in double precision on the CPU."""
    d = len(trial.problem.coordinates)

    def of(names: Sequence[str], window: TrialFunction, both: Tensor) -> dict[str, Tensor]:
        normal = both[:, d:] if both.shape[1] > d else None
        return window.evaluate_with(window.request(names), both[:, :d], window.parameters(), normal)

    def evaluate(names: Sequence[str], points: Points) -> Mapping[str, Tensor]:
        columns = [points.x] if points.normal is None else [points.x, points.normal]
        parts: dict[str, list[Tensor]] = {}
        with torch.no_grad():
            for chunk in torch.cat(columns, 1).to(trial.dtype).split(points_at_once(trial)):
                chunk = chunk.to(trial.device)
                if isinstance(trial, WindowedTrial):
                    found = trial.by_window(chunk, [partial(of, names, window) for window in trial.windows])
                else:
                    found = of(names, trial, chunk)
                for name, values in found.items():
                    parts.setdefault(name, []).append(values.cpu().double())
        return {name: torch.cat(values) for name, values in parts.items()}

    return evaluate


def reference_evaluation(problem: Problem) -> Evaluate:
    """The fields, coordinates and normals of a problem's reference; it raises UserError for anything else."""

    def evaluate(names: Sequence[str], points: Points) -> Mapping[str, Tensor]:
        x = points.x.numpy()
        known = {name: points.x[:, i] for i, name in enumerate(problem.coordinates)}
        if points.normal is not None:
            known |= {f"normal_{name}": points.normal[:, i] for i, name in enumerate(problem.coordinates)}
        asked = set(names) - known.keys()
        if not asked <= set(problem.vocabulary.fields):
            raise UserError(f"the reference has no {', '.join(sorted(asked))}")
        fields = (problem.truth(x) or {}) if asked else {}
        return {name: known[name] if name in known else torch.as_tensor(fields[name]) for name in names}

    return evaluate
