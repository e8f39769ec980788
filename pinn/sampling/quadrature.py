"""Quadrature rules on boxes and their sides."""

import numpy as np

from pinn.domains import Box, Domain, Rule
from pinn.errors import require


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


def rule(space: Domain, sides: tuple[str, ...], count: int) -> Rule:
    """Some `count` nodes in a domain of space, or on each of its sides.

    On boxes Gauss-Legendre, exact for polynomials of degree 2 count^(1/k) - 1 in each of k directions; elsewhere
    quasi-Monte Carlo.
    """
    if not sides:
        return _box_rule(space, None, count) if space.is_box else space.interior_rule(count)
    parts = [_box_rule(space, s, count) if space.is_box else space.boundary_rule(s, count) for s in sides]
    return Rule(
        np.concatenate([part.points for part in parts]),
        np.concatenate([part.weights for part in parts]),
        np.concatenate([part.normals for part in parts if part.normals is not None]),
    )


def _box_rule(box: Domain, side: str | None, count: int) -> Rule:
    k = len(box.coordinates) - (side is not None)
    nodes, weights = tensor_grid(*gauss_legendre(max(1, round(count ** (1 / max(k, 1))))), k)
    if side is None:
        return Rule(box.interior(len(nodes), lambda n, k: nodes), box.measure * weights)
    x, normal = box.boundary(side, len(nodes), lambda n, k: nodes)
    return Rule(x, box.side_measure(side) * weights, normal)


def space_at(domain: Domain, time: float | None) -> Domain:
    """The domain's space at an instant; raises UserError where it depends on parameters."""
    if domain.is_box:
        return Box(**{name: domain.bounds[name] for name in domain.space_coordinates})
    parameters = ", ".join(domain.parameters)
    require(not parameters, f"integrals over domains with parameters ({parameters}) are known for boxes only")
    return domain if time is None else domain.at(time)
