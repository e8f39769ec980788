"""The ratio-targeted trust region's rule. Its reductions: test_oracle.py."""

import math

import pytest
import torch
from least_squares import PROBLEMS, LeastSquaresProblem, run

from pinn.basis.errors import UserError
from pinn.optimizers.linearization import Choice, linearize
from pinn.optimizers.trust_region import SHORTEST, SPAN, TrustRegion, clipped_ratio, crossing, is_rising


def ratios(problem, radii):
    """Of the steps so long from the problem's start, the least so far."""
    model = linearize(problem, problem.start, Choice("eigen", True, ""))
    least, found = 1.0, []
    for step in model.steps(radii, 1e-30):
        least = min(least, (model.loss - problem.loss(problem.start + step.delta)) / step.predicted)
        found.append(least)
    return torch.tensor(found, dtype=torch.float64)


@pytest.mark.parametrize("solver", ["eigen", "orthogonal", "cholesky", "conjugate_gradients"])
@pytest.mark.parametrize(("name", "target"), [("rosenbrock", 0.15), ("stiff_fit", 0.95)])
def test_the_next_radius_is_the_largest_that_reaches_the_target(name, target, solver):
    problem = PROBLEMS[name]()
    radii = torch.logspace(-3, 2, 4000, dtype=torch.float64)
    largest = float(radii[ratios(problem, radii) >= target][-1])
    optimizer = TrustRegion(target=target, radius=1.3 * largest, solver=solver)
    _, state, report = optimizer.step(problem.start, optimizer.init(problem.start), problem)
    # cubics between 16 radii, of which the next is a seventh larger; by solves lengths are known to a tenth
    close = 0.25 if solver in ("cholesky", "conjugate_gradients") else 0.02
    assert state["radius"] == pytest.approx(largest, rel=close)
    assert report["accepted"]


def test_where_all_radii_reach_the_target_it_grows_and_where_none_does_it_shrinks():
    problem = PROBLEMS["rosenbrock"]()
    for radius, factor in ((1e-3, SPAN), (1e3, 1.0 / SPAN)):
        optimizer = TrustRegion(radius=radius, target=0.9)
        _, state, _ = optimizer.step(problem.start, optimizer.init(problem.start), problem)
        expected = factor * radius
        if factor < 1:  # the whole step is shorter
            assert state["radius"] <= expected * (1 + 1e-12)
        else:
            assert state["radius"] == pytest.approx(expected, rel=1e-12)


def test_larger_radii_are_not_evaluated_once_two_have_failed():
    problem, calls = PROBLEMS["rosenbrock"](), []

    class Counting(LeastSquaresProblem):
        def loss(self, theta):
            calls.append(theta)
            return super().loss(theta)

    counting = Counting(problem.residual, problem.start)
    optimizer = TrustRegion(radius=100.0, target=0.99)
    theta, _, _ = optimizer.step(problem.start, optimizer.init(problem.start), counting)
    assert len(calls) == 2
    assert torch.equal(theta, problem.start) or problem.loss(theta) < problem.loss(problem.start)


def test_the_loss_never_rises_and_the_end_is_told():
    problem, optimizer = PROBLEMS["rosenbrock"](), TrustRegion()
    theta, state, losses = problem.start, optimizer.init(problem.start), []
    for _ in range(80):
        theta, state, report = optimizer.step(theta, state, problem)
        losses.append(report["loss"])
        if report["settled"]:
            break
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 1e-25  # zero residual: rounding
    assert state["radius"] < SHORTEST


def test_the_target_rises_with_the_damping_and_new_points_begin_anew_before_that():
    problem, optimizer = PROBLEMS["rosenbrock"](), TrustRegion()
    begun = optimizer.init(problem.start)
    falling, rising = [-0.1 * k for k in range(25)], [0.1 * k for k in range(25)]
    for dampings, count, late in ((rising, 59, True), (rising, 20, False), (falling, 200, False)):
        _, state, _ = optimizer.step(problem.start, begun | {"dampings": dampings, "count": count}, problem)
        assert state["late"] is late
        redrawn, more = optimizer.redrawn(state)
        assert more is late
        assert redrawn["radius"] == state["radius"]
        assert redrawn["count"] == (state["count"] if late else 0)


def test_dampings_below_rounding_are_solved_for_without_squaring(caplog):
    """A linear fit with singular values from 1 to 1e-11, whose whole step is 1e9 long."""
    scales = torch.logspace(0, -11, 6, dtype=torch.float64)
    target = torch.cat([torch.ones(5, dtype=torch.float64), torch.full((1,), 1e-2, dtype=torch.float64)])
    problem = LeastSquaresProblem(lambda theta: scales * theta - target, torch.zeros(6, dtype=torch.float64))
    optimizer = TrustRegion(radius=1e8)
    with caplog.at_level("INFO", logger="pinn"):
        theta, state = problem.start, optimizer.init(problem.start)
        for _ in range(60):
            theta, state, report = optimizer.step(theta, state, problem)
    assert "linear solver: eigen" in caplog.text
    assert "linear solver: orthogonal (6 parameters, 6 rows; the damping is below rounding" in caplog.text
    # the smallest singular value of the product is 1e-22 of the largest: lost in it, and not in J
    assert report["loss"] < 1e-12 < run(TrustRegion(radius=1e8, solver="eigen"), problem, 60)[2]["loss"]


@pytest.mark.parametrize(("actual", "predicted", "ratio"), [(1, 2, 0.5), (5, 2, 1), (-9, 2, -1), (math.nan, 2, -1)])
def test_ratios_are_clipped(actual, predicted, ratio):
    assert clipped_ratio(actual, predicted) == ratio


def test_a_crossing_is_where_monotone_cubics_have_the_target():
    x = [0.0, 1.0, 2.0, 3.0]
    assert crossing(x, [1.0, 0.75, 0.5, 0.25], 2, 0.6) == pytest.approx(1.6, abs=1e-6)  # a line
    assert 1.0 < crossing(x, [1.0, 1.0, 0.0, 0.0], 2, 0.9) < 1.5


def test_a_line_rises_where_it_is_followed():
    assert is_rising([0.0, 0.1, 0.2, 0.25])
    assert not is_rising([0.2, 0.1, 0.0])
    assert not is_rising([0.0, 0.0, 0.0])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"target": 1.5}, r"optimizer.target must be in \(0, 1\), got 1.5"),
        ({"late_target": 0.0}, r"optimizer.late_target must be in \(0, 1\), got 0.0"),
        ({"radius": math.inf}, "optimizer.radius must be positive and finite, got inf"),
        ({"probes": 3}, "optimizer.probes must be >= 4, got 3"),
        ({"solver": "qr"}, "optimizer.solver must be one of auto, cholesky"),
    ],
)
def test_bad_settings_are_explained(settings, message):
    with pytest.raises(UserError, match=message):
        TrustRegion(**settings)
