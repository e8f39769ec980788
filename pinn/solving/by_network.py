"""Plans by which a network is trained, where a problem chose no method: what is left when features do not solve it."""

import math
import time
from dataclasses import replace
from functools import partial

import torch

from pinn.basis.configurable import plain
from pinn.basis.errors import UserError
from pinn.basis.logs import logger
from pinn.distributed.rendezvous import is_launched
from pinn.networks.mlp import MLP, WIDTH, is_default
from pinn.networks.parted import PartedMLP
from pinn.optimizers.gauss_newton import LeastDamping
from pinn.residuals.exact_terms import make_residuals
from pinn.residuals.execution import Execution
from pinn.residuals.least_squares import bind
from pinn.sampling.arc_length import ArcLength
from pinn.sampling.base import FOLLOWING
from pinn.solving.device import choose_device, choose_dtype
from pinn.terms.data import Data, Observation
from pinn.training.clock import Clock
from pinn.training.defect import defect
from pinn.training.gradient_weights import GradientWeights
from pinn.training.plan import Plan
from pinn.training.run import Outcome
from pinn.training.settings import Stage, Stages
from pinn.training.weighting import NoiseWeights
from pinn.trial.function import TrialFunction
from pinn.trial.making import make_ansatz

STEPS = 150  # of second order, in which a network has learnt most of what it can
NARROWEST, WIDEST = 10, 48  # neurons a layer
ORDER = 4.0  # of the work of a step in the width: rows times the square of the parameters
BESIDE = 1.3  # times the work of J^T J that a step takes, with its trials
WORTH = 1.2  # ratio of widths from which another one is taken
TRIAL, LONGEST = 0.12, 20.0  # share of the time that is left, and seconds at most, for each way to hold conditions
MOST_PARTS = 6  # of the domain, in each of which a network is trained
SMOOTHINGS = (100.0, 30.0, 10.0, 3.0)  # factors on artificial viscosities, one after the other
VISCOUS_STEPS = 28  # of each, at most: longer at one of them steps grow that fit the points alone
FRONT_POINTS, REDRAWN = 1500, 4  # interior points of a network with fronts, and steps at the same ones


def trained(plan: Plan, seconds: float = math.inf) -> Plan:
    """Least damping on the network that was chosen, or on one of its kind in each part of the domain.

    seconds: for it, by which the width of a network that was not chosen is.
    """
    network = plan.network
    if is_default(network) and 1 < plan.parts <= MOST_PARTS and plan.dtype == "float64":
        network = partial(PartedMLP, width=max(6, WIDTH // plan.parts))
    elif not is_chosen(plan) and is_alone(plan) and not is_observed(plan):
        width = _width_within(plan, seconds)
        network = network if width == WIDTH else partial(MLP, width=width)
    return replace(plan, optimizer=LeastDamping(), network=network)


def balanced(plan: Plan) -> Plan:
    """With weights by the terms' gradients where conditions are in the loss, exact, and no weights were chosen."""
    left = not plan.weights and isinstance(plan.weighting, NoiseWeights | None)
    exact = plan.constraints == "soft" and not is_observed(plan)
    return replace(plan, weighting=GradientWeights()) if left and exact else plan


def better_constraints(plan: Plan, seconds: float) -> str:
    """`hard` or `soft`, by which some first steps of the network leave the smaller defect.

    Takes two tenths of the seconds or so; `hard` where the problem has nothing that an ansatz would hold.
    """
    if make_ansatz(plan.problem, plan.constraints) is None:
        return plan.constraints
    each = min(TRIAL * seconds, LONGEST)
    left = {way: _left_after(balanced(trained(replace(plan, constraints=way))), each) for way in ("hard", "soft")}
    told = ", ".join(f"{way} {size:.1e}" for way, size in left.items())
    logger.info("method: conditions of a network: defects after %.1f s each: %s", each, told)
    return min(left, key=lambda way: left[way])


def _left_after(plan: Plan, seconds: float) -> float:
    """The defect of a plan's network after so many seconds, and at least a step; infinite where that is none."""
    try:
        run = plan.trainer(_fresh(plan), Execution(), clock=Clock(seconds))
        return math.inf if run.run() is Outcome.DIVERGED else defect(run.residuals, seed=plan.seed)
    except (UserError, RuntimeError) as error:  # the training itself says so, too
        logger.info("method: a network with %s conditions: %s", plan.constraints, error)
        return math.inf


def vanishing_viscosity(plan: Plan) -> Plan:
    """Least damping on a network, with points that follow the fronts, as artificial viscosities fall to what is asked.

    With the last one alone training stops at a shock of a wrong speed.
    """
    training, sampler = plan.training, plan.sampler
    limit = None if training.time_limit is None else training.time_limit / (len(SMOOTHINGS) + 1)
    often = REDRAWN if sampler.redraw_every is None else None
    each = VISCOUS_STEPS if training.steps is None else training.steps // (len(SMOOTHINGS) + 1)
    stages = [
        Stage(LeastDamping(), steps=each, time_limit=limit, redraw_every=often, smoothing=factor)
        for factor in SMOOTHINGS[: len(SMOOTHINGS) * each]
    ]
    last = None if training.steps is None else training.steps - len(stages) * each
    stages.append(Stage(LeastDamping(), steps=last, redraw_every=often))
    if plain(sampler.adaptation) == plain(FOLLOWING):
        sampler = sampler.fewer(FRONT_POINTS).following(ArcLength())
    written = getattr(plan.problem, "ansatz", None) is not None
    constraints = plan.constraints if written else "soft"  # a jump at the start is elsewhere at once
    return replace(plan, optimizer=Stages(stages), sampler=sampler, constraints=constraints)


def is_chosen(plan: Plan) -> bool:
    """Whether a network, a number of steps or a start was."""
    return plan.training.steps is not None or plan.initial_guess is not None or not is_default(plan.network)


def is_alone(plan: Plan) -> bool:
    """Whether the run is one process."""
    return plan.devices == 1 and not is_launched()


def is_observed(plan: Plan) -> bool:
    """Whether the problem has data."""
    return any(isinstance(term, (Data, Observation)) for term in plan.problem.all_terms().values())


def _width_within(plan: Plan, seconds: float) -> int:
    """Neurons a layer of the default network of which `STEPS` steps take so many seconds.

    The default width where the time has no limit, or it is nearly that. Takes the time of one step.
    """
    if not math.isfinite(seconds):
        return WIDTH
    ratio = (max(seconds, 0.0) / (STEPS * BESIDE * _seconds_of_a_step(plan))) ** (1.0 / ORDER)
    width = min(max(round(WIDTH * ratio), NARROWEST), WIDEST)
    return width if max(width / WIDTH, WIDTH / width) >= WORTH else WIDTH


def _seconds_of_a_step(plan: Plan) -> float:
    """For J^T J at all points, of a network as it starts; infinite where it cannot be had."""
    try:
        residuals = make_residuals(
            _fresh(plan), weights=plan.balanced_weights, seed=plan.seed, estimator=plan.estimator
        )
        least_squares = bind(residuals, residuals.draw(plan.sampler, torch.Generator().manual_seed(plan.seed)))
        started = time.perf_counter()
        float(least_squares.normal_equations(residuals.theta())[2])  # when a device has come to it
    except (UserError, RuntimeError):  # of memory, or what the training itself says
        return math.inf
    return max(time.perf_counter() - started, 1e-6)


def _fresh(plan: Plan) -> TrialFunction:
    """The plan's trial function as it starts."""
    with torch.random.fork_rng(devices=[]):
        return plan.trial(choose_dtype(plan.dtype), choose_device(plan.device)).windows[0]
