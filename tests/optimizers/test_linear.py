"""Least squares in the last layer: exact for linear problems, Newton's steps for others."""

from functools import partial
from itertools import pairwise

import pytest
import torch
from drawn import drawn, error, make_bound
from least_squares import LeastSquaresProblem, SeparableProblem, linear, separable_fit
from torch import nn

import pinn
from pinn.basis.errors import UserError
from pinn.domains import Box
from pinn.networks import MLP, RandomFeatures, RandomWeightFactorization
from pinn.networks.spectral import Spectral
from pinn.optimizers import LinearLeastSquares
from pinn.optimizers.linear import fit_last_layer, newton_step
from pinn.problem import Problem
from pinn.problems import Burgers, Heat, Helmholtz, KleinGordon, Kovasznay, Poisson2D, Wave
from pinn.residuals.assembly import Assembly
from pinn.residuals.least_squares import CollocationLeastSquares, bind
from pinn.residuals.residuals import Residuals
from pinn.sampling import ChebyshevSampler
from pinn.terms import Boundary, Dirichlet, Interior


def run(optimizer, problem, steps):
    """The last theta and the reports of some steps from the problem's own parameters."""
    theta, reports = problem.residuals.theta(), []
    state = optimizer.init(theta)
    for _ in range(steps):
        theta, state, report = optimizer.step(theta, state, problem)
        reports.append(report)
    return theta, reports


@pytest.mark.parametrize("constraints", ["hard", "soft"])
@pytest.mark.parametrize("factorization", [None, RandomWeightFactorization()])
def test_one_step_is_the_least_squares_solution(constraints, factorization):
    """Against LAPACK's solution with the last layer's columns of the reference Jacobian."""
    network = partial(MLP, width=12, depth=2, factorization=factorization)
    problem = make_bound(Poisson2D(), network, 300, constraints)
    theta, (report,) = run(LinearLeastSquares(), problem, 1)

    reference = Residuals(problem.residuals.trial, skip=("walls",) * (constraints == "hard"))
    start = reference.theta()
    r, j = bind(reference, problem.points, Assembly(jacobian="reference")).jacobian(start)
    where = reference.unflatten(torch.arange(len(start)))
    weight = "weight" if factorization is None else "direction"
    last = torch.cat([where[f"core.last.{weight}"].reshape(-1), where["core.last.bias"]])
    delta = torch.linalg.lstsq(j[:, last], -r.unsqueeze(1), driver="gelsd").solution.squeeze(1)
    # rounding times the square of the condition number, 3e3
    torch.testing.assert_close(theta[last] - start[last], delta, rtol=0, atol=1e-9 * float(delta.norm()))
    others = torch.ones_like(start, dtype=torch.bool).index_fill(0, last, False)
    assert torch.equal(theta[others], start[others])
    assert report["loss"] == pytest.approx(float(r @ r), rel=1e-12)
    assert report["rank"] == 13
    assert report["gradient_norm"] == pytest.approx(2 * float((j[:, last].mT @ r).norm()), rel=1e-10)
    assert problem.loss(theta) == pytest.approx(float((r + j[:, last] @ delta).square().sum()), rel=1e-8)


@pytest.mark.parametrize(
    ("problem", "width", "scale", "largest"),
    [
        (Poisson2D(), 200, 4.0, 5e-14),  # 6e-16 measured, in a tenth of a second
        (Heat(), 200, 4.0, 2e-12),  # 4e-14
        (Helmholtz(), 400, 14.0, 2e-7),  # 5e-9; 3e-13 with ChebyshevSampler
    ],
)
def test_random_features_solve_smooth_linear_problems_at_once(problem, width, scale, largest):
    bound = make_bound(problem, partial(RandomFeatures, width=width, scale=scale), 1500)
    theta, _ = run(LinearLeastSquares(), bound, 1)
    fresh = drawn(bound.residuals, 1000, seed=1)
    assert error(fresh, theta) < largest


@pytest.mark.parametrize(
    ("problem", "steps", "factor"),
    [
        (KleinGordon(), 8, 1e-18),  # 6e-22 measured, in three steps
        (Burgers(), 8, 0.5),  # 0.2 measured: 200 smooth features cannot hold the shock
    ],
)
def test_newton_steps_decrease_the_loss_of_nonlinear_problems(problem, steps, factor):
    bound = make_bound(problem, partial(RandomFeatures, width=200, scale=6.0), 1000)
    theta, reports = run(LinearLeastSquares(), bound, steps)
    losses = [report["loss"] for report in reports] + [bound.loss(theta)]
    assert all(
        after < before for (before, after), report in zip(pairwise(losses), reports, strict=False) if report["accepted"]
    )
    assert sum(report["accepted"] for report in reports) >= 3
    assert losses[-1] < factor * losses[0]


def test_what_is_solved_stays_until_the_points_change():
    bound = make_bound(Poisson2D(), partial(MLP, width=12), 300)
    optimizer, theta = LinearLeastSquares(), bound.residuals.theta()
    state = optimizer.init(theta)
    solved, state, first = optimizer.step(theta, state, bound)
    again, state, second = optimizer.step(solved, state, bound)
    assert (first["settled"], second["settled"]) == (True, True)
    assert float(bound.loss(again)) == pytest.approx(float(bound.loss(solved)), rel=1e-6)  # what rounding still moves
    other = drawn(bound.residuals, 300, seed=5)
    moved, state, third = optimizer.step(again, state, other)
    assert third["accepted"]
    assert other.loss(moved) < other.loss(again)


def test_an_unknown_is_found_with_the_last_layer():
    class Deflection(Problem):
        """u_xx = -k on [0, 1], u = 0 at the ends and a measured slope 1.5 at the left one: k = 3."""

        def __init__(self):
            self.domain = Box(x=(0, 1))
            self.fields = ("u",)
            self.unknowns = {"k": 0.1}

        def terms(self):
            return {
                "equation": Interior(lambda u_xx, k: u_xx + k),
                "ends": Dirichlet(u=0.0, on=("x.min", "x.max")),
                "slope": Boundary(lambda u_x: u_x - 1.5, on="x.min"),
            }

    bound = make_bound(Deflection(), partial(RandomFeatures, width=40, scale=2.0), 200)
    theta, _ = run(LinearLeastSquares(), bound, 1)
    # 40 features resolve the parabola to 1e-10
    assert float(bound.residuals.unflatten(theta)["unknowns.k"]) == pytest.approx(3.0, abs=1e-8)


def test_the_linear_parameters_of_any_separable_problem():
    """The amplitudes of two exponentials with the rates held: the pseudo-inverse's."""
    problem = separable_fit()
    optimizer = LinearLeastSquares()
    theta, _, _ = optimizer.step(problem.start, optimizer.init(problem.start), problem)
    j = problem.jacobian(problem.start)[1][:, [0, 2]]
    expected = problem.start[[0, 2]] - torch.linalg.pinv(j) @ problem.residual(problem.start)
    torch.testing.assert_close(theta[[0, 2]], expected, rtol=1e-12, atol=0)  # condition number below 10
    assert torch.equal(theta[[1, 3]], problem.start[[1, 3]])


def test_steps_to_an_origin_forget_large_parameters():
    """theta_1 + theta_2 = 2 and nothing else: from (1e9, -1e9) to (1, 1), the solution nearest to zero."""
    start = torch.tensor([1e9, -1e9], dtype=torch.float64)
    problem = LeastSquaresProblem(lambda theta: (theta.sum() - 2).expand(3), start)
    near = newton_step(problem, start, 1e-12).theta
    assert near.tolist() == pytest.approx([1e9 + 1, -1e9 + 1], rel=1e-15)
    far = newton_step(problem, start, 1e-12, torch.zeros_like(start)).theta
    assert far.tolist() == pytest.approx([1.0, 1.0], abs=1e-6)  # 1e9 times rounding


def test_kovasznay_flow_comes_out_to_ten_digits():
    """Its first linearization, at a flow that is none, asks for weights of 1e9; the solution's are below 1e3."""
    bound = make_bound(Kovasznay(), partial(RandomFeatures, width=250, scale=8.0), 700, sampler=ChebyshevSampler)
    theta, reports = run(LinearLeastSquares(), bound, 6)
    assert reports[-1]["settled"] or reports[-1]["loss"] < 1e-16
    assert error(drawn(bound.residuals, 500, seed=1), theta) < 1e-9
    indices, _ = bound.last_layer(theta)
    assert float(theta[indices].abs().max()) < 1e4


def test_a_step_that_overshoots_is_halved():
    """Newton's step for atan from 3 leads to -9.5, half of it to -3.2, a quarter to -0.1."""
    problem = LeastSquaresProblem(torch.atan, torch.tensor([3.0], dtype=torch.float64))
    step = newton_step(problem, problem.start, 0.0)
    assert step.length == 0.25
    assert step.after == problem.loss(step.theta) < step.before
    assert not step.settled


def test_no_step_where_there_is_nothing_to_gain_or_no_number():
    problem = linear()
    solved = newton_step(problem, problem.start, 0.0).theta
    assert newton_step(problem, solved, 0.0).settled
    singular = LeastSquaresProblem(torch.log, torch.tensor([-1.0], dtype=torch.float64))
    step = newton_step(singular, singular.start, 0.0)
    assert step.settled
    assert torch.equal(step.theta, singular.start)


def test_a_nonlinear_layer_is_fitted_by_as_many_steps_as_allowed():
    """Newton's iteration for the root of 2 from 1: 3/2, 17/12, and sixteen digits after six steps."""
    start = torch.tensor([1.0, 7.0], dtype=torch.float64)
    problem = SeparableProblem(lambda theta: theta[:1].square() - 2, start, [0])
    assert fit_last_layer(problem, start, 0.0, steps=2)[0].tolist() == pytest.approx([17 / 12, 7.0], rel=1e-15)
    theta, loss = fit_last_layer(problem, start, 0.0, steps=6)
    assert theta.tolist() == pytest.approx([2**0.5, 7.0], rel=1e-15)
    assert loss == problem.loss(theta)


def test_a_network_that_says_nothing_of_its_last_layer_is_refused():
    bound = make_bound(Poisson2D(), lambda inputs, outputs: nn.Sequential(nn.Linear(inputs, outputs)), 20)
    with pytest.raises(UserError, match="does not say which parameters its outputs are linear in; use one of pinn"):
        run(LinearLeastSquares(), bound, 1)


@pytest.mark.parametrize("cutoff", [-1e-3, 1.0, float("nan")])
def test_bad_settings_are_explained(cutoff):
    with pytest.raises(UserError, match=r"optimizer.cutoff must be in \[0, 1\), got"):
        LinearLeastSquares(cutoff=cutoff)


def test_windows_that_are_alike_are_solved_by_one_factorization(monkeypatch):
    """Linear equations without time in them: with the same functions what a window adds is the same in all of them."""
    monkeypatch.setattr("pinn.training.marching.rebalance", lambda *windows, **settings: False)
    counted = []
    own = CollocationLeastSquares.jacobian
    monkeypatch.setattr(CollocationLeastSquares, "jacobian", lambda self, theta: counted.append(1) or own(self, theta))
    settings = {
        "network": partial(Spectral, width=300),
        "optimizer": LinearLeastSquares(),
        "constraints": "hard",
        "training": pinn.Training(steps=5, windows=6, check_every=1),
        "output": pinn.Output(estimate=False),
    }

    class Derived(Wave):
        ansatz = None  # from its conditions

    solution = pinn.solve(Derived(), **settings)
    assert len(counted) == 2  # the first window holds what is given at the start, the others go on
    assert solution.errors()["u"]["relative_l2"] < 1e-6
