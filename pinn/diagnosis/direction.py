"""Which way time runs: an equation that diffuses forward in time and is known at its end alone, or the reverse.

Waves exp(s t + i k x) of  a u_t + sum_ij b_ij u_ij + ... = 0  have  s = sum_ij b_ij k_i k_j / a  for large k. Where
that is negative, short waves die out in time, and nothing of them is left at its end; where it is positive they grow
without bound from any error at its start (Hadamard 1923, Lectures on Cauchy's Problem).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from pinn.ansatz.written import WrittenAnsatz
from pinn.derivatives.names import Symbol
from pinn.diagnosis.counting import fields_of
from pinn.diagnosis.verdict import Reason, Word
from pinn.residuals.blocks import slopes
from pinn.sampling.given import GivenRegion
from pinn.sampling.sequences import anywhere
from pinn.trial.function import TrialFunction

POINTS = 400  # where the sign of the coefficients is looked at
SHAKE = 0.1  # standard deviation of a change of the parameters, by which coefficients of another state are seen
ROUNDING = 1e-12  # of the largest rate: one that vanishes
GIVEN = "a condition on {}, or what is seen of it with its noise (pinn.Data with noise=) and pinn.Smoothness"

# (field, derivatives of it) -> coefficient (n,)
Principal = dict[tuple[str, Symbol], Tensor]


@dataclass
class _Known:
    """Which fields have conditions at the start and at the end of time, and those with others than at such sides."""

    start: set[str] = field(default_factory=set)
    end: set[str] = field(default_factory=set)
    otherwise: set[str] = field(default_factory=set)


def against_time(trial: TrialFunction, generator: torch.Generator) -> Iterator[Reason]:
    """Fields that are known at the wrong end of time for the way in which their equation diffuses, as reasons.

    Told where the equation is of first order in time and second in space, alone in both for one field, and the sign of
    its coefficients is the same at all points, of the trial function and of one beside it. Fields with observations,
    periods in time or integrals are passed over, and all where an ansatz of the problem's own may hold conditions.
    """
    problem, time = trial.problem, trial.problem.domain.time
    interior = {name: term for name, term in problem.all_terms().items() if term.region(problem.domain).is_interior}
    plain = all(term.region(problem.domain).is_whole for term in interior.values())
    if time is None or not plain or isinstance(trial.ansatz, WrittenAnsatz):
        return
    known = _conditions(trial)
    ends = (known.start ^ known.end) - known.otherwise
    if not ends:
        return
    x = anywhere(trial, POINTS, generator)
    states = [trial.parameters(), _shaken(trial, generator)]
    equations = [(name, one) for name, term in interior.items() for one in term.equations().values()]
    parts = [[_principal(trial, one.function, one.arguments, x, state) for state in states] for _, one in equations]
    for (term, _), own in zip(equations, parts, strict=True):
        others = [part for part in parts if part is not own]
        for name in sorted(ends):
            way = _way(trial, name, own, others)
            if way * (1 if name in known.start else -1) < 0:
                yield _told(name, term, time, way)


def _told(name: str, term: str, time: str, way: int) -> Reason:
    if way > 0:
        told = (
            f"{term} diffuses {name} forward in {time}, and {name} is known at {time}.max alone, where no fine detail "
        )
        told += "of what was before is left: backward any error there grows without bound"
    else:
        told = f"{term} diffuses {name} backward in {time}, and {name} is known at {time}.min alone: forward any error "
        told += "there grows without bound"
    return Reason(told, Word.ILL_POSED, GIVEN.format(f"{name} at {time}.{'min' if way > 0 else 'max'}"))


def _conditions(trial: TrialFunction) -> _Known:
    """Where the problem's conditions tell its fields."""
    problem, domain, known = trial.problem, trial.problem.domain, _Known()
    for term in problem.all_terms().values():
        region = term.region(domain)
        if region.is_interior:
            continue
        for one in term.equations().values():
            fields = fields_of(problem, one.arguments, region)
            named = [name for name in one.arguments if name not in region.columns]
            is_far = any(problem.vocabulary.resolve(name, one.name).kind == "elsewhere" for name in named)
            if is_far or isinstance(region, GivenRegion) or region.period == domain.time:
                known.otherwise |= fields
            known.start |= fields if f"{domain.time}.min" in region.sides else set()
            known.end |= fields if f"{domain.time}.max" in region.sides else set()
    return known


def _shaken(trial: TrialFunction, generator: torch.Generator) -> dict[str, Tensor]:
    """Parameters beside the trial function's; unknowns as they are."""
    return {
        name: p if name.startswith("unknowns.") else p + SHAKE * torch.randn(p.shape, generator=generator).to(p)
        for name, p in trial.parameters().items()
    }


def _principal(
    trial: TrialFunction, function: Callable, arguments: Sequence[str], x: Tensor, parameters: dict[str, Tensor]
) -> Principal | None:
    """The coefficients of the derivatives in a function of named quantities; None where it has some of no symbol.

    Of derivatives of derived quantities those of the highest order: the rest of the product rule is left out.
    """
    vocabulary, total = trial.problem.vocabulary, Principal()
    values = trial.evaluate(list(arguments), x, parameters)
    for name, slope in zip(arguments, slopes(function, [values[name] for name in arguments]), strict=True):
        meaning = vocabulary.resolve(name, "an equation")
        if slope is None or meaning.kind in ("coordinate", "unknown"):
            continue
        if meaning.symbol is None:
            return None
        inner: Principal | None = {(meaning.base, vocabulary.value): torch.ones(len(x)).to(x)}
        if meaning.base in trial.problem.derived:
            derived = trial.problem.derived[meaning.base]
            inner = _principal(trial, derived.function, derived.arguments, x, parameters)
        if inner is None:
            return None
        for (base, symbol), coefficient in inner.items():
            for whole, factor in (symbol + meaning.symbol).expanded().items():
                added = factor * slope * coefficient
                total[base, whole] = total[base, whole] + added if (base, whole) in total else added
    return {key: coefficient for key, coefficient in total.items() if bool((coefficient != 0).any())}


def _way(
    trial: TrialFunction, name: str, own: Sequence[Principal | None], others: Sequence[Sequence[Principal | None]]
) -> int:
    """1 where an equation diffuses a field forward in time, -1 where backward, 0 where neither is certain."""
    if any(part is None for states in (own, *others) for part in states):
        return 0
    if any(_bends(trial, name, part) for states in others for part in states if part is not None):
        return 0
    ways = {_sign(trial, name, part) for part in own if part is not None}
    return ways.pop() if len(ways) == 1 else 0


def _bends(trial: TrialFunction, name: str, part: Principal) -> bool:
    """Whether another equation tells of the field's rate in time, or of its second derivatives."""
    time = trial.problem.coordinates.index(trial.problem.domain.time or "")
    return any(base == name and (symbol.orders[time] or symbol.order > 1) for base, symbol in part)


def _sign(trial: TrialFunction, name: str, part: Principal) -> int:
    """The way of one state: of the eigenvalues of -b / a, all of one sign or zero, at all points."""
    time, count = trial.problem.coordinates.index(trial.problem.domain.time or ""), len(trial.problem.coordinates)
    rate, b = None, None
    for (base, symbol), coefficient in part.items():
        along = [k for k, order in enumerate(symbol.orders) for _ in range(order)]
        if along == [time] and base == name:
            rate = coefficient
        elif time in along or len(along) > 2 or any(k >= count for k in along) or (len(along) == 2 and base != name):
            return 0
        elif len(along) == 2:
            b = coefficient.new_zeros(len(coefficient), count, count) if b is None else b
            for i, j in (along, along[::-1]):
                b[:, i, j] += 0.5 * coefficient
    if rate is None or b is None or bool((rate == 0).any()):
        return 0
    rates = torch.linalg.eigvalsh(-b / rate[:, None, None])
    if not bool(rates.isfinite().all()):
        return 0
    least, most = float(rates.min()), float(rates.max())
    level = ROUNDING * max(abs(least), abs(most))
    return int(least >= -level) - int(most <= level)
