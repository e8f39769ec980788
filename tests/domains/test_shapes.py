"""Every shape and combination against closed forms: measures, points, normals, uniformity, the divergence theorem."""

from itertools import product
from math import factorial, prod

import numpy as np
import pytest
import torch
from scipy.special import ellipe
from scipy.stats import chi2
from scipy.stats.qmc import Sobol
from shapes import KNOWN, domain, uniform

from pinn.domains import StarShaped
from pinn.domains.cells import simplex_measures
from pinn.domains.rules import simplex_gauss

SOLID = [name for name, known in KNOWN.items() if len(known.make().coordinates) > 1]
MESHED = [name for name in KNOWN if domain(name).coordinates == domain(name).space_coordinates != ()]
MESHED = [name for name in MESHED if len(domain(name).coordinates) <= 3]


def space(name: str) -> list[int]:
    shape = domain(name)
    return [shape.coordinates.index(c) for c in shape.space_coordinates]


def sobol(shape, log_n: int) -> np.ndarray:
    """2^log_n points of the bounding box (n, d)."""
    lower, upper = np.array(list(shape.bounds.values())).T
    return lower + (upper - lower) * Sobol(len(lower), rng=np.random.default_rng(5)).random_base2(log_n)


@pytest.mark.parametrize("name", KNOWN)
def test_measures(name):
    """To rounding in closed form, 1e-7 for lengths and areas of combinations in the plane, else the stated bound."""
    shape, known = domain(name), KNOWN[name]
    assert shape.measure == pytest.approx(known.measure, rel=1e-7, abs=shape.measure_error)
    assert shape.measure_error < 5e-3 * known.measure
    assert set(shape.sides) == set(known.sides)
    for side, measure in known.sides.items():
        found = shape.side_extent(side)
        assert found.value == pytest.approx(measure, rel=1e-7, abs=found.error), side
        assert found.error < 5e-3 * measure


@pytest.mark.parametrize("name", KNOWN)
def test_an_independent_count_of_the_volume(name):
    """The share of a box's Sobol points that `contains` accepts; off by 1 % would be ten times its error."""
    shape = domain(name)
    volume = np.prod([upper - lower for lower, upper in shape.bounds.values()])
    assert volume * shape.contains(sobol(shape, 16)).mean() == pytest.approx(KNOWN[name].measure, rel=1e-2)


@pytest.mark.parametrize("name", KNOWN)
def test_interior_points_are_inside(name):
    shape = domain(name)
    x = shape.interior(2000, uniform(0))
    assert x.shape == (2000, len(shape.coordinates))
    assert shape.contains(x).all()
    assert (shape.distance(x) < 1e-10).all()
    lower, upper = np.array(list(shape.bounds.values())).T
    assert ((x >= lower) & (x <= upper)).all()


@pytest.mark.parametrize("name", KNOWN)
def test_boundary_points_and_their_normals(name):
    """On the boundary to 1e-10, normals of length 1; a step along them leaves the domain, one back enters it."""
    shape, step = domain(name), 1e-6
    for side in shape.sides:
        x, normal = shape.boundary(side, 500, uniform(1))
        assert x.shape == normal.shape == (500, len(shape.coordinates))
        np.testing.assert_allclose(np.linalg.norm(normal, axis=1), 1, atol=1e-12)
        if side.rpartition(".")[0] != shape.time:
            assert np.abs(shape.distance(x)).max() < 1e-10
            assert (normal[:, [i for i in range(x.shape[1]) if i not in space(name)]] == 0).all()
        # a point nearer to a corner than the step goes wrong: one of 1,000 by chance is allowed
        assert shape.contains(x - step * normal).mean() > 0.999 - 1e-9
        assert (~shape.contains(x + step * normal)).mean() > 0.999 - 1e-9


def imbalance(name, inside, rules) -> float:
    """|volume integral - flux| of F_i = x_i^2 (1 + x_(i+1)) in space, relative to the integral of |div F|."""
    shape, columns = domain(name), space(name)

    def after(x, i):
        return 1 + x[:, columns[(columns.index(i) + 1) % len(columns)]] * (len(columns) > 1)

    sources = sum(2 * inside.points[:, i] * after(inside.points, i) for i in columns)
    volume, size = inside.weights @ sources, inside.weights @ np.abs(sources)
    flux = 0.0
    for side, rule in zip(shape.sides, rules, strict=True):
        # estimates of measures in moving domains and in space are good to 4e-4
        assert rule.weights.sum() == pytest.approx(shape.side_measure(side), rel=1e-3)
        field = np.stack([rule.points[:, i] ** 2 * after(rule.points, i) for i in columns], axis=1)
        flux += rule.weights @ np.sum(field * rule.normals[:, columns], axis=1)
    return abs(volume - flux) / size


@pytest.mark.parametrize("name", KNOWN)
def test_divergence_theorem(name):
    """At every time and parameter; the rules have 2^14 Sobol points."""
    shape = domain(name)
    rules = [shape.boundary_rule(side, 2**14) for side in shape.sides]
    # quasi-Monte Carlo leaves 1e-4 of the size or so, the measures of combinations in space up to 2e-3
    assert imbalance(name, shape.interior_rule(2**14), rules) < 5e-3


SOBOL = {"simplex", "two balls", "spindle", "bitten ball", "solid", "turned solid", "solid with a ball taken out"}
COARSE = {"cloud in space", "crescent", "crescent in time", "square with holes"}  # Sobol sides, curved edges of cells


@pytest.mark.parametrize("name", KNOWN)
def test_divergence_theorem_by_quadrature(name):
    """With about 1,000 nodes: weights > 0 of the right sum, nodes inside, Gauss rules far better than Sobol points."""
    shape = domain(name)
    inside = shape.quadrature(1000)
    assert 500 < len(inside.points) < 3500
    assert inside.weights.min() > 0
    # closed forms against sums: rounding; the measures of combinations in space are estimates
    assert inside.weights.sum() == pytest.approx(KNOWN[name].measure, rel=1e-3)
    assert shape.contains(inside.points).mean() > 0.99
    difference = imbalance(name, inside, [shape.side_quadrature(side, 1000) for side in shape.sides])
    if name in SOBOL | COARSE:
        assert difference < 5e-2
    else:  # the star's r(angle)^4 is the slowest to converge, 4e-4; most are at rounding
        assert difference < 5e-4


def test_quadrature_converges_to_second_order_on_meshes():
    """The integral of exp(x) over the crescent: its error falls at least as the edge squared, as 1 / n."""
    shape = domain("crescent")
    values = [float(r.weights @ np.exp(r.points[:, 0])) for r in (shape.quadrature(n) for n in (400, 6400, 102_400))]
    assert abs(values[1] - values[2]) < abs(values[0] - values[2]) / 8  # 16 asymptotically


def test_simplex_gauss_is_exact_for_cubics():
    """On the unit simplex the integral of x^a y^b z^c is a! b! c! / (a + b + c + d)!."""
    for d in (1, 2, 3):
        barycentric, weights = simplex_gauss(d, 2)
        assert weights.min() > 0
        for powers in product(range(4), repeat=d):
            if sum(powers) <= 3:
                exact = factorial(d) * prod(map(factorial, powers)) / factorial(sum(powers) + d)
                found = weights @ np.prod(barycentric[:, :d] ** powers, axis=1)
                assert found == pytest.approx(exact, rel=1e-13)


@pytest.mark.parametrize("name", SOLID)
def test_interior_points_are_uniform(name):
    """Chi-squared over the cells of a grid, whose volumes are counted by `contains` alone."""
    shape = domain(name)
    box, cells = sobol(shape, 15), 5 if len(shape.coordinates) == 2 else 3
    expected = counts(box[shape.contains(box)], shape, cells)
    check_uniform(counts(shape.interior(4000, uniform(2)), shape, cells), expected)


@pytest.mark.parametrize("name", [name for name, known in KNOWN.items() if known.smooth])
def test_points_of_curved_boundaries_are_uniform(name):
    """Chi-squared over cells; their shares of the boundary are those of a thin layer about it, by the distance."""
    shape = domain(name)
    lower, upper = np.array(list(shape.bounds.values())).T
    layer, size = sobol(shape, 15), (upper - lower).max()
    layer = 1.03 * (layer - (lower + upper) / 2) + (lower + upper) / 2  # which reaches beyond the box
    layer = layer[np.abs(shape.distance(layer)) < 0.01 * size]
    shares = {side: shape.side_measure(side) for side in shape.sides}
    points = [
        shape.boundary(side, round(3000 * share / sum(shares.values())), uniform(3))[0]
        for side, share in shares.items()
    ]
    check_uniform(counts(np.concatenate(points), shape, 4), counts(layer, shape, 4))


def counts(x, shape, cells: int) -> np.ndarray:
    """How many points lie in each of cells^d parts of the bounding box; those beyond it in the outermost."""
    lower, upper = np.array(list(shape.bounds.values())).T
    index = np.clip(((x - lower) / (upper - lower) * cells).astype(int), 0, cells - 1)
    flat = np.ravel_multi_index(index.T, (cells,) * x.shape[1])
    return np.bincount(flat, minlength=cells ** x.shape[1])


def check_uniform(found: np.ndarray, reference: np.ndarray) -> None:
    """Two histograms of one distribution: a statistic beyond the 1e-5 quantile is no chance."""
    enough = reference * found.sum() / reference.sum() >= 5
    found, reference = (np.append(h[enough], h[~enough].sum()) for h in (found, reference))
    share = found.sum() / reference.sum()
    # the reference is a count, too: its variance adds to that of the points
    terms = (found - share * reference) ** 2 / np.maximum(share * reference * (1 + share), 1e-9)
    assert terms.sum() < chi2.isf(1e-5, len(found) - 1)


def test_uniformity_is_tested():
    """The test above does notice points that are uniform in the angle instead of along an ellipse."""
    shape = domain("ellipse")
    angle = 2 * np.pi * np.random.default_rng(0).random(3000)
    wrong = shape.center + shape.half_axes * np.column_stack([np.cos(angle), np.sin(angle)])
    right = shape.boundary("ellipse", 100_000, uniform(4))[0]
    with pytest.raises(AssertionError):
        check_uniform(counts(wrong, shape, 4), counts(right, shape, 4))


def test_length_of_the_star():
    angle = 2 * np.pi * np.arange(2000) / 2000
    radius, slope = 1 + 0.3 * np.cos(3 * angle), -0.9 * np.sin(3 * angle)
    length = 2 * np.pi * np.hypot(radius, slope).mean()
    assert KNOWN["star"].sides["star"] == pytest.approx(length, rel=1e-13)


def test_length_of_the_wave():
    slope = 0.6 * np.pi
    exact = 2 / np.pi * np.sqrt(1 + slope**2) * ellipe(slope**2 / (1 + slope**2))
    assert KNOWN["wavy square"].sides["b.min"] == pytest.approx(exact, rel=1e-13)


@pytest.mark.parametrize("name", ["ellipse", "star", "curve", "turned ellipse"])
def test_distance_to_a_curve_is_the_smallest(name):
    """Against 100,000 points of the curve, h < 1e-4 apart: what these find is too large by h^2 / 8 a distance or so."""
    shape = domain(name)
    (side,) = shape.sides
    dense = shape.boundary(side, 100_000, lambda n, k: (np.arange(n)[:, None] + 0.5) / n)[0]
    x = sobol(shape, 7)
    smallest = np.array([np.linalg.norm(dense - point, axis=1).min() for point in x])
    excess = (smallest - np.abs(shape.distance(x))) * np.maximum(smallest, 1e-3)
    assert excess.min() > -1e-13
    assert excess.max() < 1e-8


@pytest.mark.parametrize("name", ["L", "lens", "two discs", "crescent", "bitten ball", "square with holes"])
def test_distance_of_a_combination_never_exceeds_the_true_one(name):
    shape = domain(name)
    dense = np.concatenate([shape.boundary(side, 2000, uniform(5))[0] for side in shape.sides])
    x = sobol(shape, 7)
    smallest = np.array([np.linalg.norm(dense - point, axis=1).min() for point in x])
    assert (np.abs(shape.distance(x)) <= smallest + 1e-12).all()
    inside = shape.contains(x)
    assert (shape.distance(x)[inside] <= 0).all()
    assert (shape.distance(x)[~inside] >= 0).all()


@pytest.mark.parametrize("name", MESHED)
def test_the_mesh_converges_to_the_domain(name):
    """To second order in the edge; all cells inside, none flat, none twice."""
    shape, measure = domain(name), KNOWN[name].measure
    resolution = 24 if len(shape.coordinates) < 3 else 10
    errors = []
    for count in (resolution // 2, resolution):
        nodes, cells = shape.mesh(count)
        volumes = simplex_measures(nodes[cells])
        assert (volumes > 0).all()
        assert len(np.unique(np.sort(cells, axis=1), axis=0)) == len(cells)
        assert shape.contains(nodes[cells].mean(axis=1)).all()
        assert set(cells.ravel()) == set(range(len(nodes)))
        errors.append(abs(volumes.sum() - measure) / measure)
    assert errors[1] < max(0.5 * errors[0], 1e-3)
    assert errors[1] < (0.01 if len(shape.coordinates) < 3 else 0.04)


def test_a_star_may_be_off_its_center():
    """A circle about (0.5, 0) seen from the origin: r = cos(a) / 2 + sqrt(1 - sin(a)^2 / 4)."""
    shape = StarShaped(lambda a: 0.5 * torch.cos(a) + torch.sqrt(1 - 0.25 * torch.sin(a) ** 2))
    x = sobol(shape, 8)
    np.testing.assert_allclose(shape.distance(x), np.hypot(x[:, 0] - 0.5, x[:, 1]) - 1, atol=1e-12)
    assert shape.measure == pytest.approx(np.pi, rel=1e-12)
