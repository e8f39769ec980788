"""Polynomials of one coordinate that blend data from its ends, and factors that vanish there."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from pinn.derivatives.jets import Operand

# A functional of a function on [0, 1]: its value (order 0) or derivative (order 1) at the end 0.0 or 1.0.
Functional = tuple[float, int]


@dataclass(frozen=True)
class Polynomial:
    """sum_k c_k s^k."""

    coefficients: tuple[float, ...]

    def __call__(self, s: Operand) -> Operand:
        """Its values at s; a number where it is constant."""
        total: Operand = self.coefficients[-1]
        for coefficient in self.coefficients[-2::-1]:
            total = total * s if coefficient == 0.0 else total * s + coefficient
        return total


@cache
def blending(functionals: tuple[Functional, ...]) -> tuple[Polynomial, ...]:
    """phi_j of lowest degree with L_i phi_j = delta_ij, for the functionals L_i."""
    m = len(functionals)
    for degree in range(m - 1, 2 * m + 1):
        powers = np.arange(degree + 1)
        matrix = np.array([_on_powers(functional, powers) for functional in functionals])
        if np.linalg.matrix_rank(matrix) == m:
            columns = np.round(np.linalg.pinv(matrix), 14).T  # exact fractions, which polynomials of this size have
            return tuple(Polynomial(_trimmed(column)) for column in columns)
    raise ValueError(f"no polynomials for {functionals}")  # the functionals are independent: cannot happen


def _on_powers(functional: Functional, powers: np.ndarray) -> np.ndarray:
    """The functional of s^k for each power k."""
    at, order = functional
    if order == 0:
        return at**powers
    return np.where(powers > 0, powers * at ** np.maximum(powers - 1, 0), 0.0)


def _trimmed(coefficients: np.ndarray) -> tuple[float, ...]:
    last = int(np.flatnonzero(coefficients).max(initial=0))
    return tuple(float(c) for c in coefficients[: last + 1])


def vanishing(functionals: Sequence[Functional]) -> Polynomial:
    """A polynomial b with largest value 1 on [0, 1], > 0 inside, such that all L_i (b N) = 0 for every smooth N.

    An end with a derivative alone leaves b' = 0 there: N itself is to have no derivative (see `Embedding`).
    """
    total = np.polynomial.Polynomial([1.0])
    for at in (0.0, 1.0):
        orders = {order for place, order in functionals if place == at}
        other = {order for place, order in functionals if place == 1.0 - at}
        factor = np.polynomial.Polynomial([0.0, 1.0] if at == 0.0 else [1.0, -1.0])  # s or 1 - s
        if other == {1}:
            factor = factor * (2 - factor)  # without slope at the other end
        total = total * factor ** (max(orders) + 1 if 0 in orders else 0)
    peak = float(np.max(total(np.linspace(0, 1, 1025))))
    return Polynomial(_trimmed(np.asarray((total / peak).coef)))
