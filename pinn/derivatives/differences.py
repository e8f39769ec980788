"""Derivatives by numbers alone: complex steps and central differences with error bounds of their own.

They share no line with the derivative engines, so that they can judge them.
"""

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import torch
from numpy.polynomial.polynomial import polyfromroots
from torch import Tensor

from pinn.derivatives.names import Symbol

# f(points (k, d)) -> (k,), each point on its own; NaN where it has none
PointFunction = Callable[[Tensor], Tensor]

LEVELS = 36  # steps from 1/16 of the length down to 1/2^21
RATIO = 2.0**-0.5  # of each step to the one before
COMPLEX_STEP = 2.0**-70  # of the length; its square is far below rounding, and nothing cancels
WINDOW = 2  # steps to either side over which a result has to be settled
SAFETY = 2.0  # on the change between neighboring steps
NOISE = 1e3  # how many times its last digit a value may be off: what smaller steps may show beside the derivative


@dataclass(frozen=True)
class Estimate:
    """A numerical derivative at n points (n,) and a bound on its error, which is infinite where no step served."""

    values: Tensor
    bound: float


@lru_cache(maxsize=64)
def central_weights(order: int, accuracy: int) -> tuple[float, ...]:
    """The weights w_s, s = -r ... r, of  f^(order)(x) = sum_s w_s f(x + s h) / h^order + O(h^accuracy).

    Found exactly, as the derivatives at 0 of Lagrange's polynomials, which are 1 at s and 0 at the other nodes.
    accuracy: even, >= 2.
    """
    r = (order + 1) // 2 - 1 + accuracy // 2
    nodes = range(-r, r + 1)
    weights = []
    for s in nodes:
        others = [node for node in nodes if node != s]
        derivative = math.factorial(order) * float(polyfromroots(others)[order])  # whole numbers, so without rounding
        weights.append(derivative / math.prod(s - node for node in others))
    return tuple(weights)


def central_difference(values: PointFunction, points: Tensor, orders: Sequence[int], lengths: Tensor) -> Estimate:
    """The derivative of multi-index `orders` by central differences, at the best of several steps.

    Steps h = L / 16, L / 22.6, L / 32, ... for lengths L; the step is chosen for which the result changes least among
    the next two larger and the next two smaller steps. Twice that change, the largest over the points, is the bound,
    or twice the rounding of the values, where it is larger: towards larger steps the change shows the truncation
    error, towards smaller ones the rounding error. A function that smaller steps see otherwise, beyond rounding, is
    too rough: its bound is infinite. Mixed derivatives are products of stencils, of accuracy h^8 in one coordinate,
    h^6 in two, h^4 in three, else h^2.

    values: (k, d) -> (k,). points: (n, d). lengths: (d,) on which the function varies, within a factor of 1e5.
    """
    n, d = points.shape
    offsets, weights = _stencil(orders)
    shifts, factors = points.new_tensor(offsets), points.new_tensor(weights)  # (s, d), (s,)
    estimates, rounding = [], []
    for level in range(LEVELS):
        steps = lengths / 16.0 * RATIO**level
        stencil = points.unsqueeze(1) + steps * shifts  # (n, s, d)
        at = values(stencil.reshape(-1, d)).reshape(n, -1)
        volume = math.prod(float(step) ** order for step, order in zip(steps, orders, strict=True))
        estimates.append(at @ factors / volume)
        rounding.append(at.abs() @ factors.abs() * torch.finfo(at.dtype).eps / volume)
    return _best(torch.stack(estimates), torch.stack(rounding))


def _stencil(orders: Sequence[int]) -> tuple[list[tuple[int, ...]], list[float]]:
    """Offsets in steps, one tuple of d a point of the stencil, and weights; those that are zero are left out."""
    accuracy = {1: 8, 2: 6, 3: 4}.get(sum(order > 0 for order in orders), 2)
    axes: list[list[tuple[int, float]]] = []
    for order in orders:
        line = central_weights(order, accuracy) if order else (1.0,)
        axes.append([(s - len(line) // 2, weight) for s, weight in enumerate(line) if weight])
    choices = list(product(*axes))
    offsets = [tuple(offset for offset, _ in choice) for choice in choices]
    return offsets, [math.prod(weight for _, weight in choice) for choice in choices]


def _best(estimates: Tensor, rounding: Tensor) -> Estimate:
    """The most settled of the estimates (levels, n) and its bound; rounding: of each estimate, at least."""
    change = torch.cat([(estimates[1:] - estimates[:-1]).abs(), rounding[1:]], 1).amax(1)  # (levels - 1,)
    unsettled = change.unfold(0, 2 * WINDOW, 1).amax(1)
    unsettled = torch.where(unsettled.isfinite(), unsettled, float("inf"))
    level = int(unsettled.argmin())
    best, bound = estimates[level + WINDOW], SAFETY * float(unsettled[level])
    away = (estimates[level + WINDOW :] - best).abs()
    noise = NOISE * rounding[level + WINDOW :].amax(1, keepdim=True)
    agreed = bool((away <= bound + noise).all())
    return Estimate(best, bound if agreed else float("inf"))


def differentiate(values: PointFunction, points: Tensor, symbol: Symbol, lengths: Tensor) -> Estimate:
    """The derivative `symbol` by central differences, operators term by term. Arguments as `central_difference`."""
    total, bound = points.new_zeros(len(points)), 0.0
    for part, weight in symbol.expanded().items():
        estimate = central_difference(values, points, part.orders, lengths)
        total = total + weight * estimate.values
        bound += abs(weight) * estimate.bound
    return Estimate(total, bound)


def complex_step(values: PointFunction, points: Tensor, i: int, lengths: Tensor) -> Tensor | None:
    """df/dx_i (n,) as  Im f(x + i h e_i) / h,  exact to rounding (Squire & Trapp 1998, doi:10.1137/S003614459631241X).

    values: takes complex points (n, d). None where it does not, or yields something else than finite complex numbers;
    a function that is not analytic (one with |x|, say) gives wrong numbers, which the caller has to expect.
    """
    step = COMPLEX_STEP * float(lengths[i])
    shift = torch.zeros_like(lengths, dtype=torch.float64)
    shift[i] = step
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # torch warns where an imaginary part is dropped
        try:
            stepped = values(torch.complex(points, shift.expand_as(points)))
        except Exception:  # whatever code for real numbers may raise
            return None
    if not stepped.is_complex() or not bool(stepped.isfinite().all()):
        return None
    return stepped.imag / step


def numerical(
    values: PointFunction, complex_values: PointFunction, points: Tensor, symbol: Symbol, lengths: Tensor
) -> tuple[Estimate, str]:
    """(estimate, method): by complex step for first derivatives of analytic functions, else by differences.

    The complex step counts only where differences confirm it within their bound; its own bound is then rounding, given
    as 0.
    """
    estimate = differentiate(values, points, symbol, lengths)
    if symbol.order == 1:
        exact = complex_step(complex_values, points, symbol.orders.index(1), lengths)
        if exact is not None and float((exact - estimate.values).abs().max()) <= estimate.bound:
            return Estimate(exact, 0.0), "complex step"
    return estimate, "differences"
