"""A guaranteed bound of a trained function's error, where its problem declares a stability constant.

The residual's norm is that of quadrature plus a bound of its error, initial data and seams between windows of time are
jumps, and soft boundary conditions are met exactly by another function nearby. Nothing is bounded, with the reason in a
UserError, where any of this cannot be had.
"""

import time

import torch
from torch import Tensor

from pinn.basis.errors import require
from pinn.diagnosis.bounds.cells import Integrals
from pinn.diagnosis.bounds.declared import ErrorBound, Mismatch
from pinn.diagnosis.bounds.windows import CELLS, Window
from pinn.problem import Problem
from pinn.trial.function import TrialFunction
from pinn.trial.windows import WindowedTrial

SECONDS = 1.0


def bound_errors(
    trial: TrialFunction | WindowedTrial,
    seconds: float = SECONDS,
    beside: TrialFunction | WindowedTrial | None = None,
) -> dict[str, float]:
    """Field -> a bound of its relative L2 error ||v - u|| / ||u|| over the domain; empty where none is declared.

    With a bound B of ||v - u|| it is  B / (||v|| - B),  since ||u|| >= ||v|| - B.
    seconds: for cutting cells, about. beside: another function of as many windows, such as v with its errors corrected:
    the bound is  ||v - w|| + ||w - u||  with the bound of its own error, which is sharp where w is far better than v.

    Raises:
        UserError: there is no bound for this run, with the reason, such as a residual that quadrature does not resolve.
    """
    declared = declaration(trial.problem)
    if declared is None:
        return {}
    absolute, norms = absolute_bound(trial, declared, seconds, beside)
    told = ", ".join(f"||{name}|| = {norm:.1e}" for name, norm in norms.items())
    require(absolute < min(norms.values()), f"||v - u|| <= {absolute:.1e} is all there is to say, with {told}")
    return {name: absolute / (norm - absolute) for name, norm in norms.items()}


def declaration(problem: Problem) -> ErrorBound | None:
    """What the problem declares, checked; None where it declares nothing."""
    method = getattr(problem, "error_bound", None)
    declared: ErrorBound | None = None if method is None else method()
    if declared is not None:
        declared.check(problem)
    return declared


def absolute_bound(
    trial: TrialFunction | WindowedTrial,
    declared: ErrorBound,
    seconds: float = SECONDS,
    beside: TrialFunction | WindowedTrial | None = None,
) -> tuple[float, dict[str, float]]:
    """The bound of ||v - u||, of all fields together, and norms that ||u|| is less that at least, by field."""
    _require_computable(trial)
    centers = trial.windows if beside is None else beside.windows
    pairs = list(zip(trial.windows, centers, strict=True))
    windows = [Window(own, declared, len(pairs), center) for own, center in pairs]
    share = seconds / len(windows)
    found = [window.over_all(time.perf_counter() + share) for window in windows]
    befores: list[Window | None] = [None, *windows[:-1]]
    begun = zip(windows, befores, strict=True) if declared.order else ()
    jumps = [window.at_start(before, time.perf_counter() + share) for window, before in begun]
    fields, weights = windows[0].fields, [window.measure * (window.end - window.start) for window in windows]
    m = len(fields)
    added = sum(w * one.upper[:, 1 + m :].sum() for w, one in zip(weights, found, strict=True))
    below = [w * (one.values - one.errors)[:, 1 : 1 + m].sum(0) for w, one in zip(weights, found, strict=True)]
    norms = torch.stack(below).sum(0).clamp_min(0.0).sqrt().tolist()
    absolute = declared.absolute(_mismatch(windows, declared, found, jumps)) + float(added) ** 0.5
    return absolute, dict(zip(fields, norms, strict=True))


def _mismatch(windows: list[Window], declared: ErrorBound, found: list[Integrals], jumps: list[Tensor]) -> Mismatch:
    """What the windows do wrong, by parts of space where they evolve each for itself, and slabs of time."""
    residual, growth, largest, off, lengths = [], [], [], [], []
    for k, (window, one) in enumerate(zip(windows, found, strict=True)):
        duration, slabs = window.end - window.start, window.slabs
        squares = (window.measure * duration * one.upper[:, 0]).reshape(-1, slabs)
        rates, sizes = one.highest.reshape(-1, slabs, 2).unbind(2)
        jump = squares.new_zeros(declared.order, len(squares), slabs)
        if declared.order:
            jump[:, :, 0] = window.measure * jumps[k]
        if not declared.is_local:
            squares, jump = squares.sum(0, keepdim=True), jump.sum(1, keepdim=True)
            rates, sizes = rates.amax(0, keepdim=True), sizes.amax(0, keepdim=True)
        residual.append(squares.sqrt())
        off.append(jump.sqrt())
        growth.append(rates)
        largest.append(sizes)
        lengths.append(torch.full((slabs,), duration / slabs, dtype=torch.float64))
    return Mismatch(
        residual=torch.cat(residual, -1),
        jumps=torch.cat(off, -1),
        growth=torch.cat(growth, -1),
        largest=torch.cat(largest, -1),
        lengths=torch.cat(lengths),
        measure=windows[0].measure,
    )


def _require_computable(trial: TrialFunction | WindowedTrial) -> None:
    """Raise UserError for what the theory or the quadrature here does not cover."""
    problem, domain = trial.problem, trial.domain
    require(not problem.unknowns, "the problem identifies unknowns")
    require(not problem.defined_up_to_constant, "a field is defined up to a constant")
    require(not domain.parameters and not domain.moves, "the domain moves or has parameters of the equation")
    require(trial.dtype == torch.float64, "rounding would be a part of it; try dtype=float64")
    require(len(domain.coordinates) in CELLS, f"quadrature in {len(domain.coordinates)} coordinates takes too long")
    space = domain.space_coordinates and domain.space.interior_chart
    require(not space or space.smooth, "quadrature is of boxes, balls and other smooth images of boxes")
    for name, term in problem.all_terms().items():
        region = term.region(domain)
        require(region.is_whole or not region.is_interior, f"{name} holds in a part of the domain or at points")
