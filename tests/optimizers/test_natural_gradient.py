"""Energy natural gradient: its direction, its line search, its damping."""

import math
from functools import partial

import pytest
import torch
from drawn import make_bound
from least_squares import PROBLEMS, LeastSquaresProblem, run, trajectory

from pinn.basis.errors import UserError
from pinn.networks import MLP
from pinn.optimizers import NaturalGradient
from pinn.problems import Burgers

SMALL = partial(MLP, width=8, depth=2)


def test_a_step_is_that_of_the_paper():
    """The least-squares direction with G + 1e-6 I, times the power of one half with the lowest loss."""
    problem = PROBLEMS["rosenbrock"]()
    evaluate, tried = problem.loss, []
    problem.loss = lambda theta: tried.append(theta) or evaluate(theta)
    theta, _, report = run(NaturalGradient(damping=1e-6), problem, 1)
    problem.loss = evaluate
    r, j = problem.jacobian(problem.start)
    delta = -torch.linalg.solve(j.mT @ j + 1e-6 * torch.eye(2, dtype=torch.float64), j.mT @ r)
    losses = [problem.loss(problem.start + 2.0**-k * delta) for k in range(31)]
    length = 2.0 ** -losses.index(min(losses))
    assert report["step_length"] == length
    assert 0 < length < 1
    assert len(tried) == 2 - math.log2(length)  # down to the first that is no better
    torch.testing.assert_close(theta, problem.start + length * delta, rtol=1e-9, atol=0)  # condition number 1e5


def test_the_loss_never_increases_and_short_steps_raise_the_damping():
    problem = make_bound(Burgers(nu=0.1), SMALL, 200)
    optimizer, loss, lengths = NaturalGradient(), math.inf, []
    for _, state, report in trajectory(optimizer, problem, 30, problem.residuals.theta()):
        assert report["loss"] <= loss
        loss, length = report["loss"], report["step_length"]
        factor = 10.0 if length < 1 / 16 else 0.1 if length == 1.0 else 1.0
        assert state["damping"] == pytest.approx(max(factor * report["damping"], 1e-10))
        lengths.append(length)
    assert min(lengths[:10]) < 1 / 1000  # the fixed damping's steps would stay as short
    assert min(lengths[20:]) > 1 / 256


def test_a_singular_system_is_damped_until_it_has_a_solution():
    """Two equal columns of size 1e6: their product needs more than 1e12 eps of damping."""
    column = 1e6 * torch.linspace(1, 2, 9, dtype=torch.float64)
    problem = LeastSquaresProblem(lambda theta: column * (theta.sum() - 3.0), torch.zeros(2, dtype=torch.float64))
    theta, _, report = run(NaturalGradient(), problem, 1)
    assert report["damping"] > 1e-10
    assert problem.loss(theta) < 1e-6 * problem.loss(problem.start)


def test_where_no_length_decreases_the_loss_nothing_moves():
    problem = PROBLEMS["linear"]()
    solution = torch.arange(1.0, 6.0, dtype=torch.float64)
    theta, _, report = run(NaturalGradient(), problem, 1, solution, {"damping": 1e-10})
    assert not report["accepted"]
    assert torch.equal(theta, solution)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"damping": 0.0}, "optimizer.damping must be positive and finite, got 0.0"),
        ({"halvings": -1}, "optimizer.halvings must be between 0 and 1000, got -1"),
        ({"solver": "lu"}, "optimizer.solver must be one of auto, cholesky"),
    ],
)
def test_bad_settings_are_explained(settings, message):
    with pytest.raises(UserError, match=message):
        NaturalGradient(**settings)
