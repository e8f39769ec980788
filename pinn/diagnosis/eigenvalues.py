"""Which eigenvalue a run has come to, among those that are known of its problem."""

from collections.abc import Iterator, Sequence

from pinn.diagnosis.verdict import Reason, Word
from pinn.problem import Problem
from pinn.terms.unknowns import Eigenvalue, equal

AGREES = 1e-2  # distance of an eigenvalue and the one that was found before, by that to its neighbor
OTHER = "optimizer=auto, which fits random features, or pinn.Eigenvalue(near=...)"


def of_eigenvalue(
    problem: Problem, values: dict[str, float], known: Sequence[float], wanted: float | None
) -> Iterator[Reason]:
    """What there is to be said of an unknown that is an eigenvalue.

    values: of the unknowns. known: eigenvalues, as far as they were found. wanted: the one of them that is asked for;
    None where none were found.
    """
    for name, asked in problem.unknowns.items():
        value = values[name]
        if wanted is not None:
            same = equal(known, wanted)
            apart = min((abs(other - wanted) for other in known if other not in same), default=abs(wanted))
            if abs(value - wanted) > AGREES * apart:
                told = f"{name} = {value:.6g} is not the eigenvalue that is asked for, {wanted:.6g}"
                yield Reason(told, Word.NOT_SOLVED, OTHER)
            elif len(same) > 1:
                told = f"{name} is an eigenvalue of {len(same)} functions: any combination of them is a solution, too"
                yield Reason(told, Word.PLAUSIBLE)
        elif isinstance(asked, Eigenvalue) and asked.number is not None:
            told = f"which eigenvalue {name} = {value:.6g} is was not found out; number {asked.number} is asked for"
            yield Reason(told, Word.NOT_SOLVED, OTHER)


def is_multiple(known: Sequence[float], wanted: float | None) -> bool:
    """Whether the eigenvalue that is asked for has several functions, which can change into each other."""
    return wanted is not None and len(equal(known, wanted)) > 1
