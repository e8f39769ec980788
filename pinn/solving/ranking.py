"""Which of several methods came closest, by the errors that they are estimated to have."""

from collections.abc import Sequence
from typing import Protocol, TypeVar

from pinn.solution_file.measured import ErrorEstimate

SOLVED = 1e-6  # estimated error at which nothing else is tried
DOUBTED = 50.0  # factor on the error of an estimate that is a lower bound
CREDIBLE = 0.1  # error from which nothing is concluded from a comparison


class Judged(Protocol):
    """What has an estimate of its errors, None where there is none."""

    @property
    def estimate(self) -> ErrorEstimate | None: ...


T = TypeVar("T", bound=Judged)


def doubted_error(estimate: ErrorEstimate | None) -> float:
    """The largest estimated error; more where it is a lower bound, infinite where there is no estimate.

    What no correction explains is hardly more than the defect, and may be far less than `DOUBTED`.
    """
    if estimate is None:
        return float("inf")
    error = estimate.worst[1]
    return error if estimate.is_resolved else min(DOUBTED * error, max(error, estimate.defect))


def the_best(tried: Sequence[T]) -> T:
    """The method with the least error, doubted where it is a lower bound; as it stands where none is to be believed."""
    least = closest(tried)
    if doubted_error(least.estimate) < CREDIBLE:
        return least
    return min(tried, key=lambda one: one.estimate.worst[1] if one.estimate else float("inf"))


def closest(tried: Sequence[T]) -> T:
    """The method with the least error, doubted where it is a lower bound."""
    return min(tried, key=lambda one: doubted_error(one.estimate))


def is_solved(tried: Sequence[Judged]) -> bool:
    """Whether one came so close that nothing else is to be tried: nothing is left but, perhaps, the noise of data."""
    down = any(one.estimate is not None and one.estimate.way == ErrorEstimate.NOISE for one in tried)
    return down or any(doubted_error(one.estimate) <= SOLVED for one in tried)


def are_credible(tried: Sequence[Judged]) -> bool:
    """Whether one came close enough for its error to be believed."""
    return any(doubted_error(one.estimate) < CREDIBLE for one in tried)
