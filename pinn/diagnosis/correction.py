"""Defect correction: the linearized problem, solved for what a trained function lacks.

With u the trained fields and r their residual, e solves L'(u) e = -r on random features that the network does not
share, of the scale that explains the residual best on fresh points. Where these features are too coarse, the directions
in which the network itself can move are added.

Defect correction: Stetter 1978 (doi:10.1007/BF01432879); a second network on the linearized residual: Wang & Lai 2024
(arXiv 2307.08934), here as one least-squares solve.
"""

import copy
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Generator, Tensor

from pinn.basis.errors import require
from pinn.linear_algebra.truncated import nested_solutions
from pinn.networks.corrected import CORRECTIONS, CorrectedNetwork, trained_part
from pinn.networks.parted import PartedFeatures, filled
from pinn.networks.random_features import RandomFeatures
from pinn.residuals.exact_terms import make_residuals
from pinn.residuals.least_squares import Assembly, CollocationLeastSquares, Workspace, bind
from pinn.residuals.residuals import Residuals, unflatten
from pinn.sampling.base import next_seed
from pinn.sampling.points import PointSet
from pinn.sampling.sequences import ChebyshevSampler, UniformSampler
from pinn.trial.continuation import Piece
from pinn.trial.function import TrialFunction
from pinn.trial.windows import WindowedTrial

FEATURES, BESIDE = 800, 500  # of all fields together; as many beside the network's own directions
ROWS, FRESH = 3000, 1500  # interior points where corrections are fitted, and where they are judged
BRISK, SHORT = 1.0, 3  # seconds for a window of time below which points and features are so many times fewer
EDGES = 6  # interior points for each one on a side
SCALE, LOWEST, HIGHEST = 12.0, 3.0, 96.0  # largest waves, in radians a unit of [-1, 1]: first ones and bounds
WIDEST = 2000  # parameters of a network whose own directions are asked
EXPLAINED = 0.01  # share of the residual that features of all coordinates alike may leave without others being tried
CLEAR = 0.2  # share of the residual on fresh points that a correction may leave without another being tried

Trial = TrialFunction | WindowedTrial
Fields = dict[str, Tensor]
Waves = tuple[float, ...]  # the largest along each coordinate


class Correction(ABC):
    """What is added to a trained function. left: share of the residual that it leaves, as of `ErrorEstimate`."""

    left: float
    waves: Waves  # of its features

    @abstractmethod
    def at(self, x: Tensor) -> tuple[Fields, Fields]:
        """The fields at points x (n, d), and what the correction adds to them."""

    @property
    def unknowns(self) -> dict[str, float]:
        """What it adds to the values of unknowns."""
        return {}

    @abstractmethod
    def applied(self) -> Trial:
        """The corrected function, which shares no memory with the trained one."""

    def change(self, x: Tensor) -> Fields:
        """What the correction adds to the fields at points x (n, d)."""
        return self.at(x)[1]


@dataclass(frozen=True)
class Step(Correction):
    """A step in some parameters of a trial function, its own and those of random features beside it.

    best: the step that leaves least on fresh points. full: the one that fits best.
    """

    trial: TrialFunction
    held: Mapping[str, Tensor]
    shapes: Mapping[str, torch.Size]
    start: Tensor
    left: float
    best: Tensor
    full: Tensor
    waves: Waves

    def at(self, x: Tensor) -> tuple[Fields, Fields]:
        """To first order, as it was solved for."""
        names = self.trial.problem.vocabulary.fields

        def fields(theta: Tensor) -> Fields:
            return self.trial.evaluate(names, x, {**unflatten(theta, self.shapes), **self.held})

        linearized: Any = torch.func.jvp(fields, (self.start,), (self.best,))
        return linearized

    @property
    def unknowns(self) -> dict[str, float]:
        named = unflatten(self.best, self.shapes)
        slopes = self.trial.unknown_slopes
        return {name: slope * float(named[f"unknowns.{name}"]) for name, slope in slopes.items()}

    def applied(self) -> TrialFunction:
        corrected = self.trial.with_core(copy.deepcopy(self.trial.network.core))
        corrected.load_parameters({**unflatten(self.start + self.best, self.shapes), **self.held})
        return corrected


@dataclass(frozen=True)
class March(Correction):
    """The corrections of windows of time, each after the corrected ones before it, so that errors grow in time."""

    trial: WindowedTrial
    corrected: WindowedTrial
    left: float
    waves: Waves

    def at(self, x: Tensor) -> tuple[Fields, Fields]:
        names = self.trial.problem.vocabulary.fields
        with torch.no_grad():
            before, after = self.trial.evaluate(names, x), self.corrected.evaluate(names, x)
        return before, {name: after[name] - before[name] for name in names}

    def applied(self) -> WindowedTrial:
        return self.corrected


@dataclass(frozen=True)
class Effort:
    """Seconds for the search of a correction, in each window of time, and where it begins.

    least, most: where a correction is clear, and where none is. waves: of the first features, None for a middle scale.
    share: by which there are fewer points and features.
    """

    least: float
    most: float
    waves: Waves | None = None
    share: int = 1

    @classmethod
    def of(cls, trial: Trial, least: float, most: float) -> "Effort":
        """That of so many seconds for the whole function."""
        count = len(trial.windows)
        return cls(least / count, most / count, share=SHORT if most / count < BRISK else 1)


def correct(
    trial: Trial, weights: Mapping[str, float] | None, effort: Effort, generator: Generator
) -> tuple[Correction, ...]:
    """The best correction found, and where it explains little the one that fits best, whatever it does elsewhere.

    weights: of the terms in the loss. Windows of time are corrected one after the other. Raises UserError where a
    residual depends on all points at once, or is not finite.
    """
    if isinstance(trial, TrialFunction):
        return Search(make_residuals(trial, weights=weights), effort, generator).corrections()
    corrected: list[TrialFunction] = []
    pieces: list[Piece] = []
    left, state = 0.0, generator.get_state()
    for window in trial.windows:
        generator.set_state(state)  # at the same places what was before is that of the window before and its own part
        step = Search(make_residuals(window.after(pieces), weights=weights), effort, generator).features()
        left, effort = max(left, step.left), replace(effort, waves=step.waves)
        corrected.append(step.applied())
        first, last = window.domain.bounds[trial.time]
        pieces.append(Piece(corrected[-1].start, corrected[-1].network, last, last - first))
    return (March(trial, WindowedTrial(corrected), left, effort.waves or ()),)


class Search:
    """Corrections on features of several scales, the best first tried from the effort's."""

    def __init__(self, residuals: Residuals, effort: Effort, generator: Generator) -> None:
        self.residuals = residuals
        self.effort = effort
        self.generator = generator
        self.started, self.longest = time.perf_counter(), 0.0
        few = residuals.draw(UniformSampler(interior=EDGES, boundary=EDGES), generator)
        coupled = any(map(bind(residuals, few).is_coupled, few))
        require(not coupled, "a residual depends on all points at once (a mean over them), which others cannot judge")
        rows, fresh = ROWS // effort.share, FRESH // effort.share
        self.points = residuals.draw(ChebyshevSampler(interior=rows, boundary=rows // EDGES), generator)
        self.fresh = residuals.draw(UniformSampler(interior=fresh, boundary=fresh // EDGES), generator)

    def _has_time(self, left: float) -> bool:
        """Whether another fit fits into the time, after a best one that leaves so much."""
        end = time.perf_counter() - self.started + self.longest
        return end < (self.effort.most if left > CLEAR else self.effort.least)

    def corrections(self) -> tuple[Step, ...]:
        """As `correct`: on features alone, or with the network's own directions where that is not clear."""
        features = self.features()
        few = sum(values.numel() for values in trained_part(self.residuals.trial.parameters()).values()) <= WIDEST
        if features.left <= CLEAR or not few or self.effort.share > 1 or not self._has_time(features.left):
            return features, replace(features, best=features.full)
        beside = self.fit(features.waves, BESIDE, own_directions=True)
        return min((features, beside), key=lambda one: one.left), replace(features, best=features.full)

    def features(self) -> Step:
        """The correction that leaves least: waves along all coordinates alike, then more of them along one."""
        d, parts = len(self.residuals.trial.problem.coordinates), self.residuals.trial.parts
        # parts that are no boxes take waves that their features fill
        first = SCALE if parts is None or parts.are_boxes else filled(FEATURES, parts.count, d)
        best = self.fit(self.effort.waves or (first,) * d)
        for factor in (2.0, 0.5):
            best, gained = self._follow(best, (factor,) * d)
            if gained:
                break
        gained = d > 1
        while gained and best.left > EXPLAINED:
            gained = False
            for k in range(d):
                best, more = self._follow(best, tuple(2.0 if i == k else 0.5 for i in range(d)))
                gained = gained or more
        return best

    def _follow(self, best: Step, factors: Waves) -> tuple[Step, bool]:
        """The best so far, changed by these factors as long as that gains, and whether it has."""
        start = best
        while self._has_time(best.left):
            waves = tuple(min(max(w * f, LOWEST), HIGHEST) for w, f in zip(best.waves, factors, strict=True))
            step = best if waves == best.waves else self.fit(waves)
            if not step.left < best.left:
                break
            best = step
        return best, best is not start

    def fit(self, waves: Waves, features: int = FEATURES, own_directions: bool = False) -> Step:
        """The correction on so many features, and in the directions of the network's parameters where asked."""
        started, features = time.perf_counter(), features // self.effort.share
        trial = self.residuals.trial
        corrected, moved = beside(trial, features // len(trial.problem.vocabulary.fields), waves, self.generator)
        residuals = self.residuals.of(corrected)
        if own_directions:
            core = corrected.network.core
            assert isinstance(core, CorrectedNetwork)
            moved += [f"core.trained.{name}" for name, _ in core.trained.named_parameters()]
        start, shapes, held = divided(corrected, moved)

        def linearized(points: PointSet) -> tuple[Tensor, Tensor]:
            known = Workspace(Assembly().jacobian, coupled=dict.fromkeys(points, False))
            least_squares = CollocationLeastSquares(residuals, points, Assembly(), held=held, workspace=known)
            r, j = least_squares.jacobian(start)
            return r.double().cpu(), j.double().cpu()

        left, best, full = nested_solutions(*linearized(self.points), *linearized(self.fresh))
        require(math.isfinite(left), "the residual is not finite")
        self.longest = max(self.longest, time.perf_counter() - started)
        return Step(corrected, held, shapes, start, left, best.to(start), full.to(start), waves)


def beside(trial: TrialFunction, width: int, waves: Waves, generator: Generator) -> tuple[TrialFunction, list[str]]:
    """The function with so many random features beside its network, and the parameters that move these or unknowns.

    waves: the largest along each coordinate. Their last layer is zero; the network's own parameters are copies.
    """
    problem, coordinates = trial.problem, trial.network.embedding.coordinates
    largest = max(waves)
    factors = [1.0 if i is None else waves[i] / largest for i in coordinates]  # type: ignore[union-attr]
    with torch.random.fork_rng(devices=[]):  # training's random numbers are not to depend on this
        torch.manual_seed(next_seed(generator))
        fields, width, parts = len(problem.vocabulary.fields), max(1, width), trial.parts
        if parts is None:
            features = RandomFeatures(len(factors), fields, width=width, scale=largest)
        else:
            features = PartedFeatures(len(factors), fields, parts=parts.count, width=width, scale=largest)
    features.rescale(torch.tensor(factors))
    core = CorrectedNetwork.of(copy.deepcopy(trial.network.core), features.to(trial.dtype).to(trial.device))
    last = f"core.{CORRECTIONS}.{len(core.corrections) - 1}.last"
    return trial.with_core(core), [f"{last}.weight", f"{last}.bias", *(f"unknowns.{name}" for name in problem.unknowns)]


def divided(trial: TrialFunction, moved: Sequence[str]) -> tuple[Tensor, dict[str, torch.Size], dict[str, Tensor]]:
    """The parameters of these names as one vector, their shapes, and copies of all others."""
    parameters = trial.parameters()
    held = {name: values.clone() for name, values in parameters.items() if name not in moved}
    free = {name: values for name, values in parameters.items() if name in moved}
    start = torch.cat([values.reshape(-1) for values in free.values()])
    return start, {name: values.shape for name, values in free.items()}, held
