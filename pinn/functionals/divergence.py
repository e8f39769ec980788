"""Which balances a problem's equations ask for by themselves: those that are in divergence form."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from inspect import Parameter, Signature
from typing import Any

import torch
from torch import Tensor

from pinn.derivatives.names import Quantity as Meaning
from pinn.derivatives.names import Vocabulary
from pinn.derivatives.numpy_calls import called
from pinn.domains.base import Domain
from pinn.domains.quadrature import resolves
from pinn.functionals.balance import Balance
from pinn.functionals.base import Quantity
from pinn.functionals.integrals import NODES
from pinn.terms.base import Equation, Term

OF_TERM = "balance of "  # begins the name of one that an equation asks for by itself
PLAIN = ("coordinate", "unknown", "derivative")
TRIED = 4096  # random values by which an equation is seen to be a sum, also where a material is small
SIZES = (-3.0, 6.0)  # powers of ten, between which those of fields and derivatives are
ROUNDING = 1e-9  # of the largest addend, in which such a sum may differ


@dataclass
class Sum:
    """An equation  stored content_t + sum_i d/dx_i (sum_j flux_ij q_j) + rest = 0.

    content: what is stored -> coefficient. flux: coordinate -> quantity -> coefficient. gradients: whether quantities
    of the flux are derivatives.
    """

    content: dict[str, float] = field(default_factory=dict)
    flux: dict[str, dict[str, float]] = field(default_factory=dict)
    gradients: bool = False


def divergences(terms: Mapping[str, Term], domain: Domain, vocabulary: Vocabulary) -> dict[str, Balance]:
    """The balances of the terms in all of space whose equation is  content_t + div(flux) = source.

    In it the derivatives have constant coefficients: of a quantity once by time, once by space, or twice by space.
    Told by the equation's values at random arguments, whatever it is written like. None in so many dimensions that a
    balance would fail by the error of its integrals.
    """
    found: dict[str, Balance] = {}
    if not resolves(domain, NODES[max(NODES)]):
        return found
    for name, term in terms.items():
        if not term.region(domain).is_whole:
            continue
        for one in term.equations().values():
            balance = _balance(one, domain, vocabulary)
            if balance is not None:
                found[OF_TERM + name] = balance
    return found


def _balance(one: Equation, domain: Domain, vocabulary: Vocabulary) -> Balance | None:
    meanings = {name: vocabulary.resolve(name, one.name) for name in one.arguments}
    derivatives = [name for name, meaning in meanings.items() if meaning.symbol and meaning.symbol.order]
    if one.summed or not derivatives or any(m.kind not in PLAIN for m in meanings.values()):
        return None
    coefficients = _coefficients(one, derivatives, domain)
    if coefficients is None:
        return None
    total = Sum()
    if not all(_add(total, meanings[name], value, domain, vocabulary) for name, value in coefficients.items()):
        return None
    return _balanced(total, one, derivatives, domain)


def _coefficients(one: Equation, derivatives: list[str], domain: Domain) -> dict[str, float] | None:
    """Derivative -> its coefficient, where all are constant and the equation is their sum and a rest; else None."""
    drawn = _drawn(one.arguments, domain)
    zero = {name: torch.zeros(TRIED, dtype=torch.float64) for name in derivatives}
    try:
        rest, whole = _value(one, drawn | zero), _value(one, drawn)
        shares = {name: _value(one, drawn | zero | {name: drawn[name]}) - rest for name in derivatives}
    except Exception:  # of a user's function, at values that its solution may not have
        return None
    known = torch.stack([rest, whole, *shares.values()]).isfinite().all(0)
    if int(known.sum()) < TRIED // 2:
        return None
    rates = {name: float((share / drawn[name])[known].median()) for name, share in shares.items()}
    sums = torch.stack([drawn[name] * rate for name, rate in rates.items()])
    allowed = ROUNDING * (rest.abs() + sums.abs().sum(0))
    errors = torch.stack([*(torch.stack(list(shares.values())) - sums).abs(), (whole - rest - sums.sum(0)).abs()])
    return rates if bool((errors <= allowed)[:, known].all()) and all(rates.values()) else None


def _drawn(names: Iterable[str], domain: Domain) -> dict[str, Tensor]:
    """Random values (TRIED,): of coordinates in the domain, of all else of either sign and of any size."""
    generator = torch.Generator().manual_seed(0)
    found = {}
    for name in names:
        at = torch.rand(TRIED, generator=generator, dtype=torch.float64)
        sign = 1.0 - 2.0 * torch.randint(2, (TRIED,), generator=generator)
        low, high = domain.bounds.get(name, SIZES)
        between = low + (high - low) * at
        found[name] = between if name in domain.bounds else sign * 10**between
    return found


def _value(one: Equation, given: Mapping[str, Tensor]) -> Tensor:
    return torch.as_tensor(called(one.function, *(given[name] for name in one.arguments))).expand(TRIED)


def _add(total: Sum, meaning: Meaning, value: float, domain: Domain, vocabulary: Vocabulary) -> bool:
    """Add a derivative to the sum; whether it is one of those that a balance has."""
    assert meaning.symbol is not None
    for symbol, factor in meaning.symbol.expanded().items():
        along = [name for name, order in zip(vocabulary.coordinates, symbol.orders, strict=True) for _ in range(order)]
        space = all(name in domain.space_coordinates for name in along)
        if along == [domain.time]:
            total.content[meaning.base] = value * factor
        elif space and len(along) <= 2 and len(set(along)) == 1:
            inner = "_".join([meaning.base, *along[1:]])
            row = total.flux.setdefault(along[0], {})
            row[inner] = row.get(inner, 0.0) + value * factor
            total.gradients |= len(along) == 2
        else:
            return False
    return True


def _balanced(total: Sum, one: Equation, derivatives: list[str], domain: Domain) -> Balance | None:
    """The sum as a balance; None where nothing is sure to flow: a source alone, or several things stored."""
    flows = total.gradients or total.content or len(total.flux) > 1
    if not total.flux or len(total.content) > 1 or not flows:
        return None
    content, factor = next(iter(total.content.items()), (None, _scale(total)))
    flux = {name: _combined({q: value / factor for q, value in row.items()}) for name, row in total.flux.items()}
    return Balance(content, _source(one, derivatives, factor, domain), **flux)  # type: ignore[arg-type]


def _scale(total: Sum) -> float:
    """By which a steady equation is divided: gradients flow down, anything else as it stands."""
    first = next(iter(total.flux.values()))
    value = next(iter(first.values()))
    return -value if total.gradients else value


def _combined(coefficients: Mapping[str, float]) -> Quantity:
    """The sum of named quantities with coefficients; a name alone where it is one."""
    if list(coefficients.values()) == [1.0]:
        return next(iter(coefficients))
    return _of_names(lambda *given: sum(c * q for c, q in zip(coefficients.values(), given, strict=True)), coefficients)


def _source(one: Equation, derivatives: list[str], factor: float, domain: Domain) -> Quantity | None:
    """What is left of the equation without its derivatives, on its other side; None where that is nothing."""
    others = [name for name in one.arguments if name not in derivatives]

    def rest(*given: Any) -> Any:
        known = dict.fromkeys(derivatives, torch.zeros((), dtype=torch.float64)) | dict(zip(others, given, strict=True))
        return -torch.as_tensor(one.function(*(known[name] for name in one.arguments))) / factor

    drawn = _drawn(others, domain)
    return _of_names(rest, others) if bool(torch.as_tensor(rest(*drawn.values())).any()) else None


def _of_names(function: Callable[..., Any], names: Iterable[str]) -> Quantity:
    """A function whose arguments have these names."""
    arguments = [Parameter(name, Parameter.POSITIONAL_OR_KEYWORD) for name in names]
    function.__signature__ = Signature(arguments)  # type: ignore[attr-defined]
    return function
