"""A front in a window of time: the coordinate of space is bent about it where fewer functions then do."""

import math
from collections.abc import Callable

import torch
from scipy.fft import dct
from torch import Tensor

from pinn.ansatz.smoothness import derivative_orders
from pinn.networks.places import unbent
from pinn.networks.spectral import Spectral
from pinn.trial.function import TrialFunction

LINE = 2000  # places at which a front is looked for
FRONT = 8.0  # half the domain over a front's half width, below which no bend is tried
NODES = 400  # at which the state is expanded
TAILS = 1e-3, 1e-5, 1e-7  # shares of the coefficients beyond the functions that are counted: what is lost is noise
WORTH = 0.9  # of the functions that the present bend needs, from which another is taken: what changes leaves noise

Bend = tuple[float, float]  # center and steepness, as of `Spectral`
State = Callable[[Tensor], Tensor]  # places (n,) in [-1, 1] -> quantities (n, k)


def resolve_front(window: TrialFunction, before: TrialFunction | None) -> None:
    """Bend a spectral network's coordinate about the front that is there when the window begins, where that pays.

    The two flanks of a pulse are one front, with its middle; two fronts far apart are none, as a bend serves one only.
    before: the window before it, which ends there; None for the first one.
    """
    core, domain = window.network.core, window.domain
    space = domain.space_coordinates
    if not isinstance(core, Spectral) or len(space) != 1 or domain.time is None:
        return
    number = core.coordinates.index(domain.coordinates.index(space[0]))
    if core.is_periodic[number]:
        return
    state = _state(window, before)
    present = (0.0, 0.0) if before is None else _bend(before, number)
    front = _front(state)
    tried = {bend: _needed(state, bend) for bend in {(0.0, 0.0), present, *([front] if front[1] > FRONT else [])}}
    best = min(tried, key=lambda bend: (sum(tried[bend]), bend[1]))
    pays = any(count < WORTH * now for count, now in zip(tried[best], tried[present], strict=True))
    core.bend(number, *(best if pays else present))


def _state(window: TrialFunction, before: TrialFunction | None) -> State:
    """The fields when the window begins and, where the equations have second derivatives in time, their rates."""
    domain, problem = window.domain, window.problem
    time, (space,) = domain.time, domain.space_coordinates
    assert time is not None
    at, t = (window, domain.bounds[time][0]) if before is None else (before, before.domain.bounds[time][1])
    orders, (lower, upper) = derivative_orders(problem), domain.bounds[space]
    fields = problem.vocabulary.fields
    asked = [*fields, *(f"{name}_{time}" for name in fields if orders[name, time] > 1)]

    def state(places: Tensor) -> Tensor:
        points = torch.full((len(places), 2), t, dtype=window.dtype, device=window.device)
        points[:, domain.coordinates.index(space)] = (lower + 0.5 * (upper - lower) * (1.0 + places)).to(points)
        with torch.no_grad():
            values = at.evaluate(asked, points)
        return torch.stack([values[name] for name in asked], 1).double().cpu()

    return state


def _front(state: State) -> Bend:
    """The middle of the steepest front, and half the domain over its half width."""
    places = torch.linspace(-1.0, 1.0, LINE, dtype=torch.float64)
    center, steepness = 0.0, 0.0
    for values in state(places).T:
        slope = torch.gradient(values, spacing=(places,))[0].abs()
        extent = float(values.max() - values.min())
        steep = 2.0 * float(slope.max()) / extent if extent > 0 else 0.0
        if steep > steepness:
            weights = (slope / slope.max()) ** 4
            middle = float((weights * places).sum() / weights.sum())
            spread = float(((weights * (places - middle).square()).sum() / weights.sum()).sqrt())
            center, steepness = middle, min(steep, 1.0 / spread)
    return center, steepness


def _needed(state: State, bend: Bend) -> tuple[int, ...]:
    """How many polynomials of the bent coordinate the state takes, for each share of the coefficients beyond them."""
    angles = math.pi * (torch.arange(NODES, dtype=torch.float64) + 0.5) / NODES
    values = state(unbent(torch.cos(angles), bend))
    squares = torch.as_tensor(dct(values.numpy(), axis=0)).square()  # (nodes, k), of T_0, T_1, ...
    tails = squares.flip(0).cumsum(0).flip(0)
    varying = tails[1]
    return tuple(int((tails > share**2 * varying).sum(0).max()) for share in TAILS)


def _bend(window: TrialFunction, number: int) -> Bend:
    core = window.network.core
    assert isinstance(core, Spectral)
    center, steepness = core.bends.detach()[number].tolist()
    return center, steepness
