"""What is asked of a solution beside its fields: with which truth it is compared, and what its balances say."""

from collections.abc import Iterator, Mapping
from math import isfinite

from pinn.diagnosis.exact import exact_trial
from pinn.diagnosis.verdict import TRUSTED, UNSOLVED, Reason, Word
from pinn.functionals.balance import Balance
from pinn.functionals.base import Evaluate, Functional
from pinn.functionals.divergence import OF_TERM, divergences
from pinn.problem import Problem
from pinn.solution.results import evaluation, reference_evaluation
from pinn.solution_file.results import Result
from pinn.trial.characteristics import parts_of


def asked_of(problem: Problem) -> dict[str, Functional]:
    """A problem's `results`, and the balances that its equations ask for where it names none of these fluxes.

    Fluxes of gradients have no names by which to compare: of these there are none where it has a balance of its own.
    """
    own = dict(problem.results())
    known = [functional.flux for functional in own.values() if isinstance(functional, Balance)]
    domain = problem.domain
    # elsewhere quadratures are too coarse to judge by: of what jumps they may be off by a half
    is_plain = not domain.parameters and not domain.moves
    found = divergences(problem.all_terms(), domain, problem.vocabulary) if is_plain else {}
    if found and parts_of(problem) is not None:
        found = {}
    further = {name: one for name, one in found.items() if one.flux not in known and name not in own}
    return own | {name: one for name, one in further.items() if not known or not _has_gradients(one)}


def _has_gradients(balance: Balance) -> bool:
    return any(callable(component) for component in balance.flux.values())


def told_of(found: Mapping[str, Result]) -> dict[str, Result]:
    """Without balances that nobody asked for and that are no number, such as of gradients on an edge of the ansatz."""
    return {
        name: result
        for name, result in found.items()
        if not name.startswith(OF_TERM) or (result.number is not None and isfinite(result.number))
    }


def truth_of(problem: Problem) -> Evaluate | None:
    """The true solution's quantities: all of an exact one, the fields of a reference; None where nothing is known."""
    if problem.truth_kind == "exact":
        return evaluation(exact_trial(problem))
    return None if problem.truth_kind is None else reference_evaluation(problem)


def imbalances(asked: Mapping[str, Functional], found: Mapping[str, Result]) -> Iterator[Reason]:
    """What is lost or gained as a whole, by the largest flow, where it is more than the quadrature may be off.

    Gradients are further off than the fields, whose error is estimated: the balances of these that nobody asked for
    make an answer plausible at worst.
    """
    for name, result in found.items():
        balance = asked[name]
        if not isinstance(balance, Balance) or result.number is None:
            continue
        if result.number - result.quadrature > TRUSTED:
            mild = name.startswith(OF_TERM) and _has_gradients(balance)
            is_wrong = result.number - result.quadrature > UNSOLVED and not mild
            word = Word.NOT_SOLVED if is_wrong else Word.PLAUSIBLE
            said = f"{name} fails by {100 * result.number:.2g} % of the largest flow ({told(result)})"
            term = name.removeprefix(OF_TERM)
            yield Reason(said, word, f"weights.{term}=100" if term != name and not mild else "")


def told(result: Result) -> str:
    """The parts of a balance where it fails most."""
    at = int(abs(result.values).argmax())
    parts = ", ".join(f"{part} {values[at]:.3g}" for part, values in result.parts.items() if values.any())
    return parts + (f", at {result.along} = {result.places[at]:.3g}" if result.along else "")
