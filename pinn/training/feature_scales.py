"""The scales of random features, chosen for a problem by what small fits leave of its residual."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from pinn.basis.errors import UserError
from pinn.basis.logs import logger
from pinn.networks.embedding import Embedding, FeaturedEmbedding, PartedEmbedding
from pinn.networks.parted import filled
from pinn.networks.random_features import RandomFeatures
from pinn.optimizers.linear import CUTOFF, last_layer, newton_step
from pinn.residuals.assembly import Assembly
from pinn.residuals.least_squares import bind
from pinn.residuals.residuals import Residuals
from pinn.sampling.base import Sampler
from pinn.sampling.sequences import UniformSampler
from pinn.training.data_waves import data_waves
from pinn.training.eigenpairs import Bilinear, Eigenpairs, eigenpair, eigenproblem
from pinn.training.feature_starts import FARTHEST, Powers, Start, Waves, starts
from pinn.trial.function import TrialFunction

STEPS = (2.0,), (1.0, 0.5)  # of the powers in fits with few and with more features
COARSE, FINE = 128, 400  # features of the fits that look for the region, and of those that settle within it
GOLDEN = (math.sqrt(5.0) - 1.0) / 2.0  # its multiples modulo 1 are even, and apart from Sobol's sequence
ROWS = 2.5  # interior points a feature
HELD_OUT = 500  # interior points at which a fit is judged, and as many on each side of the boundary in all
NEWTON_STEPS = 8  # of one fit at most; a linear problem takes one
NEAR = 1e-3  # loss over the untrained network's below which a fit is a start for those at other scales
GAIN = 0.8  # factor on the held-out loss that a step must bring
AGAIN = 0.5  # the same of steps along all directions, for others after them
SOLVED = 1e-20  # held-out loss over that of the untrained network at which no better scale is looked for
BLIND = 0.1  # the same, where few features have seen nothing of the solution
GOOD = 1e-10  # the same at which waves up to a highest are enough, and bands around lines are not tried
SEEN = 0.5  # the same of bands that hold some of the solution
UNRESOLVED = 1e3  # loss, by that of fields that are zero, where no eigenpair is resolved
RIVAL = 3.0  # loss at the start of bands over that at the end of the others below which they are followed


def choose_feature_scales(
    residuals: Residuals,
    sampler: Sampler,
    generator: torch.Generator,
    assembly: Assembly | None = None,
    seconds: float | None = None,
) -> Eigenpairs | None:
    """Rescale the random features of a trial function, coordinate by coordinate, to the problem at hand.

    Compass search on the logarithms of the scales for the least held-out loss of a small fit: by factors of four with
    few features, then of two and of the root of two with more. It starts at the network's own scale or, where that
    leaves less, at the highest waves of the data. Where both fail and the data are made of lines, another search
    starts at narrow bands around those, and a fit with all features decides. Some 30 fits in two coordinates, the
    time of a few steps of `LinearLeastSquares` with all features. Of an eigenvalue problem the last layer and the
    unknown are those of the eigenpair that was found, which is returned.

    seconds: after which no other fit is begun, > 0; None for no limit. Raises UserError where the network is not
    `RandomFeatures`. Fields in parts of the domain that are no boxes may go on into others, over a corner or a hole, as
    no few waves can: where all waves that features fill are better they are taken, without a search, or where a search
    has found nothing with few of them.
    """
    core, parts = features_of(residuals.trial), residuals.trial.parts
    # where parts meet data jump, which has all waves
    waves = [None] * len(residuals.trial.problem.coordinates) if parts else waves_seen(residuals)
    began = time.perf_counter()
    end = math.inf if seconds is None else began + seconds
    sizes = (min(COARSE, core.width), min(FINE, max(1, core.width // 2)))
    fits = [SmallFit(residuals, size, sampler, generator, assembly) for size in sizes]
    if parts is not None and not parts.are_boxes and _take_all(fits[-1], core):
        return None
    up_to_highest, around_lines = starts(core.scale, waves)
    best = _descended(fits, up_to_highest, end)
    if parts is not None and not parts.are_boxes and best.value > BLIND * fits[-1].untrained:
        _fill(residuals.trial, core)
        return None
    if around_lines and best.value > GOOD * fits[-1].untrained:
        rival = _best(fits[-1], around_lines, end)
        if rival.value < min(RIVAL * best.value, SEEN * fits[-1].untrained):
            rival.descend_all(STEPS[-1])
            fits.append(SmallFit(residuals, core.width, sampler, generator, assembly))
            best = min((best, rival), key=lambda each: CompassSearch(fits[-1], each.start, 0.0, end).value)
    if fits[0].eigenproblem is not None and not any(fit.eigenpairs for fit in fits):
        fits[0](best.start)  # whatever the time: fields of zero are no start
    last = next((fit for fit in reversed(fits) if fit.eigenpairs), fits[-1])  # there was no time for others
    chosen = min(last.eigenpairs, key=lambda start: last.eigenpairs[start][0], default=best.start)
    core.place(placed(residuals.trial, core.hidden.weight.detach(), chosen))
    pairs = last.hand_over(residuals, chosen)
    spent = f"{sum(fit.count for fit in fits)} fits, {time.perf_counter() - began:.1f} s"
    value = last.eigenpairs[chosen][0] if pairs else best.value
    left = f"{last.core.width} features leave a loss of {value:.1e} ({spent})"
    logger.info("initial guess: %s; %s", _told(residuals.trial, chosen, waves), left)
    return pairs


def _take_all(fit: "SmallFit", core: RandomFeatures) -> bool:
    """Give the features of parts that are no boxes all waves that they fill, where that is better with few of them."""
    d = len(fit.trial.problem.coordinates)
    if not fit(_filling(fit.core, fit.parts, d)) < fit(Start((0.0,) * d)):
        return False
    _fill(fit.full, core)
    return True


def _fill(trial: TrialFunction, core: RandomFeatures) -> None:
    assert trial.parts is not None
    d = len(trial.problem.coordinates)
    start = _filling(core, trial.parts.count, d)
    core.place(placed(trial, core.hidden.weight.detach(), start))
    told = _told(trial, start, [None] * d)
    logger.info("initial guess: %s, as many as features fill: some parts are no boxes", told)


def _filling(core: RandomFeatures, parts: int, d: int) -> Start:
    """All waves that the features of each part fill."""
    return Start((math.log2(filled(core.width, parts, d) / core.scale),) * d)


def _told(trial: TrialFunction, start: Start, waves: Sequence[Waves | None]) -> str:
    """What was found in one line."""
    names, scale = trial.problem.coordinates, features_of(trial).scale

    def named(numbers: Sequence[float]) -> str:
        return ", ".join(f"{name} {number:.2g}" for name, number in zip(names, numbers, strict=True))

    data = ", ".join(f"{name} {w.highest:.2g}" for name, w in zip(names, waves, strict=True) if w is not None)
    around = "".join(f" around ({named(center)})" for center in start.centers)
    return (
        f"waves up to {named([scale * 2.0**power for power in start.powers])} rad a unit of [-1, 1]{around}"
        f" (of the data: {data or 'none'})"
    )


def waves_seen(residuals: Residuals) -> list[Waves | None]:
    """The waves of the data along each coordinate as the network's inputs have them."""
    trial = residuals.trial
    silent = residuals.of(trial.with_core(features_of(trial).first(1)))  # its last layer is zero
    inputs = embedding_of(trial).coordinates
    return [
        w if w is None or inputs.count(i) == 1 else Waves(w.highest / math.pi)  # sin(k cos x) has k harmonics
        for i, w in enumerate(data_waves(silent))
    ]


def _descended(fits: "Sequence[SmallFit]", candidates: Sequence[Start], end: float) -> "CompassSearch":
    """The search with the last fit, begun at the best of the candidates and of where that with the fit before led."""
    for fit, steps in zip(fits, STEPS, strict=True):
        search = _best(fit, candidates, end)
        search.descend_all(steps)
        candidates = [search.start, *candidates]
        if search.value < math.inf or fit is fits[0]:  # else there was no time for any
            found = search
    return found


def _best(fit: "SmallFit", candidates: Sequence[Start], end: float) -> "CompassSearch":
    """The search that begins at the best of the candidates."""
    searches = [CompassSearch(fit, start, SOLVED * fit.untrained, end) for start in dict.fromkeys(candidates)]
    return min(searches, key=lambda each: each.value)


def placed(trial: TrialFunction, drawn: Tensor, start: Start) -> Tensor:
    """The waves (f, inputs) of features drawn at the network's own scale, scaled, an equal share around each center.

    Inputs that are harmonics or features of coordinates have no centers.
    """
    inputs = embedding_of(trial).coordinates
    scaled = drawn * torch.tensor([1.0 if i is None else 2.0 ** start.powers[i] for i in inputs]).to(drawn)
    if not start.centers:
        return scaled
    own = [k for k, i in enumerate(inputs) if i is not None and inputs.count(i) == 1]
    centers = torch.zeros(len(start.centers), len(inputs), dtype=torch.float64)
    centers[:, own] = torch.tensor(start.centers, dtype=torch.float64)[:, [inputs[k] for k in own]]
    turns = GOLDEN * torch.arange(1, len(drawn) + 1, dtype=torch.float64) % 1.0
    return scaled + centers[(len(centers) * turns).long()].to(drawn)


def features_of(trial: TrialFunction) -> RandomFeatures:
    """The core network; raises UserError where it is another."""
    core = trial.network.core
    if not isinstance(core, RandomFeatures):
        raise UserError(
            f"initial_guess=features (which optimizer=linear sets) needs network=random_features, got "
            f"{type(core).__name__}; to train another network, choose another optimizer, or initial_guess=null"
        )
    return core


def embedding_of(trial: TrialFunction) -> Embedding | FeaturedEmbedding | PartedEmbedding:
    embedding = trial.network.embedding
    assert isinstance(embedding, (Embedding, FeaturedEmbedding, PartedEmbedding))
    return embedding


def directions(d: int) -> list[Powers]:
    """Each coordinate, all together, and of two each against the other: few features hold either's waves, not both."""
    axes = [tuple(float(i == k) for i in range(d)) for k in range(d)]
    return [*axes, *([(1.0,) * d] if d > 1 else []), *([(1.0, -1.0)] if d == 2 else [])]


class SmallFit:
    """The held-out loss of a least-squares fit with few of the network's features, as a function of their scales.

    untrained: the loss at the fit's points before it. count: how many there were.
    """

    def __init__(
        self,
        residuals: Residuals,
        features: int,
        sampler: Sampler,
        generator: torch.Generator,
        assembly: Assembly | None = None,
    ) -> None:
        self.full = full = residuals.trial
        self.parts = 1 if full.parts is None else full.parts.count
        self.core = features_of(full).first(features)
        rows = math.ceil(ROWS * self.core.width)
        self.trial = full.with_core(self.core)
        self.drawn = self.core.hidden.weight.detach().clone()
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
        self.steps, self.lowest, self.count = 0, math.inf, 0
        self.outputs: Tensor | None = None
        self.eigenproblem = eigenproblem(self.residuals, self.least_squares, self.untouched)
        self.eigenpairs: dict[Start, tuple[float, Tensor, Eigenpairs]] = {}

    def hand_over(self, residuals: Residuals, start: Start) -> Eigenpairs | None:
        """Give all features the eigenpair that these, the first of them, have found at a start."""
        if start not in self.eigenpairs:
            return None
        _, theta, pairs = self.eigenpairs[start]
        few, whole = self.residuals.unflatten(theta), residuals.trial.parameters()
        for name in residuals.trial.linear_parameters or ():
            whole[name] = few[name]
            if name.startswith("core.") and few[name].ndim > 1:
                rest = residuals.shapes[name][1] - few[name].shape[1]
                whole[name] = torch.nn.functional.pad(few[name], (0, rest))
        residuals.trial.load_parameters(whole)
        return pairs

    def __call__(self, start: Start) -> float:
        self.count += 1
        self.core.place(placed(self.trial, self.drawn, start))
        if self.outputs is not None:  # of the best fit so far, which took some features of other scales
            self.core.fit_last_layer(self.inputs, self.outputs)
        theta = self.residuals.theta()
        indices, block = last_layer(self.least_squares, theta)
        if self.eigenproblem is not None:
            return self._with_eigenpair(self.eigenproblem, start, theta)
        origin = self.untouched[indices]
        fitted = origin if self.outputs is None else theta[indices]
        for self.steps in range(1, NEWTON_STEPS + 1):
            step = newton_step(block, fitted, CUTOFF, origin)
            fitted = step.theta
            if step.settled:
                break
        theta = theta.index_copy(0, indices, fitted)
        loss = float(self.held_out.loss(theta))
        self._remember(theta, loss)
        return loss if math.isfinite(loss) else math.inf

    def _with_eigenpair(self, problem: Bilinear, start: Start, theta: Tensor) -> float:
        """The held-out loss of an eigenpair; that of no fields at all where there is none, and more."""
        found = eigenpair(self.residuals, problem, self.least_squares, self.held_out, theta)
        if found is None:
            return UNRESOLVED * float(self.held_out.loss(theta))
        loss = float(self.held_out.loss(found[0]))
        self.eigenpairs[start] = (loss, *found)
        return loss

    def _remember(self, theta: Tensor, loss: float) -> None:
        """Keep the network's outputs where a nonlinear problem is all but solved: from there it takes fewer steps."""
        if self.steps > 1 and loss < min(self.lowest, NEAR * self.untrained):
            self.residuals.load(theta)
            with torch.no_grad():
                self.lowest, self.outputs = loss, self.core(self.inputs)


class CompassSearch:
    """Minimizes a function of a start's powers by steps along directions (Kolda, Lewis & Torczon 2003, algorithm 3.2).

    start, value: with the lowest so far. known: every value computed. lowest: the value at which the search ends. end:
    moment of `time.perf_counter` after which nothing is computed and everything new counts as infinite.
    """

    def __init__(self, function: Callable[[Start], float], start: Start, lowest: float, end: float = math.inf) -> None:
        self.function = function
        self.lowest = lowest
        self.end = end
        self.known: dict[Start, float] = {}
        self.start = start
        self.value = self._at(start)

    def descend_all(self, steps: Sequence[float]) -> None:
        """Descend along all `directions`, by one step after the other."""
        for step in steps:
            self.descend(directions(len(self.start.powers)), step)

    def descend(self, along: Sequence[Powers], step: float) -> None:
        """Go along each direction as long as it gains enough, over and over until that gains less than half."""
        before = math.inf
        while self.lowest < self.value < AGAIN * before:
            before = self.value
            for direction in along:
                if not self._followed(direction, step):
                    self._followed(direction, -step)

    def _followed(self, direction: Powers, step: float) -> bool:
        """Whether steps along a direction gained."""
        gained = False
        while self.value > self.lowest:
            ahead = self._moved(direction, step)
            if not self._at(ahead) < GAIN * self.value:
                break
            self.start, self.value, gained = ahead, self._at(ahead), True
        return gained

    def _moved(self, direction: Powers, step: float) -> Start:
        moved = (power + step * along for power, along in zip(self.start.powers, direction, strict=True))
        return replace(self.start, powers=tuple(moved))

    def _at(self, start: Start) -> float:
        if start not in self.known:
            if time.perf_counter() > self.end or max(map(abs, start.powers)) > FARTHEST:
                return math.inf
            self.known[start] = self.function(start)
        return self.known[start]
