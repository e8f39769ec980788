"""Variable projection: the reduced problem is that of the fitted last layer, and it converges in fewer steps."""

import itertools
from functools import partial

import pytest
import torch
from agreement import assert_agree
from drawn import error, make_bound
from least_squares import linear, separable_fit

from pinn.basis.errors import UserError
from pinn.networks import MLP
from pinn.optimizers import BFGS, LeastDamping, LevenbergMarquardt, VariableProjection
from pinn.optimizers.variable_projection import ReducedProblem
from pinn.problems import KleinGordon, Poisson2D

SMALL = partial(MLP, width=8, depth=2)


def run(optimizer, problem, steps):
    """The last theta and the reported losses of some steps from the problem's own parameters."""
    theta, losses = problem.residuals.theta(), []
    state = optimizer.init(theta)
    for _ in range(steps):
        theta, state, report = optimizer.step(theta, state, problem)
        losses.append(report["loss"])
    return theta, losses


def test_the_gradient_is_that_of_the_loss_after_the_fit():
    """Against torch's derivative through the pseudo-inverse of the exponentials."""
    problem = separable_fit()
    s = torch.linspace(0, 2, 60, dtype=torch.float64)
    data = -problem.residual(torch.zeros(4, dtype=torch.float64))
    rates = problem.start[[1, 3]].clone().requires_grad_()
    features = torch.exp(-rates * s.unsqueeze(1))  # (60, 2)
    minimum = (features @ (torch.linalg.pinv(features) @ data) - data).square().sum()
    (slope,) = torch.autograd.grad(minimum, rates)
    expected = float(minimum.detach())

    reduced = ReducedProblem(problem, 1e-12)
    r, j = reduced.jacobian(problem.start)
    assert reduced.loss(problem.start) == pytest.approx(expected, rel=1e-12)
    assert_agree(2 * (j.mT @ r)[[1, 3]], slope)
    assert_agree(2 * (j.mT @ r)[[0, 2]], torch.zeros(2, dtype=torch.float64))
    loss, gradient = reduced.loss_and_gradient(problem.start)
    assert loss == pytest.approx(expected, rel=1e-12)
    assert_agree(gradient[[1, 3]], slope)


@pytest.mark.parametrize("problem", [Poisson2D(), KleinGordon()])
def test_products_without_the_jacobian_equal_products_with_it(problem):
    reduced = ReducedProblem(make_bound(problem, SMALL, 120, "soft"), 1e-8)
    theta = reduced.inner.residuals.theta()
    r, j = reduced.jacobian(theta)
    scale = float(j.abs().max())
    v, w = torch.randn_like(theta), torch.randn_like(r)
    assert_agree(r, reduced.residual(theta))
    assert reduced.loss(theta) == pytest.approx(float(r @ r), rel=1e-12)
    assert_agree(reduced.jvp(theta, v) / scale, (j @ v) / scale)
    assert_agree(reduced.vjp(theta, w) / scale, (j.mT @ w) / scale)
    product, right, loss = reduced.normal_equations(theta)
    assert_agree(product / scale**2, (j.mT @ j) / scale**2)
    assert_agree(right / scale, (j.mT @ r) / scale)
    assert loss == pytest.approx(float(r @ r), rel=1e-12)
    assert len(reduced) == len(r)


def test_the_fit_is_the_least_squares_solution_and_changes_nothing_else():
    bound = make_bound(Poisson2D(), SMALL, 200)
    theta = bound.residuals.theta()
    reduced = ReducedProblem(bound, 1e-12)
    fitted, loss = reduced.fitted(theta)
    last, _ = bound.last_layer(theta)
    r, j = bound.jacobian(fitted)
    assert float((j[:, last].mT @ r).norm()) < 1e-10 * float(j[:, last].norm() * r.norm())  # orthogonal
    assert loss == bound.loss(fitted)
    others = torch.ones_like(theta, dtype=torch.bool).index_fill(0, last, False)
    assert torch.equal(fitted[others], theta[others])
    assert reduced.fitted(fitted)[0] is fitted  # a fit is its own


def test_directions_below_the_cutoff_stay_with_the_others():
    bound = make_bound(Poisson2D(), SMALL, 200)
    theta = bound.residuals.theta()
    last, block = bound.last_layer(theta)
    singular = torch.linalg.svdvals(block.jacobian(theta[last])[1])
    cutoff = float((singular[3] * singular[4]).sqrt() / singular[0])
    free = torch.linalg.svdvals(ReducedProblem(bound, cutoff).jacobian(theta)[1][:, last])
    assert int((free > 1e-12 * singular[0]).sum()) == len(last) - 4
    assert float(free[0]) == pytest.approx(float(singular[4]), rel=1e-6)


@pytest.mark.parametrize(("method", "steps"), [(LevenbergMarquardt(), 25), (LeastDamping(), 12), (BFGS(), 60)])
def test_separable_fits_are_solved(method, steps):
    """Amplitudes and rates of two exponentials, zero residual; 17, 6 and 30 steps were needed."""
    problem, optimizer = separable_fit(), VariableProjection(method)
    theta, state = problem.start, optimizer.init(problem.start)
    for _ in range(steps):
        theta, state, _ = optimizer.step(theta, state, problem)
    assert problem.loss(theta) < 1e-20 * problem.loss(problem.start)


@pytest.mark.parametrize("method", [LevenbergMarquardt, LeastDamping])
def test_ahead_of_plain_at_equal_steps(method):
    bound = make_bound(Poisson2D(), partial(MLP, width=12, depth=3), 600)
    plain, _ = run(method(), bound, 8)
    projected, losses = run(VariableProjection(method()), bound, 8)
    assert error(bound, projected) < 0.02 * error(bound, plain)  # 2e-4 and 3e-5 measured
    assert all(b <= a for a, b in itertools.pairwise(losses))
    assert bound.loss(projected) < losses[-1]


def test_a_nonlinear_problem_is_fitted_by_newton_steps():
    bound = make_bound(KleinGordon(), partial(MLP, width=12, depth=2), 400)
    plain, _ = run(LeastDamping(), bound, 6)
    projected, _ = run(VariableProjection(), bound, 6)
    assert error(bound, projected) < 0.1 * error(bound, plain)  # 8e-3 measured


def test_bad_settings_are_explained():
    with pytest.raises(UserError, match=r"optimizer.cutoff must be in \[0, 1\), got 1.0"):
        VariableProjection(cutoff=1.0)
    with pytest.raises(UserError, match=r"optimizer.method must be an optimizer, got 'adam'"):
        VariableProjection("adam")
    problem = linear()
    problem.last_layer = lambda theta: None
    with pytest.raises(UserError, match="does not say which parameters its outputs are linear in"):
        optimizer = VariableProjection()
        optimizer.step(problem.start, optimizer.init(problem.start), problem)
