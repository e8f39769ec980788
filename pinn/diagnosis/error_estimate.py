"""An estimate of a solution's error by defect correction: ||e|| / ||u|| for the correction e of the fields u.

That is the relative error, whatever cancels inside an equation and however errors grow in time. Where the residual
stays unexplained, the error is larger than what is seen: a lower bound.
"""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial

import numpy as np
import torch
from torch import Generator, Tensor

from pinn.diagnosis.correction import Search
from pinn.diagnosis.refinement import FEWER, MORE, is_refinable, mean_squares, refined
from pinn.diagnosis.steps import Correction, Effort, Fields, March, Step, Trial, Waves
from pinn.residuals.blocks import row_values, slopes
from pinn.residuals.exact_terms import make_residuals
from pinn.residuals.residuals import Residuals
from pinn.sampling.points import Points
from pinn.sampling.sequences import SobolSampler, UniformSampler, anywhere, through_time
from pinn.solution_file.measured import ErrorEstimate, ErrorGrowth
from pinn.terms.base import Equation
from pinn.training.defect import asked_sizes, field_sizes
from pinn.trial.continuation import Piece
from pinn.trial.function import INTERFACE, TrialFunction
from pinn.trial.windows import WindowedTrial, longest_of

SAMPLES = 0.0, 0.5, 0.9  # shares of the number of windows: where more spectral functions are tried first
REFINED, PRICE = 0.25, 2.0  # shares of the time for these, and of what is spare for a few more in every window
EARLY = 8  # windows after which it is known how long all take
HELD = 0.05  # share of the time that is not trained, from which windows are not corrected: the error is half or more
EDGES = 500  # points where parts meet
POINTS = 2**12  # of the whole domain, where fields and corrections are compared
WINDOWED, TIMES = 2**15, 2**6  # the same in windows of time, and times at which there are points
PARTS = 20  # of time
BESIDE = 2  # parts of time to either side whose largest field is what an error is relative to
# of a field by the size of its network, or by what its equations make of it: what is smaller is zero, and its error
# relative to this share of the former, or to the latter
NOTHING = 1e-9
FAINT = 1e-3  # of a field's size over all time: the least that an error at some time is relative to
# Of what values miss at the start and on walls, that is missed on the whole, at least: of a square on whose walls it is
# 32 waves each, which are continued harmonically
BEGUN, WALLS = 0.25, 0.1

WindowCorrection = Callable[[Residuals, Waves], Step]  # (residuals of a window, waves of the one before it)
Made = Callable[[TrialFunction], Residuals]


@dataclass(frozen=True)
class Estimate:
    """What a function lacks, by its correction. x (n, d): points of the whole domain. asked: as of `asked_sizes`."""

    trial: Trial
    correction: Correction
    x: Tensor
    asked: Mapping[str, float] = field(default_factory=dict)

    @cached_property
    def _fields(self) -> tuple[Fields, Fields]:
        """The fields and their errors at the points; means are taken off what is defined up to a constant."""
        values, change = self.correction.at(self.x)
        whole = {name: values[name] + e for name, e in change.items()}
        return self._centered(whole), self._centered(change)

    def _centered(self, fields: Fields) -> Fields:
        free = self.trial.problem.defined_up_to_constant
        return {name: v - v.mean() if name in free else v for name, v in fields.items()}

    @cached_property
    def errors(self) -> dict[str, float]:
        """||e|| / ||u + e|| of each field; of those that go on as they ended at least as if all of them were wrong."""
        whole, change = self._fields
        least, unknown = self._least, self.trial.untrained**0.5
        return {
            name: max(unknown, ratio(e.norm(), whole[name].norm().clamp_min(least[name] * len(e) ** 0.5)))
            for name, e in change.items()
        }

    @cached_property
    def doubts(self) -> dict[str, float]:
        """Field -> the relative error of the correction itself; empty where no other is at hand.

        It differs from the next best by the errors of both, each taken to be in proportion to the residual it leaves.
        """
        best, other = self.correction, self.correction.runner_up
        if other is None:
            return {}
        change, errors = self._centered(other.change(self.x)), self.errors
        share = best.left / other.left if other.left > best.left else 1.0
        differences = {name: ratio((own - change[name]).norm(), own.norm()) for name, own in self._fields[1].items()}
        return {name: share * difference * errors[name] for name, difference in differences.items()}

    @cached_property
    def _least(self) -> dict[str, float]:
        """Field -> the root mean square that its errors are relative to at least.

        Of one that vanishes beside what its equations make of the other fields and sources, these.
        """
        fields = self.trial.problem.vocabulary.fields
        least = dict(zip(fields, (self.trial.windows[0].own_scale()[1] * NOTHING).tolist(), strict=True))
        size = {name: float(whole.square().mean().sqrt()) for name, whole in self._fields[0].items()}
        return least | {name: one for name, one in self.asked.items() if size[name] < NOTHING * one}

    @property
    def is_explained(self) -> bool:
        """Whether the correction leaves little enough of the residual to be believed."""
        return self.correction.left <= ErrorEstimate.RESOLVED

    @property
    def worst(self) -> float:
        """The largest error of a field."""
        return max(self.errors.values())

    def growth(self) -> ErrorGrowth | None:
        """The errors by time; None without it.

        Each is relative to the largest root mean square of the field within `BESIDE` parts of time, so that it is not
        infinite where the field passes through zero, nor hidden where the field decays; a thousandth of that over all
        time at least.
        """
        domain = self.trial.domain
        if domain.time is None or self.trial.untrained > HELD:
            return None
        first, last = domain.bounds[domain.time]
        time = self.x[:, domain.coordinates.index(domain.time)].double().cpu().numpy()
        part = np.clip(((time - first) / (last - first) * PARTS).astype(int), 0, PARTS - 1)
        whole, change = self._fields
        free = self.trial.problem.defined_up_to_constant
        least = self._least
        errors = {name: _by_part(whole[name], change[name], part, name in free, least[name]) for name in change}
        middle = first + (last - first) * (np.arange(PARTS) + 0.5) / PARTS
        return ErrorGrowth(middle, errors)


def ratio(a: Tensor, b: Tensor) -> float:
    """a / b of two norms."""
    return float(a / b.clamp_min(torch.finfo(b.dtype).tiny))


def _by_part(whole: Tensor, change: Tensor, part: np.ndarray, up_to_constant: bool, least: float) -> np.ndarray:
    """The relative error in each part of time, NaN where there is no point."""
    u, e = (_roots(values.double().cpu().numpy(), part, up_to_constant) for values in (whole, change))
    known = np.nan_to_num(u)
    beside = [known[max(0, k - BESIDE) : k + BESIDE + 1].max() for k in range(PARTS)]
    overall = float(whole.double().square().mean().sqrt())
    return e / np.maximum(np.maximum(beside, FAINT * overall), max(least, np.finfo(np.float64).tiny))


def _roots(values: np.ndarray, part: np.ndarray, up_to_constant: bool) -> np.ndarray:
    """The root mean square (PARTS,) in each part."""
    groups = [values[part == k] for k in range(PARTS)]
    groups = [group - group.mean() if up_to_constant and len(group) else group for group in groups]
    return np.array([np.sqrt(np.mean(group**2)) if len(group) else np.nan for group in groups])


def estimate(
    trial: Trial,
    weights: Mapping[str, float] | None,
    effort: Effort,
    generator: Generator,
    fits_best: bool = True,
) -> Estimate:
    """The estimate of a function's errors, by the correction that leaves least of its residual.

    fits_best: where that leaves most of it, the larger of it and of what fits best; not where something else tells what
    is missing: what was corrected, or the last steps of the training.
    Raises UserError where a residual depends on all points at once, or is not finite.
    """
    corrections = correct(trial, weights, effort, generator)
    if len(trial.windows) > 1:
        x = through_time(trial, WINDOWED, TIMES, generator)
    else:
        x = anywhere(trial, POINTS, generator, SobolSampler)
    asked = asked_sizes(Residuals(longest_of(trial.windows)))
    best, *others = (Estimate(trial, correction, x, asked) for correction in corrections)
    if not fits_best or best.is_explained:
        return best
    return max([best, *others], key=lambda one: one.worst)


def correct(
    trial: Trial, weights: Mapping[str, float] | None, effort: Effort, generator: Generator
) -> tuple[Correction, ...]:
    """The best correction found, and where it explains little the one that fits best, whatever it does elsewhere.

    weights: of the terms in the loss. Windows of time are corrected one after the other, and not at all where much of
    the time is not trained: all of that counts as wrong. Raises UserError where a residual depends on all points at
    once, or is not finite.
    """
    make = partial(make_residuals, weights=weights)
    if isinstance(trial, WindowedTrial) and trial.untrained > HELD:
        return (March(trial, trial, 1.0, ()),)
    if all(map(is_refinable, trial.windows)):
        if isinstance(trial, TrialFunction):
            return (refined(make(trial), generator),)
        return (_of_spectral(trial, make, effort, generator),)
    if isinstance(trial, TrialFunction):
        return Search(make(trial), effort, generator).corrections()
    return (_marched(trial, make, _by_features(effort, generator), generator),)


def _by_features(effort: Effort, generator: Generator) -> WindowCorrection:
    """Random features, those of a window of the waves that suited the one before it."""

    def corrected(residuals: Residuals, waves: Waves) -> Step:
        return Search(residuals, replace(effort, waves=waves or effort.waves), generator).features()

    return corrected


class _TooLong(Exception):
    """A way to correct windows that takes longer than it is worth."""


def _by_refinement(count: int, seconds: float, generator: Generator) -> WindowCorrection:
    """A few more functions in each of so many windows; raises _TooLong where all would take more than the seconds."""
    times: list[float] = []  # at which windows begin

    def corrected(residuals: Residuals, waves: Waves) -> Step:
        times.append(time.perf_counter())
        begun = len(times)
        if begun >= EARLY and (times[-1] - times[1]) * (count - 1) > (begun - 2) * seconds:  # the first takes longer
            raise _TooLong
        # what begins is often not smooth: a few more functions show little of what it lacks
        return refined(residuals, generator, MORE if begun == 1 else FEWER)

    return corrected


def _marched(trial: WindowedTrial, make: Made, correct_window: WindowCorrection, generator: Generator) -> March:
    """Windows of time corrected one after the other, so that errors grow in time."""
    corrected: list[TrialFunction] = []
    pieces: list[Piece] = []
    waves: Waves = ()
    left, state = 0.0, generator.get_state()
    for window in trial.windows:
        generator.set_state(state)  # at the same places what was before is that of the window before and its own part
        step = correct_window(make(window.after(pieces)), waves)
        left, waves = max(left, step.left), step.waves
        corrected.append(step.applied())
        first, last = window.domain.bounds[trial.time]
        pieces.append(Piece(corrected[-1].start, corrected[-1].network, last, last - first))
    return March(trial, WindowedTrial(corrected), left, waves)


def _of_spectral(trial: WindowedTrial, make: Made, effort: Effort, generator: Generator) -> March:
    """Windows of spectral functions, by a few more of them in each, where the time suffices.

    Else by features, which hardly see what is finer than the functions are: it is at least what some windows miss by
    themselves, as if that of one window had nothing to do with that of another.
    """
    count, started, spent = len(trial.windows), time.perf_counter(), 0.0
    samples: list[Step] = []
    for number in dict.fromkeys(int(count * share) for share in SAMPLES):
        if len(samples) > 1 and spent > REFINED * effort.most * count:
            break
        samples.append(refined(make(trial.windows[number]), generator))
        spent = time.perf_counter() - started
    budget = effort.most + min(effort.spare, PRICE * effort.most)
    try:
        march = _marched(trial, make, _by_refinement(count, budget * count, generator), generator)
        return replace(march, left=max(step.left for step in samples))
    except _TooLong:
        spent = time.perf_counter() - started
    rest = replace(effort, most=max(0.0, effort.most - spent / count), least=0.0)
    march = _marched(trial, make, _by_features(rest, generator), generator)
    seen, there = mean_squares([march], generator), mean_squares(samples, generator)
    least = {name: 0.5 * count * square / len(samples) for name, square in there.items()}  # it grows from none
    factors = {name: max(1.0, (least[name] / seen[name]) ** 0.5) if seen[name] > 0 else 1.0 for name in seen}
    return replace(march, factors=factors)


def jumps(trial: Trial, generator: Generator) -> dict[str, float]:
    """Field -> half its jump between the parts of a domain, by its size: where it should be none, as large an error.

    Root mean squares; empty where there are no parts.
    """
    if trial.parts is None:
        return {}
    residuals, sizes = make_residuals(trial.windows[0]), field_sizes(trial.windows[0])
    points = residuals.draw(UniformSampler(interior=EDGES, boundary=EDGES), generator)
    parameters = residuals.unflatten(residuals.theta())
    told = {}
    for label, group in residuals.regions.items():
        if group.blocks[0].term != INTERFACE:
            continue
        with torch.no_grad():
            rows = residuals.region_values(group, points[label], parameters)
        for block, row in zip(group.blocks, rows, strict=True):
            field = block.name.removeprefix(f"{INTERFACE}.")
            if field in sizes:
                told[field] = 0.5 * float(row.square().mean().sqrt()) / max(sizes[field], sys.float_info.min)
    return told


def missed_values(trial: Trial, generator: Generator) -> dict[str, float]:
    """Field -> the error, by its size, that is left at least by what its values miss at the start and on walls.

    Where they are terms of the loss: a correction sees them as rows among others, which may weigh far more. What the
    start misses lasts; what walls miss in waves of length l reaches l / 2 pi into the domain. Where an ansatz holds
    data that disagree slightly it is as much as these differ by.
    """
    start = trial.windows[0]
    walls = _missed(longest_of(trial.windows), start.domain.walls, generator)
    begun = {} if start.domain.time is None else _missed(start, (f"{start.domain.time}.min",), generator)
    told = {name: max(BEGUN * begun.get(name, 0.0), WALLS * walls.get(name, 0.0)) for name in {**walls, **begun}}
    for one in start.slight_disagreements:
        name = one.prescriptions[0].field
        told[name] = max(told.get(name, 0.0), one.share)
    return told


def _missed(window: TrialFunction, sides: Sequence[str], generator: Generator) -> dict[str, float]:
    """Field -> by how much values that are asked of it on some sides are missed, by its size: root mean squares."""
    residuals, sizes = make_residuals(window), field_sizes(window)
    points = residuals.draw(UniformSampler(interior=EDGES, boundary=EDGES), generator)
    told: dict[str, float] = {}
    for label, group in residuals.regions.items():
        if not group.region.sides or not set(group.region.sides) <= set(sides):
            continue
        own = points[label]
        with torch.no_grad():
            values = {**window.evaluate_with(group.request, own.x, window.parameters(), own.normal), **own.columns}
        for block in group.blocks:
            field, missed = _value_missed(block.equation, values, own, window.domain.coordinates)
            if field in sizes:
                told[field] = max(told.get(field, 0.0), missed / max(sizes[field], sys.float_info.min))
    return told


def _value_missed(
    equation: Equation, values: Mapping[str, Tensor], points: Points, coordinates: Sequence[str]
) -> tuple[str, float]:
    """The one quantity that an equation asks for, and by how much it misses what it should be; no name of several."""
    names = equation.arguments
    asked = [k for k, name in enumerate(names) if name not in coordinates]
    if len(asked) != 1:
        return "", 0.0
    slope = slopes(equation.function, [values[name] for name in names])[asked[0]]
    if slope is None or not bool((slope != 0).all()):
        return "", 0.0
    missed = row_values(equation, values, points).detach() / slope
    return names[asked[0]], float(missed.square().mean().sqrt())
