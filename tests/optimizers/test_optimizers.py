"""One oracle for all: every optimizer on every least-squares problem, with the reduction it must reach."""

from itertools import pairwise

import pytest
import torch
from least_squares import PROBLEMS, linear

from pinn.errors import UserError
from pinn.optimizers import Adam, LevenbergMarquardt
from pinn.optimizers.gauss_newton import solve_damped

# optimizer, problem, steps, factor by which ||r||^2 falls, reason
TABLE = [
    (
        LevenbergMarquardt(damping=1e-14),
        "linear",
        1,
        1e-20,
        "one Gauss-Newton step solves a linear problem to rounding",
    ),
    (LevenbergMarquardt(), "rosenbrock", 40, 1e-25, "zero residual: quadratic convergence at the end"),
    (LevenbergMarquardt(), "stiff_fit", 60, 1e-20, "zero residual, four parameters"),
    (Adam(learning_rate=0.1), "linear", 1500, 1e-10, "linear convergence, condition number of A below 10"),
    (Adam(learning_rate=0.02), "rosenbrock", 5000, 1e-6, "slow along the curved valley"),
    (Adam(learning_rate=0.05), "stiff_fit", 3000, 1e-3, "a fast rate that hardly influences the loss"),
]


@pytest.mark.parametrize(
    ("optimizer", "problem", "steps", "factor", "reason"), TABLE, ids=lambda v: v if isinstance(v, str) else ""
)
def test_reduction(optimizer, problem, steps, factor, reason):
    problem = PROBLEMS[problem]()
    theta, state = problem.start, optimizer.init(problem.start)
    for _ in range(steps):
        theta, state, report = optimizer.step(theta, state, problem)
        assert {"loss", "gradient_norm", "accepted"} <= set(report)
    assert problem.loss(theta) < factor * problem.loss(problem.start), reason


def test_undamped_step_solves_linear_least_squares():
    problem = linear()
    product, right, _ = problem.normal_equations(problem.start)
    theta = problem.start + solve_damped(product, right, 0.0)
    torch.testing.assert_close(theta, torch.arange(1.0, 6.0, dtype=torch.float64), rtol=1e-12, atol=1e-12)


def test_solve_damped_refuses_an_indefinite_matrix():
    assert solve_damped(-torch.eye(3, dtype=torch.float64), torch.ones(3, dtype=torch.float64), 0.5) is None


def test_levenberg_marquardt_never_increases_the_loss():
    problem = PROBLEMS["rosenbrock"]()
    optimizer = LevenbergMarquardt(damping=1e-12)
    theta, state, losses = problem.start, optimizer.init(problem.start), []
    for _ in range(40):
        theta, state, report = optimizer.step(theta, state, problem)
        losses.append(report["loss"])
    assert all(after <= before for before, after in pairwise(losses))


def test_the_reported_loss_is_that_of_the_point_before_the_step():
    problem = PROBLEMS["rosenbrock"]()
    for optimizer in (LevenbergMarquardt(), Adam()):
        report = optimizer.step(problem.start, optimizer.init(problem.start), problem)[2]
        assert report["loss"] == pytest.approx(problem.loss(problem.start), rel=1e-14)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LevenbergMarquardt(damping=-1.0), "optimizer.damping must be positive and finite, got -1.0"),
        (lambda: LevenbergMarquardt(damping=float("nan")), "optimizer.damping .* got nan"),
        (lambda: LevenbergMarquardt(minimum=1.0, maximum=0.5), "minimum must be below maximum"),
        (lambda: LevenbergMarquardt(attempts=0), "optimizer.attempts must be >= 1, got 0"),
        (lambda: Adam(learning_rate=0.0), "optimizer.learning_rate must be positive, got 0.0"),
        (lambda: Adam(betas=(0.9, 1.0)), "optimizer.betas must be in"),
        (lambda: Adam(decay=1.5), "optimizer.decay must be in"),
    ],
)
def test_bad_settings_are_explained(make, message):
    with pytest.raises(UserError, match=message):
        make()
