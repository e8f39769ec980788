"""A second stage: a trained function is replaced by its correction where that is better, as often as it gains.

A correction solves the linearized problem. It is taken where the residual itself falls on points on which nothing was
fitted or chosen, and where the errors, estimated anew by other features, become smaller. Multi-stage networks: Wang &
Lai 2024 (arXiv 2307.08934), here each stage by one least-squares solve.
"""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import torch
from torch import Generator, Tensor

from pinn.ansatz.smoothness import derivative_orders
from pinn.diagnosis.error_estimate import Estimate, estimate, jumps, missed_values
from pinn.diagnosis.steps import Effort, Fields, Trial
from pinn.diagnosis.verdict import UNSOLVED
from pinn.residuals.exact_terms import make_residuals
from pinn.residuals.least_squares import bind
from pinn.residuals.residuals import Residuals
from pinn.sampling.given import DataRegion
from pinn.sampling.points import PointSet
from pinn.sampling.sequences import UniformSampler, anywhere
from pinn.solution.results import Doubt
from pinn.solution_file.measured import ErrorEstimate, ErrorGrowth

FRESH, EDGES = 1500, 250  # points in the interior and on each side, of each window, where a correction is judged
CLEARLY = 0.5  # of the residual that a correction may leave there
GAIN = 0.5  # of the estimated error that it may leave where the residual falls by less, as that of large errors does
MISFIT = 1.1  # by which the misfit of data may grow
MOST = 4  # corrections
FEW = 4  # windows of time, of which one more correction does not take long
LITTLE = 0.05  # of the residual that no features explain: of more it is not known what it weighs
ENOUGH = 1e-12  # estimated error below which none is looked for
FINE = 0.2  # error per residual of what no features explain, over that of what was corrected, at least
HIDDEN = 5.0  # errors over what is seen of them where the residual is that of rounding: 3 to 25 on six runs
FIRST = 0.5  # of the time, for the first search


POINTS = 2000  # where two functions are compared
BESIDE = "what sets it apart from fewer functions"


@dataclass(frozen=True)
class Staged:
    """A function after its corrections, and what it still lacks.

    fallen: the residual on fresh points over the trained function's. rest: errors that what features do not explain
    has at least, or that the last correction itself may have. others: errors by another way, taken in their place.
    change: by how much the last steps of the training still changed the fields, or how far they jump where parts meet,
    which says more than a defect that is not resolved. missed: errors that values at the start and on walls leave.
    defect: as of `ErrorEstimate`.
    """

    estimate: Estimate
    corrections: int = 0
    fallen: float = 1.0
    rest: Mapping[str, float] = field(default_factory=dict)
    others: Mapping[str, float] = field(default_factory=dict)
    way: str = ""
    change: Mapping[str, float] = field(default_factory=dict)
    missed: Mapping[str, float] = field(default_factory=dict)
    defect: float = math.inf

    @property
    def trial(self) -> Trial:
        return self.estimate.trial

    def missing(self, x: Tensor) -> Fields:
        """What the fields lack at points x (n, d)."""
        return self.estimate.correction.change(x)

    @property
    def doubt(self) -> Doubt:
        """By how much what is asked of the fields may be wrong: as for the corrected ones."""
        seen, told = self.estimate.errors, self.measured
        factor = max((told.errors[name] / e for name, e in seen.items() if e > 0), default=1.0)
        return Doubt((self.estimate.correction.applied(),), factor, not told.is_resolved)

    @cached_property
    def growth(self) -> ErrorGrowth | None:
        """The estimated errors by time, as much larger than what is seen as those of the whole; None without time."""
        growth = self.estimate.growth()
        if growth is None:
            return None
        factors = {name: self._errors[name] / e if e > 0 else 1.0 for name, e in self.estimate.errors.items()}
        return replace(growth, errors={name: factors[name] * values for name, values in growth.errors.items()})

    @property
    def _errors(self) -> dict[str, float]:
        """The estimated error of each field.

        After a correction what remains of the residual is mostly finer than features see, and weighs less than what
        was corrected: what is seen is the estimate, unless it is so small that the rest would have to weigh nothing.
        """
        known = self.corrections > 0 or self.estimate.is_explained
        hidden = not known and HIDDEN * self.estimate.worst < ErrorEstimate.ROUNDING
        seen = {name: HIDDEN * e if hidden else e for name, e in self.estimate.errors.items()}.items()
        change = {} if known else self.change
        others = (change, self.missed)
        return {name: max(e, self.rest.get(name, 0.0), *(other.get(name, 0.0) for other in others)) for name, e in seen}

    def _rounded(self, errors: Mapping[str, float]) -> dict[str, float]:
        """Twice what a field's numbers are rounded by is the least that its error can be."""
        least = 2 * torch.finfo(self.trial.windows[0].dtype).eps
        return {name: max(error, least) for name, error in errors.items()}

    @property
    def _unknowns(self) -> dict[str, float]:
        """The estimated error of each unknown, in its unit: what the correction adds, or its rounding."""
        values, least = self.trial.unknowns, torch.finfo(self.trial.windows[0].dtype).eps
        added = self.estimate.correction.unknowns.items()
        return {name: max(abs(change), least * abs(values[name])) for name, change in added}

    @cached_property
    def measured(self) -> ErrorEstimate:
        """The estimated errors for the solution file."""
        if self.others:
            return ErrorEstimate(self._rounded(self.others), 0.0, self.corrections, self.fallen, way=self.way)
        left = self.estimate.correction.left
        left = left if self.estimate.is_explained else self.fallen * left
        found = ErrorEstimate(
            self._rounded(self._errors),
            left,
            self.corrections,
            self.fallen,
            unknowns=self._unknowns,
            defect=self.defect,
        )
        if self.growth is None or not found.is_resolved:
            return found
        return replace(found, trusted_until=self.growth.trusted_until)


def beside(found: Staged, fewer: Trial, weights: Mapping[str, float] | None, seed: int = 0) -> Staged:
    """The same with errors by what sets it apart from a function of the same kind with fewer functions.

    That is the other's error, of which more functions leave at most what they leave of its residual on fresh points:
    what is finer weighs more there. Where values are missed by more, it is that. Not where equations are of second
    order in time: of free vibrations that are too fast for both neither says anything. weights: of the terms in the
    loss.
    """
    if _vibrates(found.trial):
        return found
    generator = Generator().manual_seed(seed + 2**22)
    x, names = anywhere(found.trial.windows[0], POINTS, generator), found.trial.problem.vocabulary.fields
    with torch.no_grad():
        own, other = (trial.evaluate(names, x) for trial in (found.trial, fewer))
    left, errors = min(_fallen(fewer, found.trial, weights, generator), 1.0), {}
    for name in names:
        apart, size = own[name] - other[name], own[name]
        if name in found.trial.problem.defined_up_to_constant:
            apart, size = apart - apart.mean(), size - size.mean()
        errors[name] = max(left * float(apart.norm() / size.norm()), found.missed.get(name, 0.0))
    known = all(math.isfinite(error) for error in errors.values())
    return replace(found, others=errors, way=BESIDE) if known else found


def _vibrates(trial: Trial) -> bool:
    """Whether an equation is of second order in time."""
    time, orders = trial.problem.domain.time, derivative_orders(trial.problem)
    return any(order > 1 for (_, coordinate), order in orders.items() if coordinate == time)


def staged(
    trial: Trial,
    weights: Mapping[str, float] | None,
    seconds: float,
    seed: int = 0,
    second_stage: bool = True,
    change: Mapping[str, float] | None = None,
    spare: float = 0.0,
) -> Staged:
    """A trained function with its estimated errors, corrected where that gains, in about so many seconds.

    weights: of the terms in the loss. change: of the fields by the last steps of the training. spare: seconds besides
    that windows of time may take.
    Raises UserError where a residual depends on all points at once, or is not finite.
    """
    generator = Generator().manual_seed(seed + 2**22)
    started = time.perf_counter()
    effort = Effort.of(trial, FIRST * seconds if second_stage else 0.0, seconds, spare)
    known = dict(change or {})
    for name, jump in jumps(trial, generator).items():
        known[name] = max(jump, known.get(name, 0.0))
    missed = missed_values(trial, generator)
    found = Staged(estimate(trial, weights, effort, generator, fits_best=not change), change=known, missed=missed)
    while second_stage and found.corrections < MOST and found.estimate.worst > ENOUGH:
        remaining = max(0.0, seconds - (time.perf_counter() - started))
        if len(trial.windows) > FEW and not remaining:  # many windows take long
            break
        most = remaining / len(trial.windows)
        effort = replace(effort, least=0.0, most=most, waves=found.estimate.correction.waves)
        better = _corrected(found, weights, effort, generator)
        if better is None:
            break
        found = better
        second_stage = time.perf_counter() - started < seconds
    return found


def _corrected(
    found: Staged, weights: Mapping[str, float] | None, effort: Effort, generator: Generator
) -> Staged | None:
    """After one more correction; None where that is no better."""
    before = found.estimate
    if not before.is_explained:
        return None
    corrected = before.correction.applied()
    fallen = _fallen(before.trial, corrected, weights, generator)
    if not fallen < 1.0:
        return None
    after = estimate(corrected, weights, effort, generator, fits_best=False)
    is_resolved = after.is_explained
    rest = {name: FINE * fallen * after.correction.left * error for name, error in before.errors.items()}
    is_seen = is_resolved and after.worst > max(rest.values())
    if not is_resolved:
        rest = {name: max(error, before.doubts.get(name, 0.0)) for name, error in rest.items()}
    if not is_resolved and fallen * after.correction.left > LITTLE:
        return None  # what is left may weigh far more than what was corrected, as near a resonance
    gains = after.worst < before.worst if fallen < CLEARLY else is_seen and after.worst < GAIN * before.worst
    if not gains or after.worst > UNSOLVED:  # the number is not believed of what is that far off
        return None
    missed = missed_values(corrected, generator)
    return Staged(after, found.corrections + 1, found.fallen * fallen, rest, missed=missed)


def _fallen(before: Trial, after: Trial, weights: Mapping[str, float] | None, generator: Generator) -> float:
    """The weighted residual of one function over that of another on fresh points; infinite where data fit worse.

    The points of data are never fresh, so that what is gained there does not count.
    """
    sampler = UniformSampler(interior=FRESH, boundary=EDGES)
    own = [make_residuals(window, weights=weights) for window in before.windows]
    others = [residuals.of(window) for residuals, window in zip(own, after.windows, strict=True)]
    points = [residuals.draw(sampler, generator) for residuals in own]
    old, new = _losses(own, points), _losses(others, points)
    if new[True] > MISFIT**2 * old[True] or not old[False] > 0:
        return math.inf
    fallen = math.sqrt(new[False] / old[False])
    return fallen if math.isfinite(fallen) else math.inf


def _losses(windows: Sequence[Residuals], points: Sequence[PointSet]) -> dict[bool, float]:
    """The loss of all windows, that of data (True) apart from that of the other terms."""
    losses = {True: 0.0, False: 0.0}
    for residuals, drawn in zip(windows, points, strict=True):
        for label, group in residuals.regions.items():
            with torch.no_grad():
                r = bind(residuals, {label: drawn[label]}).residual(residuals.theta())
            losses[isinstance(group.region, DataRegion)] += float(r.square().sum())
    return losses
