"""Spectral functions that suit a problem, by its data and by the coefficients of a fit, and points that suit them."""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Generator, Tensor

from pinn.basis.errors import require
from pinn.basis.logs import logger
from pinn.networks.spectral import Spectral
from pinn.optimizers.linear import CUTOFF, fit_last_layer
from pinn.residuals.assembly import Assembly
from pinn.residuals.least_squares import bind
from pinn.residuals.residuals import Residuals
from pinn.sampling.base import Sampler
from pinn.sampling.sequences import SobolSampler
from pinn.training.data_waves import data_waves
from pinn.training.nodes import suited
from pinn.trial.function import TrialFunction

TURN = math.pi / 2.0  # Chebyshev polynomials that a wave takes over harmonics
FITS, NEWTON_STEPS = {2: 4, 3: 2}, 4  # after which orders are chosen again by the number of coordinates, steps of each
BENT = 2  # fits of a bent coordinate
STEEP = 64.0, 8.0, 512.0  # how steeply time is bent about its ends: first, then less and more
FALLEN = 1e-6  # last coefficients along time below which it is resolved
JUDGED = 2000  # fresh points
UNLIKE = 100.0  # how many times larger last coefficients of space are than those of time, from which others are wanted
SMOOTH = 10.0  # functions that anything smooth takes along a coordinate


def choose_orders(residuals: Residuals, sampler: Sampler, generator: Generator, assembly: Assembly | None) -> None:
    """As many functions of each coordinate as the waves of the problem's data take, then as fits ask for.

    In windows of time the fits are those of the windows, and later windows take over the orders of those before. Where
    the network was told how many, they are these.
    """
    trial = residuals.trial
    if trial.start.before:
        return
    core, names = trial.network.core, trial.problem.coordinates
    assert isinstance(core, Spectral)
    if core.shares is not None:
        told = f"shares needs one for each of {', '.join(names[i] for i in core.coordinates)}"
        require(len(core.shares) == len(core.inputs), f"{told}, got {len(core.shares)}")
        _tell(core, names)
        return
    waves, shares = data_waves(residuals), []
    for i, periodic in zip(core.coordinates, core.is_periodic, strict=True):
        w = waves[i]
        waved = 0.0 if w is None else w.highest / (TURN if periodic else 1.0)
        in_window = trial.prefix and trial.domain.coordinates[i] == trial.domain.time
        shares.append(SMOOTH + (min(waved, SMOOTH) if in_window else waved))
    core.share([*shares, *[SMOOTH] * (len(core.inputs) - len(shares))])
    fits = FITS.get(len(core.inputs), 0) if not trial.prefix else 0
    _rebalanced(residuals, sampler, generator, assembly, fits)
    if fits and trial.domain.time is not None and len(core.inputs) < 3:
        _resolve_ends_of_time(residuals, sampler, generator, assembly)
    _tell(core, names)


def _tell(core: Spectral, names: Sequence[str]) -> None:
    told = ", ".join(f"{names[i]} {count}" for i, count in zip(core.coordinates, core.counts, strict=False))
    logger.info("initial guess: functions along %s", told)


def _rebalanced(
    residuals: Residuals, sampler: Sampler, generator: Generator, assembly: Assembly | None, fits: int
) -> Tensor:
    """theta (p,) of the last of so many fits; after each orders are chosen again, until they stay as they are."""
    fitted = residuals.theta()
    for _ in range(fits):
        points = residuals.draw(suited(sampler, residuals.trial), generator)
        least_squares = bind(residuals, points, assembly)
        fitted, _loss = fit_last_layer(least_squares, residuals.theta(), CUTOFF, NEWTON_STEPS, single=True)
        if not rebalance(residuals.unflatten(fitted), residuals.trial):
            break
    return fitted


def _resolve_ends_of_time(
    residuals: Residuals, sampler: Sampler, generator: Generator, assembly: Assembly | None
) -> None:
    """Bend time about its beginning or its end, as steeply as fits are better for on fresh points.

    What begins with a jump or a kink goes with the root of time, which a bent coordinate resolves at all scales. Time
    is left as it is where the coefficients along it fall.
    """
    trial = residuals.trial
    core, begun = trial.network.core, {name: values.clone() for name, values in trial.parameters().items()}
    assert isinstance(core, Spectral)
    assert trial.domain.time is not None
    number = core.coordinates.index(trial.domain.coordinates.index(trial.domain.time))
    fresh = bind(residuals, residuals.draw(SobolSampler(interior=JUDGED, boundary=JUDGED // 5), generator), assembly)
    found: dict[tuple[float, float], tuple[float, Tensor]] = {}  # loss there and orders, by center and steepness

    def last_of(end: float, steepness: float) -> float:
        """The last coefficients along time of a fit in which it is bent."""
        trial.load_parameters(begun)
        core.bend(number, end, steepness)
        fitted = _rebalanced(residuals, sampler, generator, assembly, BENT)
        found[end, steepness] = float(fresh.loss(fitted)), core.orders.detach().clone()
        residuals.load(fitted)
        return core.last_coefficients()[number]

    def best() -> tuple[float, float]:
        return min(found, key=lambda bend: found[bend][0])

    if last_of(0.0, 0.0) > FALLEN:
        middle, *others = STEEP
        for end in (-1.0, 1.0):
            last_of(end, middle)
        end, steepness = best()
        for other in others if steepness else ():
            last_of(end, other)
    end, steepness = best()
    trial.load_parameters(begun)
    core.bend(number, end, steepness)
    with torch.no_grad():
        core.orders.copy_(found[end, steepness][1])
    if steepness:
        logger.info("initial guess: time is resolved at its %s", "beginning" if end < 0 else "end")


def carry(before: Mapping[str, Tensor], window: TrialFunction, shaken: float) -> None:
    """theta_before + shaken theta_fresh, but theta_fresh in the last layer, to start a window from the one before it.

    On kdv (5 windows of 20 steps) and burgers (4 of 25) the errors were 8e-3 and 3e-3, with the last layer carried too
    9e-3 and 1e-2, with fresh parameters 3e-1 and 2e-2.
    """
    fresh, last = window.parameters(), window.linear_parameters or ()
    window.load_parameters(
        {name: fresh[name] if name in last else v + shaken * fresh[name] for name, v in before.items()}
    )


def rebalance(before: Mapping[str, Tensor], trial: TrialFunction, stretch: float = 1.0, holding: bool = False) -> bool:
    """Give a spectral network the orders that the coefficients of another ask for, whose parameters `before` are.

    stretch: how many times as long the window of time is. holding: of three coordinates, no fewer functions of space:
    what they do not hold of the state before grows from one window to the next. Whether the orders are others than that
    one's; other networks are left alone.
    """
    core = trial.network.core
    if not isinstance(core, Spectral):
        return False
    fresh = {name: values.clone() for name, values in trial.parameters().items()}
    trial.load_parameters(before)
    time = None if trial.domain.time is None else trial.domain.coordinates.index(trial.domain.time)
    least = [count * (i != time) for i, count in zip(core.coordinates, core.counts, strict=False)] if holding else ()
    changed = core.rebalance([stretch if i == time else 1.0 for i in core.coordinates], least)
    chosen = {name: v.clone() for name, v in trial.parameters().items() if name.endswith(".orders")}
    trial.load_parameters(fresh | chosen)
    return changed


def lacks_functions_of_space(trial: TrialFunction) -> bool:
    """Whether a window's spectral functions of space are too few for it, while those of time suffice."""
    core, time = trial.network.core, trial.domain.time
    if not isinstance(core, Spectral) or len(core.counts) < 2 or time is None:
        return False
    lasts = dict(zip(core.coordinates, core.last_coefficients(), strict=False))
    of_time = lasts.pop(trial.domain.coordinates.index(time))
    return max(lasts.values()) > UNLIKE * of_time
