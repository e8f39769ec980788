"""Classical methods of `peers.py`: collocation and finite elements."""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from peer_cases import NODES, Case, Predict, Watch


def chebyshev_matrix(n: int, low: float, high: float) -> tuple[NDArray, NDArray]:
    """Nodes (n + 1,) that fall and the matrix of the derivative (Trefethen 2000, doi:10.1137/1.9780898719598)."""
    x = np.cos(math.pi * np.arange(n + 1) / n)
    c = np.r_[2.0, np.ones(n - 1), 2.0] * (-1.0) ** np.arange(n + 1)
    matrix = np.outer(c, 1 / c) / (x[:, None] - x[None, :] + np.eye(n + 1))
    matrix -= np.diag(matrix.sum(1))
    return low + (high - low) * (x + 1) / 2, matrix * 2 / (high - low)


def chebyshev(case: Case, n: int) -> Predict:
    """Collocation at n + 1 points of each axis of space; in time by BDF of variable order."""
    from scipy.integrate import solve_ivp
    from scipy.interpolate import BarycentricInterpolator

    x, d = chebyshev_matrix(n, case.low[0], case.high[0])
    if case.start:

        def rate(t, inner):
            u = np.r_[0.0, inner, 0.0]
            return -case.residual(u, d @ u, 0.0, d @ (d @ u), 0.0, x, t, np.sin)[1:-1]

        span, at = (case.low[1], case.high[1]), np.linspace(case.low[1], case.high[1], NODES)
        inner = solve_ivp(rate, span, case.start(x, np.sin)[1:-1], "BDF", at, rtol=1e-10, atol=1e-12).y
        values = np.pad(inner, ((1, 1), (0, 0)))  # (x, t)
        return lambda points: BarycentricInterpolator(x, values)(np.unique(points[:, 0])).ravel()
    y, e = chebyshev_matrix(n, case.low[1], case.high[1])
    one = np.eye(n + 1)
    by_x, by_y, all_x, all_y = np.kron(d, one), np.kron(one, e), np.repeat(x, n + 1), np.tile(y, n + 1)
    inside = np.kron(np.r_[0, np.ones(n - 1), 0], np.r_[0, np.ones(n - 1), 0]) > 0

    def residual(u):
        at = (all_x[:, None], all_y[:, None])
        return case.residual(u, by_x @ u, by_y @ u, by_x @ (by_x @ u), by_y @ (by_y @ u), *at, np.sin)

    constant = residual(np.zeros((len(all_x), 1)))
    linear = residual(np.eye(len(all_x))) - constant  # of a linear equation
    u = np.zeros(len(all_x))
    u[inside] = np.linalg.solve(linear[np.ix_(inside, inside)], -constant[inside, 0])
    values = u.reshape(n + 1, n + 1)

    def predict(points):
        along_x = BarycentricInterpolator(x, values)(np.unique(points[:, 0]))
        return BarycentricInterpolator(y, along_x.T)(np.unique(points[:, 1])).T.ravel()

    return predict


def elements(case: Case, refinements: int) -> Predict:
    """Poisson's equation by scikit-fem's quadratic triangles."""
    from skfem import Basis, BilinearForm, ElementTriP2, LinearForm, MeshTri, condense, solve
    from skfem.helpers import dot, grad

    if case.start:
        raise NotImplementedError("elements are for equations without time here")
    basis = Basis(MeshTri().refined(refinements), ElementTriP2())
    stiffness = BilinearForm(lambda u, v, _: dot(grad(u), grad(v))).assemble(basis)
    load = LinearForm(lambda v, w: case.residual(0, 0, 0, 0, 0, *w.x, np.sin) * v).assemble(basis)
    u = solve(*condense(stiffness, load, D=basis.get_dofs()))
    return lambda points: basis.probes(points.T) @ u


def finest(
    method: Callable[[Case, int], Predict], sizes: list[int], case: Case, budget: float
) -> tuple[Predict, float]:
    """The finest resolution that fits into the budget, and its seconds; of the next four times as many are expected."""
    found: tuple[Predict, float] | None = None
    for size in sizes:
        watch = Watch()
        made = method(case, size)
        if watch.seconds > budget and found is not None:
            break
        found = made, watch.seconds
        if 4 * watch.seconds > budget:
            break
    assert found is not None
    return found
