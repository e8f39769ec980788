"""Quadrature of smooth functions on domains and their sides: Gauss rules of charts, of curves and of a mesh's cells."""

import numpy as np
from numpy.typing import NDArray

from pinn.domains.base import Domain
from pinn.domains.cells import simplex_measures
from pinn.domains.charts import Chart, Placed
from pinn.domains.rules import Rule, gauss_legendre, joined, nodes_along, simplex_gauss, tensor_grid

LEAST = 3  # nodes along each direction: a tensor rule of fewer is no better than points of equal weights, and 2^k many
RESOLVED = 4  # nodes along each direction, of a rule whose error is small beside that of a solution
IN_CELL = 2  # nodes along each direction of a mesh's cell: exact for cubic polynomials
COVERED = 1e-9  # of the measure that a mesh in space may miss: edges that it cuts off cost more than Sobol points do


def interior_quadrature(domain: Domain, n: int) -> Rule:
    """About n nodes inside: Gauss-Legendre where the interior is the smooth image of a cube, else of a mesh's cells.

    Sobol points of equal weights in so many dimensions that few nodes are left along each. Of a domain with time at
    Gauss-Legendre instants. Raises UserError where neither is to be had: for more than three
    dimensions of space, and for a combination of domains with parameters.
    """
    chart = domain.interior_chart
    if _needs_points(chart, n, len(domain.space_coordinates)):
        return domain.interior_rule(n)
    if chart.smooth:
        return _of_chart(chart, n)
    return mesh_rule(domain, n) if domain.time is None else _over_time(domain, None, n)


def side_quadrature(domain: Domain, side: str, n: int) -> Rule:
    """About n nodes on a side: Gauss-Legendre where it is a curve, piece by piece, or the smooth image of a cube.

    Else, on surfaces that are made of parts or of many dimensions, Sobol points of equal weights. Raises UserError for
    an unknown side.
    """
    chart = domain.side_chart(domain.checked_side(side))
    if _needs_points(chart, n, len(domain.space_coordinates)):
        return domain.boundary_rule(side, n)
    if chart.smooth or (chart.k <= 1 and not chart.rejects):
        return _of_chart(chart, n)
    if domain.time is None:
        return domain.boundary_rule(side, n)
    return _over_time(domain, side, n)


def resolves(domain: Domain, n: int) -> bool:
    """Whether the integrals of smooth functions over a domain's space and its sides are good to many digits.

    Up to three dimensions, and in boxes of as many as leave several nodes along each.
    """
    d = len(domain.space_coordinates)
    return d <= 3 or (domain.is_box and nodes_along(n, d) >= RESOLVED)


def _needs_points(chart: Chart, n: int, d: int) -> bool:
    """Whether a domain of d dimensions of space, or a side of it, has neither a good tensor rule nor a mesh."""
    return d > 3 and not chart.rejects and not (chart.smooth and nodes_along(n, chart.k) >= LEAST)


def _of_chart(chart: Chart, n: int) -> Rule:
    """The tensor rule on the chart's cube; along a curve one on each smooth piece."""
    if chart.k == 1:
        return _of_curve(chart, n)
    nodes, weights = tensor_grid(*gauss_legendre(nodes_along(n, chart.k)), chart.k)
    return _rule(chart.place(nodes), chart.measure * weights)


def _of_curve(chart: Chart, n: int) -> Rule:
    starts, lengths = np.array(chart.breaks[:-1]), np.diff(chart.breaks)
    nodes, weights = gauss_legendre(max(1, round(n / len(starts))))
    u = (starts[:, None] + lengths[:, None] * nodes).reshape(-1, 1)
    return _rule(chart.place(u), chart.measure * (lengths[:, None] * weights).ravel())


def _rule(placed: Placed, weights: NDArray[np.float64]) -> Rule:
    return Rule(placed.x, weights, placed.normal)


def mesh_rule(domain: Domain, n: int) -> Rule:
    """About n nodes: a Gauss rule in each cell of a mesh, exact for cubic polynomials in the cell.

    Curved boundaries are met to second order in the cells' edge; the weights' sum is the measure all the same. In
    three dimensions Sobol points of equal weights where the mesh is not the whole domain.
    """
    d = len(domain.coordinates)
    longest = max(upper - lower for lower, upper in domain.bounds.values())
    resolution = longest * (n / (IN_CELL**d * domain.measure)) ** (1 / d)  # as if cells were cubes
    for _ in range(2):
        nodes, cells = domain.mesh(max(1, round(resolution)))
        resolution *= (n / (IN_CELL**d * len(cells))) ** (1 / d)
    rule = _in_each(nodes[cells], IN_CELL)
    if d == 3 and abs(rule.weights.sum() - domain.measure) > COVERED * domain.measure:
        return domain.interior_rule(n)
    inside = domain.contains(rule.points)  # cells along a hole's curved edge reach a little into the hole
    x, weight = rule.points[inside], rule.weights[inside]
    return Rule(x, weight * (domain.measure / weight.sum()))


def cells_rule(cells: NDArray[np.float64], normals: NDArray[np.float64] | None = None, *, n: int) -> Rule:
    """About n nodes: a Gauss rule in each of the simplices (c, m + 1, d), one node at least; their normals (c, d)."""
    return _in_each(cells, nodes_along(n / len(cells), cells.shape[1] - 1), normals)


def _in_each(cells: NDArray[np.float64], q: int, normals: NDArray[np.float64] | None = None) -> Rule:
    """The Gauss rule of q^m nodes in each of the simplices (c, m + 1, d)."""
    barycentric, weights = simplex_gauss(cells.shape[1] - 1, q)
    x = np.einsum("qv,cvd->cqd", barycentric, cells).reshape(-1, cells.shape[2])
    repeated = None if normals is None else np.repeat(normals, len(weights), axis=0)
    return Rule(x, np.outer(simplex_measures(cells), weights).ravel(), repeated)


def _over_time(domain: Domain, side: str | None, n: int) -> Rule:
    """The rule of the interior or a side of space at Gauss-Legendre instants."""
    assert domain.time is not None
    start, end = domain.bounds[domain.time]
    ends = {f"{domain.time}.min": start, f"{domain.time}.max": end}
    if side in ends:
        sign = 1.0 if ends[side] == end else -1.0
        space = domain.at(ends[side]).quadrature(n)
        normals = np.zeros((len(space.points), len(domain.coordinates)))
        normals[:, -1] = sign
        return Rule(_at(space.points, ends[side]), space.weights, normals)
    d = len(domain.coordinates) - (side is not None)
    nodes, weights = gauss_legendre(nodes_along(n, d))
    per_instant = max(1, round(n / len(nodes)))
    rules = []
    for s, weight in zip(nodes, (end - start) * weights, strict=True):
        t = start + (end - start) * s
        of_space = domain.at(t)
        rule = of_space.quadrature(per_instant) if side is None else of_space.side_quadrature(side, per_instant)
        outward = None if rule.normals is None else _at(rule.normals, 0.0)
        rules.append(Rule(_at(rule.points, t), weight * rule.weights, outward))
    return joined(rules)


def _at(columns: NDArray[np.float64], value: float) -> NDArray[np.float64]:
    return np.column_stack([columns, np.full(len(columns), value)])
