"""The scales of random features, chosen for a problem by what small fits leave of its residual."""

import itertools
import math
import time
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from pinn.basis.errors import UserError
from pinn.basis.logs import logger
from pinn.networks.embedding import Embedding, FeaturedEmbedding
from pinn.networks.random_features import RandomFeatures
from pinn.optimizers.linear import CUTOFF, last_layer, newton_step
from pinn.residuals.least_squares import Assembly, bind
from pinn.residuals.residuals import Residuals
from pinn.sampling.base import Sampler
from pinn.sampling.sequences import UniformSampler
from pinn.trial.function import TrialFunction

COARSE, FINE = 128, 400  # features of the fits that look for the region, and of those that settle within it
ROWS = 2.5  # interior points a feature
HELD_OUT = 500  # interior points at which a fit is judged, and as many on each side of the boundary in all
NEWTON_STEPS = 8  # of one fit at most; a linear problem takes one
NEAR = 1e-3  # loss over the untrained network's below which a fit is a start for those at other scales
GAIN = 0.8  # factor on the held-out loss that a step must bring
FARTHEST = 6.0  # factors range over 2^-6 ... 2^6
SOLVED = 1e-20  # held-out loss over that of the untrained network at which no better scale is looked for

Powers = tuple[float, ...]  # one for each coordinate: the scale of its waves is multiplied by 2^power


def choose_feature_scales(
    residuals: Residuals, sampler: Sampler, generator: torch.Generator, assembly: Assembly | None = None
) -> None:
    """Rescale the random features of a trial function, coordinate by coordinate, to the problem at hand.

    Compass search on the logarithms of the scales for the least held-out loss of a small fit: by factors of four with
    few features, then of two and of the root of two with more. Some 30 fits in two coordinates, the time of a few steps
    of `LinearLeastSquares` with all features. Raises UserError where the network is not `RandomFeatures`.
    """
    core = features_of(residuals.trial)
    started, fits = time.perf_counter(), 0
    coordinates = residuals.trial.problem.coordinates
    d = len(coordinates)
    best: Powers = (0.0,) * d
    for features, steps in ((min(COARSE, core.width), (2.0,)), (min(FINE, max(1, core.width // 2)), (1.0, 0.5))):
        fit = SmallFit(residuals, features, sampler, generator, assembly)
        search = CompassSearch(fit, best, SOLVED * fit.untrained)
        for step in steps:
            search.descend(directions(d), step)
        best, fits = search.best, fits + len(search.known)
    core.rescale(factors(residuals.trial, best))
    logger.info(
        "initial guess: waves up to %s rad a unit of [-1, 1]; %d features leave a loss of %.1e (%d fits, %.1f s)",
        ", ".join(f"{name} {core.scale * 2.0**power:.2g}" for name, power in zip(coordinates, best, strict=True)),
        features,
        search.value,
        fits,
        time.perf_counter() - started,
    )


def factors(trial: TrialFunction, powers: Powers) -> Tensor:
    """The factor on the waves along each input of the core network, (inputs,)."""
    return torch.tensor([1.0 if i is None else 2.0 ** powers[i] for i in embedding_of(trial).coordinates])


def features_of(trial: TrialFunction) -> RandomFeatures:
    """The core network; raises UserError where it is another."""
    core = trial.network.core
    if not isinstance(core, RandomFeatures):
        raise UserError(
            f"initial_guess=features (which optimizer=linear sets) needs network=random_features, got "
            f"{type(core).__name__}; to train another network, choose another optimizer, or initial_guess=null"
        )
    return core


def embedding_of(trial: TrialFunction) -> Embedding | FeaturedEmbedding:
    embedding = trial.network.embedding
    assert isinstance(embedding, (Embedding, FeaturedEmbedding))
    return embedding


def directions(d: int) -> list[Powers]:
    """Each coordinate, all together, and each pair against each other: few features hold either's waves, not both."""
    axes = [tuple(float(i == k) for i in range(d)) for k in range(d)]
    exchanges = [tuple(a - b for a, b in zip(*pair, strict=True)) for pair in itertools.combinations(axes, 2)]
    return [*axes, *([(1.0,) * d] if d > 1 else []), *exchanges]


class SmallFit:
    """The held-out loss of a least-squares fit with few of the network's features, as a function of their scales.

    untrained: the loss at the fit's points before it.
    """

    def __init__(
        self,
        residuals: Residuals,
        features: int,
        sampler: Sampler,
        generator: torch.Generator,
        assembly: Assembly | None = None,
    ) -> None:
        full = residuals.trial
        rows = math.ceil(ROWS * features)
        self.core = features_of(full).first(features)
        self.trial = full.with_core(self.core)
        self.waves = self.core.waves.detach().clone()
        self.residuals = residuals.of(self.trial)
        self.least_squares = bind(self.residuals, self.residuals.draw(sampler.fewer(rows), generator), assembly)
        judge = UniformSampler(interior=HELD_OUT, boundary=HELD_OUT)
        self.held_out = bind(self.residuals, self.residuals.draw(judge, generator), assembly)
        self.untrained = float(self.least_squares.loss(self.residuals.theta()))
        with torch.no_grad():
            self.inputs = embedding_of(self.trial)(
                torch.cat([points.x for points in self.least_squares.points.values()])
            )
        self.untouched = self.residuals.theta()
        self.steps, self.lowest = 0, math.inf
        self.outputs: Tensor | None = None

    def __call__(self, powers: Powers) -> float:
        with torch.no_grad():
            self.core.waves.copy_(self.waves)
        self.core.rescale(factors(self.trial, powers))
        if self.outputs is not None:  # of the best fit so far, which took some features of other scales
            self.core.fit_last_layer(self.inputs, self.outputs)
        start = self.residuals.theta()
        indices, block = last_layer(self.least_squares, start)
        origin = self.untouched[indices]
        fitted = origin if self.outputs is None else start[indices]
        for self.steps in range(1, NEWTON_STEPS + 1):
            step = newton_step(block, fitted, CUTOFF, origin)
            fitted = step.theta
            if step.settled:
                break
        theta = start.index_copy(0, indices, fitted)
        loss = float(self.held_out.loss(theta))
        self._remember(theta, loss)
        return loss if math.isfinite(loss) else math.inf

    def _remember(self, theta: Tensor, loss: float) -> None:
        """Keep the network's outputs where a nonlinear problem is all but solved: from there it takes fewer steps."""
        if self.steps > 1 and loss < min(self.lowest, NEAR * self.untrained):
            self.residuals.load(theta)
            with torch.no_grad():
                self.lowest, self.outputs = loss, self.core(self.inputs)


class CompassSearch:
    """Minimizes a function of some powers by steps along given directions (Kolda, Lewis & Torczon 2003, algorithm 3.2).

    best, value: the lowest so far. known: every value computed. lowest: the value at which the search ends.
    """

    def __init__(self, function: Callable[[Powers], float], start: Powers, lowest: float) -> None:
        self.function = function
        self.lowest = lowest
        self.known: dict[Powers, float] = {}
        self.best = start
        self.value = self._at(start)

    def descend(self, directions: Sequence[Powers], step: float) -> None:
        """Go the best of the steps to both sides along the directions while it gains enough."""
        while self.value > self.lowest:
            reached = [
                tuple(power + sign * step * along for power, along in zip(self.best, direction, strict=True))
                for direction in directions
                for sign in (1.0, -1.0)
            ]
            inside = [powers for powers in reached if max(map(abs, powers)) <= FARTHEST]
            lowest = min(inside, key=self._at)
            if not self._at(lowest) < GAIN * self.value:
                return
            self.best, self.value = lowest, self._at(lowest)

    def _at(self, powers: Powers) -> float:
        if powers not in self.known:
            self.known[powers] = self.function(powers)
        return self.known[powers]
