"""The Gauss-Newton family: its linear systems, its choice of one, its rules. Their reductions: test_oracle.py."""

from functools import partial
from itertools import pairwise

import pytest
import torch
from drawn import make_bound
from least_squares import PROBLEMS, linear, run

from pinn.basis.errors import UserError
from pinn.linear_algebra.damped import Cholesky, ConjugateGradients, Dual, Eigen, Orthogonal
from pinn.networks import MLP
from pinn.optimizers import Adam, LeastDamping, LevenbergMarquardt
from pinn.optimizers.gauss_newton import Attempt
from pinn.optimizers.linearization import Choice, choose_solver, linearize
from pinn.problems import Burgers


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


def test_orthogonal_takes_more_parameters_than_rows():
    j, w = torch.randn(4, 9, dtype=torch.float64), torch.randn(4, dtype=torch.float64)
    torch.testing.assert_close(Orthogonal(j).solve(0.1, w), Dual(j).solve(0.1, w), rtol=1e-10, atol=1e-12)


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


GIB = 2**30


@pytest.mark.parametrize(
    ("name", "rows", "p", "memory", "solver", "held", "why"),
    [
        ("auto", 3000, 900, 16 * GIB, "cholesky", True, "900 parameters, 3,000 rows"),
        ("auto", 300, 900, 16 * GIB, "dual", True, "900 parameters, 300 rows"),
        ("auto", 200_000, 2000, 16 * GIB, "cholesky", False, "2,000 parameters, 200,000 rows"),  # J: 3 GiB
        ("auto", 100_000, 50_000, 512 * GIB, "conjugate_gradients", False, "order 50,000 is not factorized"),
        ("auto", 5000, 900_000, 16 * GIB, "conjugate_gradients", False, "dual needs 34.1 GiB of 16.0 GiB"),
        ("auto", 40_000, 10_000, 4 * GIB, "conjugate_gradients", False, "cholesky needs 2.2 GiB of 4.0 GiB"),
        ("eigen", 100_000, 50_000, 16 * GIB, "eigen", False, "as asked"),
        ("orthogonal", 200_000, 2000, 16 * GIB, "orthogonal", False, "as asked"),
        ("dual", 200_000, 2000, 16 * GIB, "dual", True, "as asked"),
    ],
)
def test_the_solver_is_chosen_by_size_and_memory(name, rows, p, memory, solver, held, why):
    choice = choose_solver(name, rows, p, 8, memory)
    assert (choice.solver, choice.held) == (solver, held)
    assert why in choice.why


def test_the_choice_is_logged_once(caplog):
    problem, optimizer = PROBLEMS["rosenbrock"](), LeastDamping()
    with caplog.at_level("INFO", logger="pinn"):
        run(optimizer, problem, 5)
    assert [record.message for record in caplog.records] == ["linear solver: cholesky (2 parameters, 2 rows)"]


@pytest.mark.parametrize("solver", ["cholesky", "eigen", "orthogonal"])
def test_chunks_give_the_step_of_the_whole_jacobian(solver):
    """For w = r and for another w, of a network whose rows come in pieces of 7 points."""
    bound = make_bound(Burgers(), partial(MLP, width=4, depth=1), 60, "soft")
    bound.residuals.chunk = 7
    theta = bound.residuals.theta()
    whole, pieces = (linearize(bound, theta, Choice(solver, held, "")) for held in (True, False))
    w, v = torch.randn_like(whole.r), torch.randn_like(theta)
    assert pieces.loss == pytest.approx(whole.loss, rel=1e-12)
    for name in ("r", "right"):
        torch.testing.assert_close(getattr(pieces, name), getattr(whole, name), rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(pieces.forward(v), whole.forward(v), rtol=1e-10, atol=1e-12)
    for model_w, piece_w in ((whole.r, pieces.r), (w, w)):
        expected = whole.system.solve(1e-3, model_w)
        # rounding times the condition number of J^T J + damping, about 1e5
        torch.testing.assert_close(pieces.system.solve(1e-3, piece_w), expected, rtol=0, atol=1e-9)


def test_longer_steps_are_tried_again_after_one_two_and_four_steps():
    class Steep(LeastDamping):
        """A step holds where its damping is at least 1."""

        def _try(self, damping, theta, model, problem):
            tried.append(damping)
            return Attempt(theta, damping, 1.0 if damping >= 1.0 else -5.0)

    problem, optimizer, tried, counts = PROBLEMS["rosenbrock"](), Steep(), [], []
    state = optimizer.init(problem.start) | {"damping": 4.0}
    for _ in range(18):
        tried.clear()
        state = optimizer.step(problem.start, state, problem)[1]
        counts.append(len(tried))
        assert state["damping"] == 1.0
    assert counts == [3, 1, 2, 1, 1, 2, 1, 1, 1, 1, 2, 1, 1, 1, 1, 2, 1, 1]


def test_geodesic_acceleration_follows_a_curved_valley():
    """Rosenbrock from its valley's floor: with the second-order correction the same radius rule needs fewer steps."""

    def steps(optimizer):
        problem = PROBLEMS["rosenbrock"]()
        theta, state, count = problem.start, optimizer.init(problem.start), 0
        while problem.loss(theta) > 1e-20:
            theta, state, _ = optimizer.step(theta, state, problem)
            count += 1
        return count

    assert steps(LeastDamping()) < 0.75 * steps(LeastDamping(acceleration=False))


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
    for optimizer in (LevenbergMarquardt(), LeastDamping(), Adam()):
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
        (lambda: LeastDamping(target=1.5), r"optimizer.target must be in \(0, 1\), got 1.5"),
        (lambda: LeastDamping(factor=1.0), "optimizer.factor must be > 1"),
        (lambda: Adam(learning_rate=0.0), "optimizer.learning_rate must be positive, got 0.0"),
        (lambda: Adam(betas=(0.9, 1.0)), "optimizer.betas must be in"),
        (lambda: Adam(decay=1.5), "optimizer.decay must be in"),
    ],
)
def test_bad_settings_are_explained(make, message):
    with pytest.raises(UserError, match=message):
        make()
