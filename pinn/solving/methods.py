"""Methods for a problem that chose none, the cheapest first; each is judged by the error that it is estimated to have.

0. In time and one coordinate of space, spectral functions in windows of time, each as long as it is solved, or where
   none is in all of the time; where what begins is not smooth in all of the time first; on a line or a rectangle
   without time in the whole of it; then, where they come close, as many more as the time allows. 1. Random features,
   their last layer fitted by least squares or by Newton's method: smooth solutions in up to three coordinates, in
   seconds. 2. Spectral functions in a box without time, and more of them. 3. In windows of time, unless that was 0:
   spectral functions in a box, elsewhere the better so far. 4. The better so far with conditions in the loss, where an
   ansatz makes the solution harder to represent. In three coordinates, which features do not fill, twice as many come
   first where they are close, then 4, then 3. 5. Gauss-Newton with the least damping on a network for the time that is
   left, with hard or soft conditions as the features had it or, where these came close with neither, as some steps of
   each have it.

Data along one coordinate, as those of ordinary equations in time, are fitted by spectral functions before a network
is: at once with the equations, so that what the data say late holds the unknowns early.

Where coefficients of the equations jump, features and networks have pieces of their own in each part of the domain,
spectral functions are left out, and a network where features come close. So they are where kinks of the data travel
through the domain: then with conditions in the loss, and twice as many after that, in all of the time. Conservation
laws with fronts are left to a network from the start, with a viscosity that vanishes step by step.
"""

import math
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from typing import Any, Protocol

from pinn.networks.mlp import MLP, is_default
from pinn.networks.parted import PartedFeatures, is_parted
from pinn.networks.random_features import WEIGHTS, RandomFeatures
from pinn.networks.spectral import WIDTH, Spectral
from pinn.optimizers.automatic import Automatic
from pinn.optimizers.linear import LinearLeastSquares
from pinn.sampling.sequences import ChebyshevSampler
from pinn.solving import by_network
from pinn.solving.ranking import CREDIBLE, Judged, are_credible, closest, doubted_error, is_solved
from pinn.training.plan import Plan
from pinn.training.settings import Stages, Training
from pinn.trial.making import AUTO, make_ansatz

FITTED = 1, 4  # times as many spectral functions as by default for data along one coordinate, one after the other
WIDE = r", width (\d+)"  # in a method's name
MOST_COORDINATES = 3  # that random features fill
# spectral functions of all fields by the number of coordinates: on a line layers of a thousandth of it to rounding
SPECTRAL = {1: 256, 2: WIDTH, 3: 2 * WIDTH}
FEW_COORDINATES = 2  # up to which windows of time are tried before soft conditions: they leave fewer waves in each
ROWS, AROUND = 3000, 2  # interior points of a fit, at most; times as many where holes have functions of their own
# places a point from which a fit is a ninth of the work: as many times fewer features and rows
MANY_PLACES, FEWER = 4, 3
SHARE, LONG = 0.3, 0.85  # of the time that is left, for features, and for spectral functions in windows of time
MOST = 0.95  # of it for windows of ordinary equations: little else solves what they do not
BRIEF = 0.1  # of the time that is left, for features in the whole time of ordinary equations, which windows suit better
PROMISING = 0.01  # error from which twice as many features come to one that is small
WIDER, WIDER_SHARE = (1.4, 4.0), 0.5  # times as many spectral functions, at least and at most, and of the time for them
ESTIMATED = 1.25  # times its training that a method takes with the estimate of its error
LEAST = 0.25  # of the time limit, from which hard and soft conditions of a network are tried
BETTER = 3.0  # factor between errors from which soft conditions are taken in place of hard ones


@dataclass(frozen=True)
class Method:
    """A way to solve a problem. plan: what a run is told. share: of the time that is left, at most."""

    plan: Plan
    share: float = 1.0

    @property
    def is_tentative(self) -> bool:
        """Whether others are to have time after it."""
        return self.share < 1.0

    @property
    def is_spectral(self) -> bool:
        """Whether its functions are spectral."""
        return getattr(self.plan.network, "func", self.plan.network) is Spectral

    @property
    def has_more(self) -> bool:
        """Whether there are more spectral functions than by default."""
        if not self.is_spectral:
            return False
        width = getattr(self.plan.network, "keywords", {}).get("width") or 0
        return width > _spectral_width(self.plan)

    @property
    def name(self) -> str:
        """In words."""
        optimizer, windows = self.plan.optimizer, self.plan.training.windows
        told = "random features" if isinstance(optimizer, LinearLeastSquares) else type(optimizer).__name__
        told = "a vanishing viscosity" if isinstance(optimizer, Stages) else told
        keywords = getattr(self.plan.network, "keywords", {})
        if self.is_spectral:
            told = "spectral functions" + (f", {keywords['width']} of them" if self.has_more else "")
        else:
            told += ", twice as many" * (keywords == _many(self.plan, 2).keywords)
        if getattr(self.plan.network, "func", None) is MLP and not is_default(self.plan.network):
            told += f", width {keywords['width']}" if "width" in keywords else ""
        told += f" in {self.plan.parts} parts" * is_parted(self.plan.network)
        told += " in windows of time" * (windows != 1)
        return told + {"soft": ", soft conditions", "values": ", soft slopes"}.get(self.plan.constraints, "")


class Tried(Judged, Protocol):
    """A method that was tried, and the seconds it took."""

    @property
    def method(self) -> Method: ...

    @property
    def seconds(self) -> float: ...

    @property
    def core(self) -> object:
        """Its network, without what surrounds it."""

    @property
    def is_unsmooth(self) -> bool:
        """Whether its windows of time were left where what begins is not smooth."""


Step = Callable[[Plan, Sequence[Tried]], Method | None]


def methods(plan: Plan, tried: Sequence[Tried]) -> Iterator[Method]:
    """The methods to be tried, in their order. tried: what has come of them; the caller fills it on the way."""
    if not isinstance(plan.optimizer, Automatic):
        yield Method(plan)
        return
    if any(term.has_fronts for term in plan.problem.all_terms().values()):
        yield Method(by_network.vanishing_viscosity(plan))
        return
    if plan.travel and getattr(plan.problem, "ansatz", None) is None:
        plan = replace(plan, constraints="soft")  # an ansatz would hold data where kinks have left
    constraints = plan.constraints
    if _suits_fits(plan):
        for times in FITTED:
            if not is_solved(tried):
                yield Method(_fitted(plan, times), SHARE)
    if _suits_features(plan):
        if _suits_spectral(plan):
            timed, steps = plan.problem.domain.time is not None, list[Step]([_wider])
            yield Method(replace(_spectral(plan), hasty=True), LONG if timed else SHARE)
            if timed and tried and tried[-1].estimate is None:
                steps += [_patient] * tried[-1].is_unsmooth
                yield Method(_in_all_time(plan), SHARE)  # windows shorten what begins without being smooth in vain
            if not tried or doubted_error(tried[-1].estimate) >= PROMISING:
                steps.reverse()  # more functions where so many came close, else windows first
            for step in steps:
                if not is_solved(tried) and (method := step(plan, tried)):
                    yield method
        if not is_solved(tried):
            yield Method(_features(plan), BRIEF if _is_ordinary(plan) else SHARE)
        for step in _steps(plan, tried):
            method = None if is_solved(tried) or not tried else step(plan, tried)
            if method is not None:
                yield method
        constraints = _better_constraints(plan, tried)
    # small networks in many parts come to 1e-4, and hide it less
    features_do = plan.parts > 1 and any(doubted_error(one.estimate) < PROMISING for one in tried)
    if not is_solved(tried) and not features_do:
        limit = math.inf if plan.training.time_limit is None else plan.training.time_limit
        left = limit - ESTIMATED * sum(one.seconds for one in tried)
        if tried and constraints == "hard" and not are_credible(tried) and left > LEAST * limit:
            constraints = by_network.better_constraints(plan, left)
        yield Method(by_network.balanced(by_network.trained(replace(plan, constraints=constraints), left)))


def _steps(plan: Plan, tried: Sequence[Tried]) -> list[Step]:
    """What is tried after features in the whole domain, in its order; each may turn out to be none."""
    few = len(plan.problem.coordinates) <= FEW_COORDINATES
    if plan.travel:
        return [_twice]  # in a window what was before has kinks that lie still
    if plan.parts > 1 and few:
        return [_soft, _windows]
    if few or not are_credible(tried):
        return [_in_a_box, _wider, _windows, _soft]
    return [_in_a_box, _wider, _more, _soft, _windows]


def _patient(plan: Plan, tried: Sequence[Tried]) -> Method:
    """Windows of spectral functions, also where what begins is not smooth."""
    return Method(_spectral(plan), LONG)


def _more(plan: Plan, tried: Sequence[Tried]) -> Method | None:
    """Twice as many features, which take the time of all other methods, where so many came close."""
    estimate = closest(tried).estimate
    close = estimate is not None and estimate.worst[1] < PROMISING
    return _twice(plan, tried) if close else None


def _twice(plan: Plan, tried: Sequence[Tried]) -> Method:
    """Twice as many features."""
    return Method(_features(plan, 2), SHARE)


def _in_a_box(plan: Plan, tried: Sequence[Tried]) -> Method | None:
    """Spectral functions in a box, in all of its time: layers along its sides, which features do not resolve."""
    if _suits_spectral(plan) or not _may_be_spectral(plan) or _is_ordinary(plan):
        return None
    return Method(_whole(plan), SHARE)


def _wider(plan: Plan, tried: Sequence[Tried]) -> Method | None:
    """As many more spectral functions of the whole domain as the time allows, where they come close.

    Each fit takes the cube of their number. Along each coordinate they are as many as the coefficients ask for.
    """
    limit, whole = plan.training.time_limit, [one for one in tried if _spans_all(one.method)]
    if not whole or not doubted_error(whole[-1].estimate) < 1.0 or any(one.method.has_more for one in tried):
        return None
    left = math.inf if limit is None else WIDER_SHARE * (limit - sum(one.seconds for one in tried))
    most = WIDER[1] * WIDTH / SPECTRAL[len(plan.problem.coordinates)]
    times = min(most, (max(left, 0.0) / max(whole[-1].seconds, sys.float_info.min)) ** (1.0 / 3.0))
    if times < WIDER[0]:
        return None
    width, core = int(times * _spectral_width(plan)), whole[-1].core
    more = core.suited(width) if isinstance(core, Spectral) else {"width": width}
    return Method(replace(whole[-1].method.plan, network=partial(Spectral, **more)), WIDER_SHARE)


def _spans_all(method: Method) -> bool:
    """Whether it is by spectral functions, as many as by default, of the whole domain."""
    several = len(method.plan.problem.coordinates) > 1
    return several and method.is_spectral and not method.has_more and method.plan.training.windows == 1


def _windows(plan: Plan, tried: Sequence[Tried]) -> Method | None:
    """Windows of time: of spectral functions in a box of space, else of the better features so far."""
    if plan.problem.domain.time is None or plan.training.windows != 1 or _suits_spectral(plan):
        return None
    if _may_be_spectral(plan) and not _is_ordinary(plan):
        return Method(_spectral(plan), SHARE if are_credible(tried) else LONG)
    return Method(_in_windows(closest(tried).method.plan), MOST if _is_ordinary(plan) else SHARE)


def _is_ordinary(plan: Plan) -> bool:
    """Whether the problem is one of time alone."""
    return plan.problem.coordinates == (plan.problem.domain.time,)


def _soft(plan: Plan, tried: Sequence[Tried]) -> Method | None:
    """The better features so far, with conditions in the loss."""
    hard = [one for one in tried if one.method.plan.constraints == "hard"]
    return Method(replace(closest(hard).method.plan, constraints="soft"), SHARE) if hard else None


def _better_constraints(plan: Plan, tried: Sequence[Tried]) -> str:
    """`soft` where features came closer with soft conditions than with hard ones, close enough to be believed."""
    least = {"hard": float("inf"), "soft": float("inf")}
    for one in tried:
        constraints = one.method.plan.constraints
        if not one.method.is_spectral:
            least[constraints] = min(least[constraints], doubted_error(one.estimate))
    return "soft" if least["soft"] < CREDIBLE and BETTER * least["soft"] < least["hard"] else plan.constraints


def method_named(plan: Plan, name: str) -> Method | None:
    """The one of this name that `methods` may give, for a run that is continued."""
    region, viscous = by_network.trained(plan), by_network.vanishing_viscosity(plan)
    features = [made for times in (1, 2) for one in [_features(plan, times)] for made in (one, _in_windows(one))]
    features += [_spectral(plan), _in_all_time(plan), *(_fitted(plan, times) for times in FITTED)]
    if is_default(plan.network) and (found := re.search(WIDE, name)):
        region = replace(region, network=partial(MLP, width=int(found[1])))
    if found := re.search(r"(\d+) of them", name):
        more = partial(Spectral, width=int(found[1]))
        features += [replace(one, network=more) for one in (_spectral(plan), _in_all_time(plan))]
    for base, constraints in product((region, viscous, *features), (plan.constraints, "values", "soft")):
        method = Method(replace(base, constraints=constraints))
        if re.sub(WIDE, "", method.name) == re.sub(WIDE, "", name):  # one of the user's has what width it has
            return Method(by_network.balanced(method.plan)) if base is region else method
    return None


def untried(plan: Plan) -> Method | None:
    """What may help a problem and was not tried by `methods`, because the user had chosen something else."""
    if isinstance(plan.optimizer, Automatic):
        left_out = not _suits_features(plan)
    else:
        left_out = not isinstance(plan.optimizer, LinearLeastSquares)
    return Method(_features(plan)) if left_out and _may_have_features(plan) else None


def _suits_fits(plan: Plan) -> bool:
    """Whether data are fitted along with ordinary equations, by spectral functions of their one coordinate."""
    domain = plan.problem.domain
    ordinary = len(domain.coordinates) == 1 and domain.is_box and plan.parts == 1 and plan.training.windows == 1
    return ordinary and by_network.is_observed(plan) and not by_network.is_chosen(plan) and _may_be_fitted(plan)


def _suits_features(plan: Plan) -> bool:
    """Whether features may do, and no network, number of steps or start was chosen."""
    return not by_network.is_chosen(plan) and _may_have_features(plan)


def _may_have_features(plan: Plan) -> bool:
    """Few coordinates, exact data, double precision, one process."""
    return not by_network.is_observed(plan) and _may_be_fitted(plan)


def _may_be_fitted(plan: Plan) -> bool:
    """Few coordinates, double precision, one process."""
    return len(plan.problem.coordinates) <= MOST_COORDINATES and by_network.is_alone(plan) and plan.dtype == "float64"


def _features(plan: Plan, times: int = 1) -> Plan:
    """Random features, so many times as many as they are by default."""
    around = AROUND if plan.problem.domain.cavities else 1
    interior = min(plan.sampler.interior, ROWS // _fewer(plan)) * times * around
    sampler = ChebyshevSampler(interior=interior, boundary=plan.sampler.boundary * around)
    training = _changed(plan.training, check_every=1, steps=None)
    optimizer, network = LinearLeastSquares(), _many(plan, times)
    return replace(
        plan, network=network, optimizer=optimizer, sampler=sampler, training=training, initial_guess="features"
    )


def _suits_spectral(plan: Plan) -> bool:
    """Whether spectral functions are tried first: on a line, with time or without, and on a rectangle."""
    domain, count = plan.problem.domain, len(plan.problem.domain.space_coordinates)
    few = count == 1 or (domain.time is None and count <= FEW_COORDINATES)
    return few and _may_be_spectral(plan)


def _may_be_spectral(plan: Plan) -> bool:
    """Whether the problem is one of a box, whose time windows may cut."""
    domain, problem = plan.problem.domain, plan.problem
    whole = all(own == problem.coordinates for own in problem.field_coordinates.values())
    few = len(problem.coordinates) <= MOST_COORDINATES
    return few and domain.is_box and whole and plan.training.windows == 1 and plan.parts == 1 and not problem.unknowns


def _spectral(plan: Plan) -> Plan:
    """Spectral functions, in windows of time where there is time.

    With slopes in the loss where an ansatz would have that of a side built in, by functions of a cosine: these have no
    third derivative there either, which the solution may have, and a spectral series of it falls slowly. What holds at
    the start stays built in: from fields of zero, which often solve the equations, Newton's method does not find it.
    With all conditions in the loss in a box of space without time, in whose corners an ansatz has a third derivative of
    zero, too: a clamped plate comes to 4e-9 instead of 7e-3, a flow with layers of a hundredth to 1e-6 instead of 9e-5.
    """
    count, network = len(plan.problem.coordinates), partial(Spectral, width=_spectral_width(plan))
    if plan.problem.domain.time is not None:
        return replace(_in_windows(_features(plan)), network=network, constraints=_unmirrored(plan))
    return replace(_features(plan), network=network, constraints="soft" if count > 1 else _unmirrored(plan))


def _spectral_width(plan: Plan) -> int:
    """How many spectral functions each field has, unless there are to be more."""
    return max(1, SPECTRAL[len(plan.problem.coordinates)] // len(plan.problem.vocabulary.fields))


def _fitted(plan: Plan, times: int) -> Plan:
    """So many times as many spectral functions as by default, of all of the one coordinate."""
    return replace(_whole(plan), network=partial(Spectral, width=times * _spectral_width(plan)))


def _unmirrored(plan: Plan) -> str:
    """The plan's constraints, `values` where an ansatz would have the slope of a side built in."""
    ansatz = make_ansatz(plan.problem, plan.constraints)
    return "values" if ansatz is not None and ansatz.mirrored else plan.constraints


def _many(plan: Plan, times: int) -> Any:
    """A factory of so many times as many features as by default, in the parts of the problem where it has some."""
    parted, fewer = plan.parts > 1, _fewer(plan)
    kind = PartedFeatures if parted else RandomFeatures
    if times == fewer == 1:
        return kind
    width = times * WEIGHTS // (fewer * len(plan.problem.vocabulary.fields))
    return partial(kind, width=width)


def _fewer(plan: Plan) -> int:
    """How many times fewer features and rows there are: each row of an integral is at many places."""
    return FEWER if sum(one.count for one in plan.problem.elsewhere.values()) >= MANY_PLACES else 1


def _in_windows(plan: Plan) -> Plan:
    return replace(plan, training=_changed(plan.training, windows=AUTO))


def _in_all_time(plan: Plan) -> Plan:
    """Spectral functions, with conditions in the loss: where these disagree an ansatz has what jumps built in."""
    return replace(_whole(plan), constraints="soft")


def _whole(plan: Plan) -> Plan:
    """Spectral functions of the whole domain, in all of its time."""
    plan = _spectral(plan)
    return replace(plan, training=_changed(plan.training, windows=1))


def _changed(training: Training, **settings: Any) -> Training:
    """The same settings but for some."""
    return Training(**{**training._constructor_arguments, **settings})
