"""Quadrature in many dimensions: no more nodes than were asked for, the measure kept; balances where they are good."""

import numpy as np
import pytest

from pinn.domains import Ball, Box, Time
from pinn.domains.quadrature import resolves
from pinn.functionals.divergence import divergences
from pinn.problems import Heat, Heat10D, Poisson5D, Poisson10D
from pinn.scaling.measuring import measure_sizes

NODES = 2000


@pytest.mark.parametrize("dimension", [4, 10, 20, 60])
def test_nodes_are_bounded_and_weights_sum_to_the_measure(dimension):
    """Gauss rules of two nodes an axis would be 2^d; rounding of a sum of 2,000 weights."""
    for domain in (Ball([0.0] * dimension), Box(**{f"x{i}": (0, 2) for i in range(dimension)})):
        for rule, measure in (
            (domain.quadrature(NODES), domain.measure),
            (domain.side_quadrature(domain.sides[0], NODES), domain.side_measure(domain.sides[0])),
        ):
            assert len(rule.points) <= 3 * NODES  # five to the fifth in four dimensions
            assert rule.weights.sum() == pytest.approx(measure, rel=1e-12)


def test_moments_by_points_of_equal_weights():
    """The mean of |x|^2 is d / 3 in [0, 1]^d; Sobol's 2,000 points are good to 1 %."""
    d = 20
    rule = Box(**{f"x{i}": (0, 1) for i in range(d)}).quadrature(NODES)
    assert np.sum(rule.weights * (rule.points**2).sum(1)) == pytest.approx(d / 3, rel=0.01)


def test_where_integrals_are_good():
    assert resolves(Heat().domain, 8000)
    assert resolves(Poisson5D().domain, 8000)
    assert not resolves(Ball([0.0] * 10) * Time(t=(0, 1)), 8000)
    assert not resolves(Box(**{f"x{i}": (0, 1) for i in range(10)}), 8000)


@pytest.mark.parametrize(("problem", "known"), [(Poisson5D(), True), (Poisson10D(), False), (Heat10D(), False)])
def test_balances_by_themselves(problem, known):
    assert bool(divergences(problem.terms(), problem.domain, problem.vocabulary)) == known


def test_sizes_are_measured_along_some_of_many_coordinates(monkeypatch):
    """Evaluations of the residuals grow with the coordinates by the differences of the source alone, one each."""
    from pinn.scaling.waves import Probe

    counted = []
    rows = Probe._rows
    monkeypatch.setattr(Probe, "_rows", lambda self, *given: counted.append(1) or rows(self, *given))
    calls = []
    for dimension in (10, 40):
        counted.clear()
        measure_sizes(Poisson10D(dimension))
        calls.append(len(counted))
    assert calls[1] - calls[0] <= 40
