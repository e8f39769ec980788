"""Transfinite interpolation of a function from the sides of a box (Gordon & Hall 1973, doi:10.1007/BF01436298)."""

from collections.abc import Callable
from functools import reduce
from typing import Any

from pinn.domains import Box

Function = Callable[..., Any]


def transfinite(g: Function, domain: Box) -> Function:
    """The function that agrees with g on all sides of a box, and inside takes g's values there alone.

    g: of the box's coordinates in order, with torch operations, such as g(x, y). The result is called like it, for use
    in an ansatz: linear between the ends of x, plus linear between those of y, less both.
    """

    def with_axis(below: Function, k: int) -> Function:
        lower, upper = list(domain.bounds.values())[k]

        def interpolated(*x: Any) -> Any:
            s = (x[k] - lower) / (upper - lower)
            ends = [(*x[:k], 0 * x[k] + end, *x[k + 1 :]) for end in (lower, upper)]
            at_lower, at_upper = (g(*end) - below(*end) for end in ends)
            return below(*x) + (1 - s) * at_lower + s * at_upper

        return interpolated

    def nothing(*_: Any) -> float:
        return 0.0

    return reduce(with_axis, range(len(domain.bounds)), nothing)
