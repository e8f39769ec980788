"""Quadrature rules on boxes and their sides."""

import numpy as np

from pinn.domains import Domain
from pinn.errors import UserError


def gauss_legendre(n: int) -> tuple[np.ndarray, np.ndarray]:
    """n nodes in (0, 1) and weights of sum 1, exact for polynomials of degree 2 n - 1."""
    nodes, weights = np.polynomial.legendre.leggauss(n)
    return (nodes + 1) / 2, weights / 2


def tensor_grid(nodes: np.ndarray, weights: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The tensor product of k copies of a rule in [0, 1]: nodes (n^k, k) and weights (n^k,)."""
    if k == 0:
        return np.zeros((1, 0)), np.ones(1)
    grid = np.stack([axis.ravel() for axis in np.meshgrid(*[nodes] * k, indexing="ij")], 1)
    return grid, np.stack(np.meshgrid(*[weights] * k, indexing="ij")).prod(0).ravel()


def rule(space: Domain, sides: tuple[str, ...], count: int) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
    """Some `count` nodes in a domain of space or on each of its sides, their normals and their weights.

    Gauss-Legendre on boxes, exact for polynomials of degree 2 count^(1/k) - 1 in each of k directions.
    Returns (n, d), (n, d) or None in the interior, and (n,), whose sum is the measure.
    """
    if not sides:
        nodes, weights = _grid(count, len(space.coordinates))
        return space.interior(len(nodes), lambda n, k: nodes), None, space.measure * weights
    parts = []
    for side in sides:
        nodes, weights = _grid(count, len(space.coordinates) - 1)
        x, normal = space.boundary(side, len(nodes), lambda n, k, nodes=nodes: nodes)  # type: ignore[misc]
        parts.append((x, normal, space.side_measure(side) * weights))
    x, normal, weights = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return x, normal, weights


def _grid(count: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    return tensor_grid(*gauss_legendre(max(1, round(count ** (1 / max(k, 1))))), k)


def space_of(domain: Domain) -> Domain:
    """The domain's space, without its time; raises UserError where quadrature does not know it."""
    space = domain if domain.time is None else getattr(domain, "space", None)
    if space is None or not space.is_box:
        raise UserError(f"integrals are known over boxes and their sides only, got {type(domain).__name__}")
    return space
