"""SPRING: its momentum, its clipping, its damping."""

import math

import pytest
import torch
from least_squares import PROBLEMS, LeastSquaresProblem, run, trajectory

from pinn.basis.errors import UserError
from pinn.optimizers import SPRING


def test_steps_are_those_of_the_paper():
    """phi by the dual formula, clipped, the damping by the ratio of actual to predicted decrease."""
    problem = PROBLEMS["stiff_fit"]()
    optimizer = SPRING(damping=0.1, momentum=0.8, learning_rate=0.7, largest=4.0)
    theta, phi, damping, clipped = problem.start, torch.zeros(4, dtype=torch.float64), 0.1, set()
    for moved, state, report in trajectory(optimizer, problem, 25):
        r, j = problem.jacobian(theta)
        kernel = j @ j.mT + damping * torch.eye(len(r), dtype=torch.float64)
        phi = 0.8 * phi - j.mT @ torch.linalg.solve(kernel, r + 0.8 * (j @ phi))
        length = min(0.7, 2.0 / float(phi.norm()))
        clipped.add(length < 0.7)
        # rounding times the condition number of the kernel, at most 1e8, relative
        torch.testing.assert_close(moved, theta + length * phi, rtol=1e-7, atol=1e-9)
        torch.testing.assert_close(state["direction"], phi, rtol=1e-6, atol=1e-8)
        predicted = report["loss"] - float((r + length * (j @ phi)).square().sum())
        ratio = (report["loss"] - problem.loss(moved)) / predicted if predicted > 0 else -math.inf
        damping *= 1.5 if ratio < 0.25 else 2 / 3 if ratio > 0.75 else 1.0
        assert state["damping"] == pytest.approx(damping)
        theta, phi, damping = moved, state["direction"], state["damping"]
    assert clipped == {True, False}


def test_the_direction_minimizes_its_regularized_model():
    """||r + J phi||^2 + damping ||phi - momentum phi_before||^2."""
    problem = PROBLEMS["rosenbrock"]()
    before = torch.tensor([0.3, -0.2], dtype=torch.float64)
    optimizer = SPRING(momentum=0.9)
    _, state, _ = run(optimizer, problem, 1, problem.start, {"damping": 0.5, "direction": before})
    r, j = problem.jacobian(problem.start)
    gradient = j.mT @ (r + j @ state["direction"]) + 0.5 * (state["direction"] - 0.9 * before)
    torch.testing.assert_close(gradient, torch.zeros(2, dtype=torch.float64), rtol=0, atol=1e-10)  # |J^T r| is 2e2


def test_what_is_not_a_number_is_not_stepped_on_and_drops_the_momentum():
    problem = LeastSquaresProblem(lambda theta: (0.02 - theta).sqrt(), torch.tensor([0.01], dtype=torch.float64))
    state = {"damping": 1e-3, "direction": torch.tensor([1.0], dtype=torch.float64)}
    theta, state, report = run(SPRING(learning_rate=50.0, largest=1e4), problem, 1, None, state)
    assert not report["accepted"]
    assert torch.equal(theta, problem.start)
    assert float(state["direction"].abs().sum()) == 0.0
    assert state["damping"] == pytest.approx(1.5e-3)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"damping": -1.0}, "optimizer.damping must be positive and finite, got -1.0"),
        ({"momentum": 1.0}, r"optimizer.momentum must be in \[0, 1\), got 1.0"),
        ({"largest": math.inf}, "optimizer.largest must be positive and finite, got inf"),
        ({"minimum": 1.0, "maximum": 0.1}, "optimizer.maximum must be finite and above minimum, got 0.1 and 1.0"),
        ({"solver": "lu"}, "optimizer.solver must be one of auto, cholesky"),
    ],
)
def test_bad_settings_are_explained(settings, message):
    with pytest.raises(UserError, match=message):
        SPRING(**settings)
