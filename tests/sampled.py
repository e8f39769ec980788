"""Points at which a problem's truth is checked, and finite differences of it."""

import numpy as np

from pinn.problem import Problem

# Central differences of order 4: derivative -> weights at -3 ... 3 steps, to be divided by the step's power.
CENTRAL = {
    0: np.array([0, 0, 0, 1, 0, 0, 0]),
    1: np.array([0, 1, -8, 0, 8, -1, 0]) / 12,
    2: np.array([0, -1, 16, -30, 16, -1, 0]) / 12,
    3: np.array([1, -8, 13, 0, -13, 8, -1]) / 8,
}


def uniform_points(problem: Problem, n: int = 400) -> np.ndarray:
    """n random points of the problem's domain, shape (n, d)."""
    return problem.domain.interior(n, lambda n, k: np.random.default_rng(0).random((n, k)))


def differences(function, x: np.ndarray, h: float, orders: tuple[int, ...]) -> list[np.ndarray]:
    """Derivatives of `function` at x (n,) by central differences with step h; the error is of order h^4."""
    values = np.stack([function(x + k * h) for k in range(-3, 4)])
    return [CENTRAL[order] @ values / h**order for order in orders]
