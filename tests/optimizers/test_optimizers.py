"""One oracle for all: every optimizer on every least-squares problem, with the reduction it must reach."""

from itertools import pairwise

import pytest
import torch
from least_squares import PROBLEMS, linear

from pinn.errors import UserError
from pinn.linear_algebra import Cholesky, ConjugateGradients, Dual, Eigen, Orthogonal
from pinn.optimizers import Adam, LevenbergMarquardt, TrustRegion
from pinn.optimizers.linearization import choose_solver

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
    (LevenbergMarquardt(acceleration=True), "rosenbrock", 25, 1e-25, "as above, along the valley"),
    (TrustRegion(damping=1e-14), "linear", 1, 1e-20, "one Gauss-Newton step solves a linear problem to rounding"),
    (TrustRegion(), "rosenbrock", 20, 1e-25, "zero residual: quadratic convergence at the end"),
    (TrustRegion(), "stiff_fit", 40, 1e-20, "zero residual, four parameters"),
    (TrustRegion(solver="orthogonal", acceleration=False), "stiff_fit", 60, 1e-20, "no squared condition number"),
    (TrustRegion(solver="eigen"), "rosenbrock", 20, 1e-25, "the same steps from one factorization"),
    (TrustRegion(solver="conjugate_gradients"), "rosenbrock", 20, 1e-20, "two parameters: exact after two products"),
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


def systems(j):
    def adjoint(w):
        return j.mT @ w

    return {
        "cholesky": Cholesky(j.mT @ j, adjoint),
        "eigen": Eigen(j.mT @ j, adjoint),
        "orthogonal": Orthogonal(j),
        "conjugate_gradients": ConjugateGradients(lambda v: j @ v, adjoint, tolerance=1e-14),
    }


@pytest.mark.parametrize("name", ["cholesky", "eigen", "orthogonal", "conjugate_gradients"])
@pytest.mark.parametrize("damping", [0.0, 1e-3, 10.0])
def test_damped_systems_solve_their_equations(name, damping):
    j, w = torch.randn(12, 5, dtype=torch.float64), torch.randn(12, dtype=torch.float64)
    delta = systems(j)[name].solve(damping, w)
    expected = -torch.linalg.solve(j.mT @ j + damping * torch.eye(5, dtype=torch.float64), j.mT @ w)
    torch.testing.assert_close(delta, expected, rtol=1e-10, atol=1e-12)  # condition number below 1e2


def test_the_dual_system_is_the_primal_one():
    j, w = torch.randn(4, 9, dtype=torch.float64), torch.randn(4, dtype=torch.float64)
    expected = -torch.linalg.solve(j.mT @ j + 0.1 * torch.eye(9, dtype=torch.float64), j.mT @ w)
    torch.testing.assert_close(Dual(j).solve(0.1, w), expected, rtol=1e-10, atol=1e-12)


def test_orthogonal_keeps_directions_that_the_product_loses():
    """Singular values 1 and 1e-9: their squares are 1e18 apart, beyond float64's 1e16."""
    u = torch.linalg.qr(torch.randn(6, 2, dtype=torch.float64))[0]
    j = u @ torch.diag(torch.tensor([1.0, 1e-9], dtype=torch.float64))
    delta = Orthogonal(j).solve(0.0, -(j @ torch.ones(2, dtype=torch.float64)))
    torch.testing.assert_close(delta, torch.ones(2, dtype=torch.float64), rtol=1e-6, atol=0)


def test_undamped_step_solves_linear_least_squares():
    problem = linear()
    r, j = problem.jacobian(problem.start)
    for system in systems(j).values():
        theta = problem.start + system.solve(0.0, r)
        torch.testing.assert_close(theta, torch.arange(1.0, 6.0, dtype=torch.float64), rtol=1e-10, atol=0)


def test_cholesky_refuses_an_indefinite_matrix():
    system = Cholesky(-torch.eye(3, dtype=torch.float64), lambda w: w)
    assert system.solve(0.5, torch.ones(3, dtype=torch.float64)) is None


def test_the_solver_is_chosen_by_size():
    assert choose_solver("auto", 3000, 900) == "cholesky"
    assert choose_solver("auto", 300, 900) == "dual"
    assert choose_solver("auto", 100_000, 50_000) == "conjugate_gradients"
    assert choose_solver("eigen", 100_000, 50_000) == "eigen"


def test_geodesic_acceleration_follows_a_curved_valley():
    """Rosenbrock from its valley's floor: with the second-order correction the same radius rule needs fewer steps."""

    def steps(optimizer):
        problem = PROBLEMS["rosenbrock"]()
        theta, state, count = problem.start, optimizer.init(problem.start), 0
        while problem.loss(theta) > 1e-20:
            theta, state, _ = optimizer.step(theta, state, problem)
            count += 1
        return count

    assert steps(TrustRegion()) < 0.75 * steps(TrustRegion(acceleration=False))


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
    for optimizer in (LevenbergMarquardt(), TrustRegion(), Adam()):
        report = optimizer.step(problem.start, optimizer.init(problem.start), problem)[2]
        assert report["loss"] == pytest.approx(problem.loss(problem.start), rel=1e-14)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LevenbergMarquardt(damping=-1.0), "optimizer.damping must be positive and finite, got -1.0"),
        (lambda: LevenbergMarquardt(damping=float("nan")), "optimizer.damping .* got nan"),
        (lambda: LevenbergMarquardt(minimum=1.0, maximum=0.5), "minimum must be below maximum"),
        (lambda: LevenbergMarquardt(attempts=0), "optimizer.attempts must be >= 1, got 0"),
        (lambda: LevenbergMarquardt(solver="qr"), "optimizer.solver must be one of auto, cholesky"),
        (lambda: TrustRegion(target=1.5), r"optimizer.target must be in \(0, 1\), got 1.5"),
        (lambda: TrustRegion(factor=1.0), "optimizer.factor must be > 1"),
        (lambda: Adam(learning_rate=0.0), "optimizer.learning_rate must be positive, got 0.0"),
        (lambda: Adam(betas=(0.9, 1.0)), "optimizer.betas must be in"),
        (lambda: Adam(decay=1.5), "optimizer.decay must be in"),
    ],
)
def test_bad_settings_are_explained(make, message):
    with pytest.raises(UserError, match=message):
        make()
