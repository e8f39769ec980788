"""Where training starts: random parameters, random features of chosen scales, a fitted last layer, a saved solution."""

import json
import time
from collections.abc import Mapping

import torch
from torch import Tensor

from pinn.basis.errors import UserError, require
from pinn.basis.logs import logger
from pinn.derivatives.tape import Pass
from pinn.networks.base import Network
from pinn.networks.corrected import trained_part
from pinn.networks.random_features import RandomFeatures
from pinn.networks.spectral import Spectral
from pinn.optimizers.linear import fit_last_layer
from pinn.residuals.assembly import Assembly
from pinn.residuals.blocks import RegionBlocks
from pinn.residuals.least_squares import bind
from pinn.residuals.residuals import Residuals
from pinn.sampling.base import Sampler, next_seed
from pinn.sampling.points import Points
from pinn.sampling.sequences import UniformSampler, anywhere
from pinn.solution_file.contents import FIELD_SIZES
from pinn.solution_file.reading import locate, read
from pinn.training.eigenpairs import Eigenpairs, eigenproblem
from pinn.training.feature_scales import choose_feature_scales, embedding_of
from pinn.training.orders import choose_orders
from pinn.trial.function import TrialFunction
from pinn.trial.windows import of_window

NEWTON_STEPS = 5  # of the linear guess at most; a linear problem takes one
CUTOFF = 1e-2  # smaller singular values are left alone: large weights in the last layer make the training after it slow
FEATURES, PLACES = 800, 2000  # of an eigenfunction, and points where a network's last layer is fitted to it
SHARE = 0.5  # of the time that is left, for the guess
FEW = 50  # points in the interior, and on each side, where a problem is looked at
EVERY = 5.0  # seconds between two lines of log about it


def set_initial_guess(
    residuals: Residuals,
    guess: str | None,
    sampler: Sampler,
    seed: int,
    assembly: Assembly | None = None,
    seconds: float | None = None,
) -> Eigenpairs | None:
    """Put the parameters from which training starts into the trial function.

    guess: None leaves them random; `linear` fits the last layer to the residuals at points of the sampler, by
    Gauss-Newton steps in which only directions with singular values above a hundredth of the largest move; `features`
    chooses the scales of random features (see `choose_feature_scales`) and leaves the last layer; anything else is the
    path of a solution file or a run's folder, whose network must have the same parameters (its problem may differ, such
    as in a coefficient) in as many windows of time. assembly: how J is computed. seconds: that are left for the run, of
    which a fit or a search takes half at most; where they do not suffice it leaves things as they are.

    Raises:
        UserError: the network does not say which layer is its last, or has no random features, the loss is not finite,
            there is no such file, or its parameters do not fit.
    """
    if guess not in (None, "linear", "features"):
        _copy(residuals, guess)
        return None
    generator, watched = torch.Generator().manual_seed(seed + 2**21), Watched(residuals, seconds)
    # no fit begins after so long, and the best so far is kept
    search = None if seconds is None else 0.5 * SHARE * seconds
    try:
        if guess == "features" and isinstance(residuals.trial.network.core, Spectral):
            choose_orders(watched, sampler, generator, assembly)
            pairs = None
        elif guess == "features":
            pairs = choose_feature_scales(watched, sampler, generator, assembly, search)
        else:
            pairs = _begin_at_eigenpair(watched, sampler, generator, assembly, search)
            if guess == "linear" and pairs is None:
                _fit(watched, sampler, generator, assembly)
    except OutOfTimeError:
        logger.warning("initial guess: the time limit ended it after %.1f s; training starts without", watched.elapsed)
        return None
    if pairs is not None:
        told = ", ".join(residuals.trial.problem.unknowns)
        logger.info("initial guess: an eigenvalue problem: %s = %s", told, pairs)
    return pairs


class OutOfTimeError(Exception):
    """No time is left for a guess."""


class Watched(Residuals):
    """The same residuals, whose evaluations say now and then that they go on, and end with the time for them.

    seconds: that are left for the run, None for no limit. Raises OutOfTimeError where half of them are over.
    """

    def __init__(self, residuals: Residuals, seconds: float | None) -> None:
        vars(self).update(vars(residuals))
        self.limit = None if seconds is None else SHARE * seconds
        self.started = self.told = time.perf_counter()

    @property
    def elapsed(self) -> float:
        return time.perf_counter() - self.started

    def of(self, trial: TrialFunction) -> "Watched":
        other = Watched(super().of(trial), None)
        other.limit, other.started, other.told = self.limit, self.started, self.told
        return other

    def region_values(
        self, group: RegionBlocks, points: Points, parameters: Mapping[str, Tensor], tape: Pass | None = None
    ) -> list[Tensor]:
        if self.limit is not None and self.elapsed > self.limit:
            raise OutOfTimeError
        if time.perf_counter() - self.told > EVERY:
            self.told = time.perf_counter()
            logger.info("initial guess: fits for %.0f s so far", self.elapsed)
        return super().region_values(group, points, parameters, tape)


def _fit(residuals: Residuals, sampler: Sampler, generator: torch.Generator, assembly: Assembly | None) -> None:
    least_squares, theta = bind(residuals, residuals.draw(sampler, generator), assembly), residuals.theta()
    fitted, loss = fit_last_layer(least_squares, theta, CUTOFF, NEWTON_STEPS)
    logger.info("initial guess: last layer fitted, loss %.3g -> %.3g", float(least_squares.loss(theta)), loss)
    residuals.load(fitted)


def _begin_at_eigenpair(
    residuals: Residuals,
    sampler: Sampler,
    generator: torch.Generator,
    assembly: Assembly | None,
    seconds: float | None,
) -> Eigenpairs | None:
    """Of an eigenvalue problem one of its solutions, found on random features and fitted by the network's last layer.

    From elsewhere training falls to zero. Hidden biases that are all zero are drawn first: such a network of tanh is
    odd, and half the eigenfunctions are not.
    """
    trial = residuals.trial
    if len(trial.problem.unknowns) != 1:
        return None
    coordinates, fields = embedding_of(trial).coordinates, trial.problem.vocabulary.fields
    with torch.random.fork_rng(devices=[]):  # training's random numbers are not to depend on this
        torch.manual_seed(next_seed(generator))
        core = RandomFeatures(len(coordinates), len(fields), width=max(1, FEATURES // len(fields)))
    other = residuals.of(trial.with_core(core))
    few = bind(other, other.draw(UniformSampler(interior=FEW, boundary=FEW), generator))
    if eigenproblem(other, few, other.theta()) is None:
        return None
    pairs = choose_feature_scales(other, sampler, generator, assembly, seconds)
    if pairs is None:
        return None
    drawn, own = trial.parameters(), trial.network.core
    drawn |= {name: value for name, value in other.trial.parameters().items() if name.startswith("unknowns.")}
    for name, values in drawn.items():
        hidden = name.endswith("bias") and name not in (trial.linear_parameters or ())
        if hidden and not bool(values.any()):
            drawn[name] = (2.0 * torch.rand(values.shape, generator=generator) - 1.0).to(values)
    trial.load_parameters(drawn)
    if isinstance(own, Network):
        with torch.no_grad():
            x = embedding_of(trial)(anywhere(trial, PLACES, generator))
            own.fit_last_layer(x, core(x))
    return pairs


def _copy(residuals: Residuals, path: str) -> None:
    try:
        file = locate(path)
    except UserError as error:
        message = f"initial_guess must be linear, features, null or the path of a solution, got {path!r}: {error}"
        raise UserError(message) from None
    contents = read(file)
    attributes = contents.attributes
    saved = {name: torch.as_tensor(values) for name, values in contents.parameters.items()}
    parameters = of_window(saved, residuals.trial.prefix)
    if not parameters.keys() <= residuals.trial.parameters().keys():  # of a corrected solution its trained network's
        parameters = trained_part(parameters)
    finite = all(bool(values.isfinite().all()) for values in parameters.values())
    require(finite, f"initial_guess: the parameters in {file} are not finite")
    try:
        residuals.trial.load_parameters(parameters)
    except UserError as error:
        raise UserError(f"initial_guess={path}: {error}") from None
    _fit_sizes(residuals.trial, attributes.get(FIELD_SIZES))
    logger.info("initial guess: the parameters of %s", file)


def _fit_unknown_sizes(trial: TrialFunction, of_file: Mapping[str, tuple[float, float]]) -> None:
    """Let what was trained for unknowns in other sizes give the same values."""
    ratios = {name: of_file.get(name, (0.0, 1.0))[1] / curve.size for name, curve in trial.curves.items()}
    if any(ratio != 1.0 for ratio in ratios.values()):
        parameters = trial.parameters()
        scaled = {f"unknowns.{name}": ratio * parameters[f"unknowns.{name}"] for name, ratio in ratios.items()}
        trial.load_parameters(parameters | scaled)


def _fit_sizes(trial: TrialFunction, stored: str | None) -> None:
    """Let a last layer that was trained for fields of other sizes give the same fields: (shift, size) as stored."""
    fields = trial.problem.vocabulary.fields
    of_file: dict[str, tuple[float, float]] = json.loads(stored) if stored else {}
    own = trial.sizes or {}
    pairs = [(own.get(name, (0.0, 1.0)), of_file.get(name, (0.0, 1.0))) for name in fields]
    names = trial.linear_parameters
    _fit_unknown_sizes(trial, of_file)
    if names is None or all(tuple(mine) == tuple(theirs) for mine, theirs in pairs):
        return
    ratio = torch.tensor([theirs[1] / mine[1] for mine, theirs in pairs], dtype=torch.float64)
    added = [0.0 if trial.start.goes_on(k) else 1.0 for k in range(len(fields))]  # later windows have no level
    levels = [on * (theirs[0] - mine[0]) / mine[1] for on, (mine, theirs) in zip(added, pairs, strict=True)]
    shift = torch.tensor(levels, dtype=torch.float64)
    parameters = trial.parameters()
    for name in names:
        if not name.startswith("unknowns."):
            values = parameters[name]
            scaled = values * ratio.to(values).reshape(-1, *[1] * (values.ndim - 1))
            parameters[name] = scaled + shift.to(values) if values.ndim == 1 else scaled
    trial.load_parameters(parameters)
