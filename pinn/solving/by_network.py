"""Plans by which a network is trained, where a problem chose no method: what is left when features do not solve it."""

from dataclasses import replace
from functools import partial

from pinn.basis.configurable import plain
from pinn.networks.mlp import is_default
from pinn.networks.parted import PartedMLP
from pinn.optimizers.gauss_newton import LeastDamping
from pinn.sampling.arc_length import ArcLength
from pinn.sampling.base import FOLLOWING
from pinn.terms.data import Data, Observation
from pinn.training.gradient_weights import GradientWeights
from pinn.training.plan import Plan
from pinn.training.settings import Stage, Stages
from pinn.training.weighting import NoiseWeights

MOST_PARTS = 6  # of the domain, in each of which a network is trained
SMOOTHINGS = (100.0, 30.0, 10.0, 3.0)  # factors on artificial viscosities, one after the other
VISCOUS_STEPS = 28  # of each, at most: longer at one of them steps grow that fit the points alone
FRONT_POINTS, REDRAWN = 1500, 4  # interior points of a network with fronts, and steps at the same ones


def trained(plan: Plan) -> Plan:
    """Least damping on the network that was chosen, or on one of its kind in each part of the domain."""
    few = 1 < plan.parts <= MOST_PARTS and is_default(plan.network) and plan.dtype == "float64"
    network = partial(PartedMLP, width=max(6, 20 // plan.parts)) if few else plan.network
    return replace(plan, optimizer=LeastDamping(), network=network)


def balanced(plan: Plan) -> Plan:
    """With weights by the terms' gradients where conditions are in the loss, exact, and no weights were chosen."""
    left = not plan.weights and isinstance(plan.weighting, NoiseWeights | None)
    exact = plan.constraints == "soft" and not is_observed(plan)
    return replace(plan, weighting=GradientWeights()) if left and exact else plan


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


def is_observed(plan: Plan) -> bool:
    """Whether the problem has data."""
    return any(isinstance(term, (Data, Observation)) for term in plan.problem.all_terms().values())
