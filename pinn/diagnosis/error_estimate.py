"""An estimate of a solution's error by defect correction: the linearized problem, solved for what is missing.

With u the trained fields and r their residual, e solves L'(u) e = -r on random features that the network does not
share, of the scale that explains the residual best on fresh points. ||e|| / ||u|| is the relative error, whatever
cancels inside an equation and however errors grow in time. Where these features are too coarse, the directions in which
the network itself can move are added. Where the residual stays unexplained, the error is larger than what is seen: a
lower bound.

Defect correction: Stetter 1978 (doi:10.1007/BF01432879); a second network on the linearized residual: Wang & Lai 2024
(arXiv 2307.08934), here as one least-squares solve.
"""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Generator, Tensor, nn

from pinn.basis.errors import require
from pinn.domains.region import Region
from pinn.linear_algebra.truncated import nested_solutions
from pinn.networks.random_features import RandomFeatures
from pinn.residuals.exact_terms import make_residuals
from pinn.residuals.least_squares import Assembly, CollocationLeastSquares, bind
from pinn.residuals.residuals import Residuals, unflatten
from pinn.sampling.points import PointSet
from pinn.sampling.sequences import ChebyshevSampler, UniformSampler
from pinn.solution_file.measured import ErrorEstimate
from pinn.trial.continuation import Piece
from pinn.trial.function import TrialFunction
from pinn.trial.windows import WindowedTrial

FEATURES, BESIDE = 800, 500  # of all fields together; as many beside the network's own directions
ROWS, FRESH = 3000, 1500  # interior points where corrections are fitted, and where they are judged
BRISK, SHORT = 1.0, 3  # seconds for a window of time below which points and features are so many times fewer
EDGES = 6  # interior points for each one on a side
SCALES = (3.0, 6.0, 12.0, 24.0, 48.0)  # largest waves, in radians a unit of [-1, 1]
WIDEST = 2000  # parameters of a network whose own directions are asked
CLEAR = 0.2  # share of the residual on fresh points that a correction may leave without another being tried


class CorrectedNetwork(nn.Module):
    """A trained network and a correction beside it, the sum of their outputs."""

    def __init__(self, trained: nn.Module, correction: RandomFeatures) -> None:
        super().__init__()
        self.trained = trained
        self.correction = correction

    def forward(self, x: Tensor) -> Tensor:
        return self.trained(x) + self.correction(x)


@dataclass(frozen=True)
class Correction:
    """A correction of a trial function, linear in its parameters.

    left: as of `ErrorEstimate`. best: the step in the parameters that leaves least. full: the one that fits best.
    """

    trial: TrialFunction
    held: Mapping[str, Tensor]
    shapes: Mapping[str, torch.Size]
    start: Tensor
    left: float
    best: Tensor
    full: Tensor

    def at(self, x: Tensor, step: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """The fields at points x (n, d) and what a step in the parameters adds to them, to first order."""
        names = self.trial.problem.vocabulary.fields

        def fields(theta: Tensor) -> dict[str, Tensor]:
            return self.trial.evaluate(names, x, {**unflatten(theta, self.shapes), **self.held})

        linearized: Any = torch.func.jvp(fields, (self.start,), (step,))
        return linearized

    def applied(self) -> TrialFunction:
        """The corrected trial function."""
        self.trial.load_parameters({**unflatten(self.start + self.best, self.shapes), **self.held})
        return self.trial


def estimate_error(
    trial: TrialFunction | WindowedTrial, weights: Mapping[str, float] | None, seconds: float, seed: int = 0
) -> ErrorEstimate:
    """The estimated errors of a trained function, from as many corrections as fit into about so many seconds.

    weights: of the terms in the loss. Windows of time are corrected one after the other, so that errors grow in time.
    Raises UserError where a residual depends on all points at once, or is not finite.
    """
    generator = torch.Generator().manual_seed(seed + 2**22)
    if isinstance(trial, WindowedTrial):
        return _marched(trial, weights, seconds, generator)
    search = _Search(make_residuals(trial, weights=weights), seconds, generator)
    features = search.features()
    chosen = features
    if features.left > CLEAR and search.residuals.p <= WIDEST and search.share == 1 and search.has_time:
        chosen = min((features, search.fit(search.scale, BESIDE, own_directions=True)), key=lambda one: one.left)
    x = _anywhere(trial, generator)
    errors = _relative(trial, *chosen.at(x, chosen.best))
    if chosen.left > ErrorEstimate.RESOLVED:  # the step that leaves least may be next to none
        full = _relative(trial, *features.at(x, features.full))
        errors = {name: max(error, full[name]) for name, error in errors.items()}
    return ErrorEstimate(errors, chosen.left)


def _marched(
    trial: WindowedTrial, weights: Mapping[str, float] | None, seconds: float, generator: Generator
) -> ErrorEstimate:
    corrected: list[TrialFunction] = []
    pieces: list[Piece] = []
    left = 0.0
    for window in trial.windows:
        again = window.after(pieces)
        search = _Search(make_residuals(again, weights=weights), seconds / len(trial.windows), generator)
        best = search.features()
        left = max(left, best.left)
        corrected.append(best.applied())
        first, last = window.domain.bounds[trial.time]
        pieces.append(Piece(corrected[-1].start, corrected[-1].network, last, last - first))
    x = _anywhere(trial, generator)
    names = trial.problem.vocabulary.fields
    with torch.no_grad():
        before, after = trial.evaluate(names, x), WindowedTrial(corrected).evaluate(names, x)
    change = {name: after[name] - before[name] for name in names}
    return ErrorEstimate(_relative(trial, before, change), left)


def _anywhere(trial: TrialFunction | WindowedTrial, generator: Generator) -> Tensor:
    drawn = UniformSampler(interior=FRESH, boundary=1).draw(trial.domain, Region(), generator)
    return drawn.to(trial.dtype, trial.device).x


def _relative(
    trial: TrialFunction | WindowedTrial, values: Mapping[str, Tensor], change: Mapping[str, Tensor]
) -> dict[str, float]:
    """||e|| / ||u + e|| of each field; means are taken off what is defined up to a constant."""
    errors = {}
    for name, u in values.items():
        e, whole = change[name], u + change[name]
        if name in trial.problem.defined_up_to_constant:
            e, whole = e - e.mean(), whole - whole.mean()
        errors[name] = float(e.norm() / whole.norm().clamp_min(torch.finfo(u.dtype).tiny))
    return errors


class _Search:
    """Corrections on features of several scales, the best first tried from the middle. scale: the best so far."""

    def __init__(self, residuals: Residuals, seconds: float, generator: Generator) -> None:
        self.residuals = residuals
        self.generator = generator
        self.deadline = time.perf_counter() + seconds
        few = residuals.draw(UniformSampler(interior=EDGES, boundary=EDGES), generator)
        coupled = any(map(bind(residuals, few).is_coupled, few))
        require(not coupled, "a residual depends on all points at once (a mean over them), which others cannot judge")
        self.share = SHORT if seconds < BRISK else 1
        rows, fresh = ROWS // self.share, FRESH // self.share
        self.points = residuals.draw(ChebyshevSampler(interior=rows, boundary=rows // EDGES), generator)
        self.fresh = residuals.draw(UniformSampler(interior=fresh, boundary=fresh // EDGES), generator)
        self.scale = SCALES[len(SCALES) // 2]

    @property
    def has_time(self) -> bool:
        return time.perf_counter() < self.deadline

    def features(self) -> Correction:
        """The correction that leaves least, uphill and downhill from the middle scale while it gains."""
        known: dict[int, Correction] = {}
        at = len(SCALES) // 2
        for candidate in _outward(at, len(SCALES)):
            if known and (not self.has_time or candidate not in _beside(min(known, key=lambda k: known[k].left))):
                continue
            known[candidate] = self.fit(SCALES[candidate], FEATURES // self.share)
        best = min(known, key=lambda k: known[k].left)
        self.scale = SCALES[best]
        return known[best]

    def fit(self, scale: float, features: int, own_directions: bool = False) -> Correction:
        """The correction on so many features, and in the directions of the network's parameters where asked."""
        trial = self.residuals.trial
        corrected = trial.with_core(CorrectedNetwork(trial.network.core, self._random(scale, features)))
        residuals = self.residuals.of(corrected)
        moved = [f"core.correction.{name}" for name in ("last.weight", "last.bias")]
        moved += [f"unknowns.{name}" for name in trial.problem.unknowns]
        if own_directions:
            moved += [f"core.trained.{name}" for name, _ in trial.network.core.named_parameters()]
        parameters = corrected.parameters()
        held = {name: values.clone() for name, values in parameters.items() if name not in moved}
        start = torch.cat([values.reshape(-1) for name, values in parameters.items() if name in moved])

        def linearized(points: PointSet) -> tuple[Tensor, Tensor]:
            least_squares = CollocationLeastSquares(residuals, points, Assembly(), held=held)
            r, j = least_squares.jacobian(start)
            return r.double().cpu(), j.double().cpu()

        shapes = {name: values.shape for name, values in parameters.items() if name in moved}
        left, best, full = nested_solutions(*linearized(self.points), *linearized(self.fresh))
        require(math.isfinite(left), "the residual is not finite")
        return Correction(corrected, held, shapes, start, left, best.to(start), full.to(start))

    def _random(self, scale: float, features: int) -> RandomFeatures:
        trial = self.residuals.trial
        outputs = len(trial.problem.vocabulary.fields)
        with torch.random.fork_rng(devices=[]):  # training's random numbers are not to depend on this
            torch.manual_seed(int(torch.randint(2**31 - 1, (), generator=self.generator)))
            inputs = len(trial.network.embedding.coordinates)  # type: ignore[arg-type]
            network = RandomFeatures(inputs, outputs, width=max(1, features // outputs), scale=scale)
        return network.to(trial.dtype).to(trial.device)


def _outward(middle: int, count: int) -> list[int]:
    """The numbers below count, from the middle to both ends."""
    return sorted(range(count), key=lambda k: abs(k - middle))


def _beside(k: int) -> tuple[int, int]:
    return k - 1, k + 1
