"""Defect correction: the linearized problem, solved for what a trained function lacks.

With u the trained fields and r their residual, e solves L'(u) e = -r on random features that the network does not
share, of the scale that explains the residual best on fresh points. Where these features are too coarse, the directions
in which the network itself can move are added.

Defect correction: Stetter 1978 (doi:10.1007/BF01432879); a second network on the linearized residual: Wang & Lai 2024
(arXiv 2307.08934), here as one least-squares solve.
"""

import math
import time
from dataclasses import replace

import torch
from torch import Generator

from pinn.basis.errors import require
from pinn.diagnosis.steps import Effort, Step, Waves, divided, with_correction
from pinn.linear_algebra.truncated import nested_solutions
from pinn.networks.corrected import CorrectedNetwork, trained_part
from pinn.networks.parted import PartedFeatures, filled
from pinn.networks.random_features import RandomFeatures
from pinn.residuals.least_squares import bind, linearized
from pinn.residuals.residuals import Residuals
from pinn.sampling.base import next_seed
from pinn.sampling.sequences import ChebyshevSampler, UniformSampler
from pinn.trial.function import TrialFunction

FEATURES, BESIDE = 800, 500  # of all fields together; as many beside the network's own directions
ROWS, FRESH = 3000, 1500  # interior points where corrections are fitted, and where they are judged
EDGES = 6  # interior points for each one on a side
SCALE, LOWEST, HIGHEST = 12.0, 3.0, 96.0  # largest waves, in radians a unit of [-1, 1]: first ones and bounds
WIDEST = 2000  # parameters of a network whose own directions are asked
EXPLAINED = 0.01  # share of the residual that features of all coordinates alike may leave without others being tried
ALIKE, COARSER = 2.0, 0.75  # what nearly as good a correction leaves, and how much longer waves of one are
CLEAR = 0.2  # share of the residual on fresh points that a correction may leave without another being tried


class Search:
    """Corrections on features of several scales, the best first tried from the effort's."""

    def __init__(self, residuals: Residuals, effort: Effort, generator: Generator) -> None:
        self.residuals = residuals
        self.effort = effort
        self.generator = generator
        self.started, self.longest = time.perf_counter(), 0.0
        self._fits: list[Step] = []  # on features alone
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
        """As `correct`: on features alone, or with the network's own directions where that is not clear.

        On features of two scales at least that are nearly as good, so that it is seen what the scale changes.
        """
        features = self.features()
        if sum(one.left <= ALIKE * features.left for one in self._fits) < 2:
            self.fit(tuple(COARSER * w for w in features.waves))
        features = self._ranked()
        few = sum(values.numel() for values in trained_part(self.residuals.trial.parameters()).values()) <= WIDEST
        if features.left <= CLEAR or not few or self.effort.share > 1 or not self._has_time(features.left):
            return features, replace(features, best=features.full)
        beside = replace(self.fit(features.waves, BESIDE, own_directions=True), runner_up=features)
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
        fitted, judged = (linearized(residuals, points, start, held) for points in (self.points, self.fresh))
        left, best, full = nested_solutions(*fitted, *judged)
        require(math.isfinite(left), "the residual is not finite")
        self.longest = max(self.longest, time.perf_counter() - started)
        step = Step(corrected, held, shapes, start, left, best.to(start), full.to(start), waves)
        if not own_directions:
            self._fits.append(step)
        return step

    def _ranked(self) -> Step:
        """The best fit on features alone, with the next one."""
        first, second = sorted(self._fits, key=lambda one: one.left)[:2]
        return replace(first, runner_up=second)


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
    corrected, own = with_correction(trial, features)
    names = [f"{own}.last.weight", f"{own}.last.bias", *(f"unknowns.{name}" for name in problem.unknowns)]
    return corrected, names
