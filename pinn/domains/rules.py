"""Quadrature rules: nodes with weights, of intervals, cubes and simplices, joined and multiplied."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import roots_jacobi, roots_legendre

Nodes = tuple[NDArray[np.float64], NDArray[np.float64]]


@dataclass(frozen=True)
class Rule:
    """Quadrature: points (n, d), weights (n,) that sum to the measure, on a boundary the unit normals (n, d)."""

    points: NDArray[np.float64]
    weights: NDArray[np.float64]
    normals: NDArray[np.float64] | None = None


def gauss_legendre(n: int) -> Nodes:
    """n nodes in (0, 1) and weights of sum 1, exact for polynomials of degree 2 n - 1."""
    nodes, weights = roots_legendre(n)  # numpy's takes ten times as long for 2,000 nodes
    return (nodes + 1) / 2, weights / 2


def grid(*axes: ArrayLike) -> NDArray[np.float64]:
    """The points (n, d) of a grid with these numbers along each of its d >= 1 axes, the last running fastest."""
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(axes))


def tensor_grid(nodes: NDArray[np.float64], weights: NDArray[np.float64], k: int) -> Nodes:
    """The tensor product of k copies of a rule in [0, 1]: nodes (n^k, k) and weights (n^k,)."""
    return (grid(*[nodes] * k), grid(*[weights] * k).prod(axis=1)) if k else (np.zeros((1, 0)), np.ones(1))


def nodes_along(n: float, k: int) -> int:
    """How many nodes along each of k directions are n together, about."""
    return max(1, round(n ** (1 / max(k, 1))))


def simplex_gauss(d: int, q: int) -> Nodes:
    """Barycentric coordinates (q^d, d + 1) and weights of sum 1, all > 0, exact for polynomials of degree 2 q - 1.

    The conical product of Gauss-Jacobi rules (Stroud 1971, Approximate Calculation of Multiple Integrals, ch. 2.4).
    """
    rules = [roots_jacobi(q, d - 1 - i, 0) for i in range(d)]  # of (1 - s)^(d - 1 - i) on [-1, 1]
    u, weights = grid(*[(s + 1) / 2 for s, _ in rules]), grid(*[w for _, w in rules]).prod(axis=1)
    left = np.cumprod(np.concatenate([np.ones((len(u), 1)), 1 - u], axis=1), axis=1)
    return np.concatenate([left[:, :-1] * u, left[:, -1:]], axis=1), weights / weights.sum()


def joined(rules: list[Rule]) -> Rule:
    """Rules of disjoint parts as one."""
    normals = [rule.normals for rule in rules if rule.normals is not None]
    points, weights = (np.concatenate([getattr(rule, name) for rule in rules]) for name in ("points", "weights"))
    return Rule(points, weights, np.concatenate(normals) if normals else None)


def product_rule(first: Rule, second: Rule, columns: NDArray[np.intp]) -> Rule:
    """All pairs of two rules' points, at most one of which has normals; `columns` orders their coordinates."""
    i, j = (index.ravel() for index in np.indices((len(first.points), len(second.points))))
    normals = None
    if first.normals is not None or second.normals is not None:
        pair = [np.zeros_like(rule.points) if rule.normals is None else rule.normals for rule in (first, second)]
        normals = np.concatenate([pair[0][i], pair[1][j]], axis=1)[:, columns]
    points = np.concatenate([first.points[i], second.points[j]], axis=1)[:, columns]
    return Rule(points, first.weights[i] * second.weights[j], normals)
