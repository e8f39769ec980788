"""What to type to have a problem solved by one method alone, or by more of the same."""

from typing import Any

from pinn.networks.mlp import is_default
from pinn.networks.parted import PartedFeatures, PartedMLP
from pinn.networks.random_features import WEIGHTS, RandomFeatures
from pinn.networks.spectral import WIDTH, Spectral
from pinn.optimizers.gauss_newton import LeastDamping
from pinn.optimizers.linear import LinearLeastSquares
from pinn.training.gradient_weights import GradientWeights
from pinn.training.plan import Plan
from pinn.trial.making import AUTO

OPTIMIZERS: dict[Any, str] = {LinearLeastSquares: "linear", LeastDamping: "least_damping"}
# class -> its choice of the group network, and the weights of its last layer where its width is left open
LINEAR: dict[Any, tuple[str, int]] = {
    Spectral: ("spectral", WIDTH),
    RandomFeatures: ("random_features", WEIGHTS),
    PartedFeatures: ("parted_features", WEIGHTS),
}
POINTS = 3000  # interior points of sampler=chebyshev, which comes with optimizer=linear
TIMES = 2  # as many functions as there were, and points for them


def command(plan: Plan) -> str:
    """The keys that choose a plan's method, such as `optimizer=linear network=spectral constraints=soft`.

    Nothing where an optimizer goes through stages that no key says.
    """
    kind, width, optimizer = _kind(plan), _chosen_width(plan), OPTIMIZERS.get(type(plan.optimizer))
    if optimizer is None:
        return ""
    said = [f"optimizer={optimizer}"]
    if kind in LINEAR:
        said.append(f"network={LINEAR[kind][0]}")
    elif kind is PartedMLP:
        said.append("network=parted_mlp")
    if width is not None and not is_default(plan.network):
        said.append(f"network.width={width}")
    if kind in LINEAR and plan.sampler.interior != POINTS:
        said.append(f"sampler.interior={plan.sampler.interior}")
    said.append(f"constraints={plan.constraints}")
    said += ["weighting=gradients"] * isinstance(plan.weighting, GradientWeights)
    return " ".join([*said, *["training.windows=auto"] * (plan.training.windows == AUTO)])


def wider(plan: Plan) -> str:
    """The same with twice as many functions, and points for these, where functions are fitted; else nothing."""
    said, kind = command(plan), _kind(plan)
    if kind not in LINEAR or not said:
        return ""
    width = _chosen_width(plan) or max(1, LINEAR[kind][1] // len(plan.problem.vocabulary.fields))
    more = {"network.width": TIMES * width, "sampler.interior": TIMES * plan.sampler.interior}
    words = [word for word in said.split() if word.partition("=")[0] not in more]
    return " ".join([*words, *(f"{key}={value}" for key, value in more.items())])


def _kind(plan: Plan) -> Any:
    """The class of a plan's network."""
    return getattr(plan.network, "func", plan.network)


def _chosen_width(plan: Plan) -> int | None:
    return getattr(plan.network, "keywords", {}).get("width")
