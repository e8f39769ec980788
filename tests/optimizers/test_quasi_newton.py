"""Quasi-Newton methods and their line search."""

import copy
import math
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
import torch
from least_squares import PROBLEMS, LeastSquaresProblem, is_plain, run, shifted, trajectory
from scipy.optimize import minimize

from pinn.basis.errors import UserError
from pinn.networks import MLP
from pinn.optimizers import BFGS, LBFGS, SSBFGS, SSBroyden
from pinn.problems import Burgers
from pinn.residuals.exact_terms import make_residuals
from pinn.residuals.least_squares import bind
from pinn.sampling import SobolSampler
from pinn.training.checkpoint import load_tree, save_tree
from pinn.trial.making import make_trial

METHODS = [BFGS, SSBFGS, SSBroyden]
ALL = [*METHODS, LBFGS]


class Counted(LeastSquaresProblem):
    """A problem that remembers where it was evaluated."""

    def __init__(self, problem, identity=0):
        super().__init__(problem.residual, problem.start, identity)
        self.evaluated = []

    def loss_and_gradient(self, theta):
        self.evaluated.append(theta.clone())
        return super().loss_and_gradient(theta)


@pytest.mark.parametrize("optimizer", ALL)
@pytest.mark.parametrize("name", PROBLEMS)
def test_single_precision(optimizer, name):
    """Rounding theta to 6e-8 leaves (6e-8)^2 of the loss, or somewhat more by the condition number."""
    problem = PROBLEMS[name]()
    single = LeastSquaresProblem(lambda theta: problem.residual(theta.double()).float(), problem.start.float())
    theta, state, _ = run(optimizer(), single, 80)
    assert theta.dtype == torch.float32
    assert all(value.dtype == torch.float32 for value in state.values() if isinstance(value, torch.Tensor))
    assert single.loss(theta) < 1e-9 * single.loss(single.start)


def random_update(seed, p=6):
    """A positive definite H, s and y with y^T s > 0, and B s."""
    generator = torch.Generator().manual_seed(seed)
    root, other = torch.randn(2, p, p, generator=generator, dtype=torch.float64)
    h = root @ root.mT + 0.1 * torch.eye(p, dtype=torch.float64)
    s = torch.randn(p, generator=generator, dtype=torch.float64)
    y = (other @ other.mT + 0.1 * torch.eye(p, dtype=torch.float64)) @ s
    return h, s, y, torch.linalg.solve(h, s)


@pytest.mark.parametrize("optimizer", METHODS)
@pytest.mark.parametrize("seed", range(20))
def test_an_update_is_that_of_its_paper_and_satisfies_the_secant_equation(optimizer, seed):
    h, s, y, bs = random_update(seed)
    updated, changed = optimizer()._updated(h, s, y, bs)
    assert changed == 1
    rho, yhy = 1 / float(y @ s), float(y @ h @ y)
    b, a = rho * float(s @ bs), rho * float(s @ bs) * rho * yhy - 1
    tau, phi = 1.0, 1.0
    if optimizer is SSBFGS:
        tau = min(1, 1 / b)
    if optimizer is SSBroyden:
        rho_minus = min(1, rho * yhy * (1 - math.sqrt(a / (1 + a))))
        theta = max((rho_minus - 1) / a, min(1 / rho_minus, (1 - b) / b))
        sigma = 1 + theta * a
        scaled, phi = abs(sigma) ** (1 / (1 - len(s))), (1 - theta) / (1 + a * theta)
        tau = min(min(1, 1 / b) * scaled, sigma) if theta <= 0 else min(1, 1 / b) * min(scaled, 1 / theta)
    hy = h @ y
    v = rho * s - hy / yhy
    outer = torch.outer
    expected = (h - outer(hy, hy) / yhy + phi * yhy * outer(v, v)) / tau + rho * outer(s, s)
    # rounding of two orders of summation, and of products as large as |H y|^2 / y^T H y / tau
    torch.testing.assert_close(updated, expected, rtol=1e-10, atol=1e-11 * float(expected.abs().max()))
    torch.testing.assert_close(updated @ y, s, rtol=0, atol=1e-11 * float(updated.norm() * y.norm()))
    assert float(torch.linalg.eigvalsh(updated).min()) > 0


@pytest.mark.parametrize("optimizer", METHODS)
@pytest.mark.parametrize("name", ["rosenbrock", "stiff_fit"])
def test_every_step_keeps_the_secant_equation_and_positive_definiteness(optimizer, name):
    problem = PROBLEMS[name]()
    theta, state, checked = problem.start, optimizer().init(problem.start), 0
    for after, new, report in trajectory(optimizer(), problem, 25):
        h = new["inverse_hessian"]
        if report["accepted"] and new["updates"] > state["updates"]:
            s, y = after - theta, problem.loss_and_gradient(after)[1] - problem.loss_and_gradient(theta)[1]
            # a backward error: rounding of H y, however ill-conditioned H is
            torch.testing.assert_close(h @ y, s, rtol=0, atol=1e-10 * float(h.norm() * y.norm()))
            checked += 1
        assert float(torch.linalg.eigvalsh(0.5 * (h + h.mT)).min()) > 0
        assert float((h - h.mT).abs().max()) <= 1e-10 * float(h.abs().max())  # rounding of some updates
        theta, state = after, new
    assert checked >= 20


def test_parallel_vectors_update_like_self_scaled_bfgs():
    """y = B s up to a factor: a = 0, where theta- = (rho- - 1) / a has no value."""
    h, s, _, bs = random_update(3)
    expected, _ = SSBFGS()._updated(h, s, 2.0 * bs, bs)
    updated, changed = SSBroyden()._updated(h, s, 2.0 * bs, bs)
    assert changed == 1
    torch.testing.assert_close(updated, expected, rtol=1e-14, atol=0)


def test_a_pair_without_curvature_is_left_out():
    h, s, y, bs = random_update(1)
    across = y - s * float(y @ s) / float(s @ s)  # y^T s = 0 up to rounding
    for useless in (-y, across, torch.zeros_like(y)):
        updated, changed = SSBroyden()._updated(h, s, useless, bs)
        assert changed == 0
        assert updated is h


@pytest.mark.parametrize("optimizer", METHODS)
@pytest.mark.parametrize("name", PROBLEMS)
def test_steps_satisfy_the_strong_wolfe_conditions(optimizer, name):
    problem, method = PROBLEMS[name](), optimizer()
    theta, state = problem.start, method.init(problem.start)
    for _ in range(8):
        loss, g = problem.loss_and_gradient(theta)
        slope = -float(g @ state["inverse_hessian"] @ g)
        after, new, report = method.step(theta, state, problem)
        lower, g_after = problem.loss_and_gradient(after)
        alpha = report["step_length"]
        slope_after = float(g_after @ (after - theta)) / alpha
        assert lower <= loss + 1e-4 * alpha * slope
        assert abs(slope_after) <= 0.9 * abs(slope) * (1 + 1e-12)  # but for rounding of the quotient
        theta, state = after, new


@pytest.mark.parametrize("optimizer", ALL)
def test_no_gradient_is_evaluated_twice(optimizer):
    """The line search's last one serves the next step; other points need a new one, at the same theta."""
    problem, other = Counted(PROBLEMS["rosenbrock"]()), Counted(PROBLEMS["rosenbrock"](), identity=1)
    theta, state, _ = run(optimizer(), problem, 20)
    assert len({tuple(theta.tolist()) for theta in problem.evaluated}) == len(problem.evaluated)
    _, _, report = optimizer().step(theta, state, other)
    assert report["accepted"]
    assert torch.equal(other.evaluated[0], theta)
    assert report["loss"] == other.loss(theta)


@pytest.mark.parametrize("optimizer", METHODS)
def test_redrawn_points_give_gradients_of_one_problem(optimizer):
    """With other rows in each step, y is still the difference of two gradients of the same rows."""
    method = optimizer()
    theta = shifted(0).start
    state = method.init(theta)
    for seed in range(20):
        problem = shifted(seed)
        after, state, report = method.step(theta, state, problem)
        assert report["loss"] == pytest.approx(problem.loss(theta), rel=1e-14)
        y = problem.loss_and_gradient(after)[1] - problem.loss_and_gradient(theta)[1]
        h = state["inverse_hessian"]
        torch.testing.assert_close(h @ y, after - theta, rtol=0, atol=1e-11 * float(h.norm() * y.norm()))
        theta = after
    assert problem.loss(theta) < 1e-4 * problem.loss(problem.start)


@pytest.mark.parametrize("optimizer", METHODS)
def test_other_points_repair_the_inverse_hessian(optimizer):
    method = optimizer()
    theta, state, _ = run(method, shifted(0), 3)
    h = state["inverse_hessian"]
    skew = torch.zeros_like(h)
    skew[0, 1] = 1e-3 * float(h.abs().max())
    known = method.step(theta, state, shifted(1))
    healed = method.step(theta, state | {"inverse_hessian": h + skew - skew.mT}, shifted(1))
    torch.testing.assert_close(healed[0], known[0], rtol=1e-9, atol=1e-12)  # rounding of h + skew
    indefinite = h - 2.0 * torch.linalg.eigvalsh(h).max() * torch.eye(5, dtype=torch.float64)
    restarted = method.step(theta, state | {"inverse_hessian": indefinite}, shifted(1))
    fresh = method.step(theta, method.init(theta), shifted(1))
    assert torch.equal(restarted[0], fresh[0])
    assert restarted[1]["updates"] == 1


def test_an_ascent_direction_restarts_from_the_gradient():
    """Without a redraw too: -H g that does not descend is of no use."""
    method, problem = SSBroyden(), shifted(0)
    theta, state, _ = run(method, problem, 3)
    broken = state | {"inverse_hessian": -torch.eye(5, dtype=torch.float64)}
    after, new, report = method.step(theta, broken, problem)
    assert report["accepted"]
    assert new["updates"] == 1
    g = problem.loss_and_gradient(theta)[1]
    cosine = float(torch.nn.functional.cosine_similarity(after - theta, -g, dim=0))
    assert cosine == pytest.approx(1.0, abs=1e-14)


@pytest.mark.parametrize("optimizer", ALL)
def test_no_lower_point_is_noticed(optimizer):
    """At a minimum with a residual, where rounding hides any decrease: theta stays, and nothing is evaluated again."""
    generator = torch.Generator().manual_seed(0)
    a, b = torch.randn(12, 5, generator=generator, dtype=torch.float64), torch.ones(12, dtype=torch.float64)
    problem = Counted(LeastSquaresProblem(lambda theta: a @ theta - b, torch.zeros(5, dtype=torch.float64)))
    steps = list(trajectory(optimizer(), problem, 60))
    losses = [report["loss"] for _, _, report in steps]
    assert all(after <= before for before, after in pairwise(losses))
    theta, state, report = steps[-1]
    assert not report["accepted"]
    assert state["stuck"]
    solution = torch.linalg.lstsq(a, b[:, None]).solution[:, 0]
    torch.testing.assert_close(theta, solution, rtol=0, atol=1e-7)  # the square root of the loss's rounding
    before = len(problem.evaluated)
    assert torch.equal(optimizer().step(theta, state, problem)[0], theta)
    assert len(problem.evaluated) == before
    other = Counted(PROBLEMS["linear"](), identity=1)
    assert optimizer().step(theta, state, other)[2]["accepted"]  # other points may show a way on


class Cliff(LeastSquaresProblem):
    """log(x) + 2 from x = 1, not a number for x < 0: the first steps fall off."""

    def __init__(self):
        super().__init__(lambda theta: torch.log(theta) + 2.0, torch.ones(1, dtype=torch.float64))


@pytest.mark.parametrize("optimizer", ALL)
def test_what_is_not_a_number_is_never_stepped_on(optimizer):
    problem = Cliff()
    for theta, _, report in trajectory(optimizer(), problem, 30):
        assert bool(theta.isfinite().all())
        assert math.isfinite(report["loss"])
    assert problem.loss(theta) < 1e-20


@pytest.mark.parametrize("optimizer", ALL)
def test_a_start_that_is_not_a_number_is_reported(optimizer):
    problem = Cliff()
    start = -torch.ones(1, dtype=torch.float64)
    theta, _, report = optimizer().step(start, optimizer().init(start), problem)
    assert math.isnan(report["loss"])
    assert not report["accepted"]
    assert torch.equal(theta, start)


@pytest.mark.parametrize("optimizer", ALL)
def test_the_state_is_plain_and_continues_to_the_bit(optimizer, tmp_path):
    """Copied or through a file: the same thetas; and a step leaves the state that it was given as it was."""
    problem = PROBLEMS["stiff_fit"]()
    theta, state, _ = run(optimizer(), problem, 8)
    assert is_plain(state)
    copied = copy.deepcopy(state)
    save_tree(tmp_path / "state.h5", state)
    expected = [step[0] for step in trajectory(optimizer(), problem, 8, theta, state)]
    for other in (state, copied, load_tree(tmp_path / "state.h5")):
        again = [step[0] for step in trajectory(optimizer(), problem, 8, theta, other)]
        assert all(torch.equal(a, b) for a, b in zip(expected, again, strict=True))


def scipy_iterations(problem, factor):
    """Iterations of scipy's BFGS until ||r||^2 has fallen by the factor."""
    losses = []

    def loss_and_gradient(theta):
        loss, gradient = problem.loss_and_gradient(torch.from_numpy(theta))
        return loss, gradient.numpy()

    minimize(
        loss_and_gradient,
        problem.start.numpy(),
        jac=True,
        method="BFGS",
        callback=lambda theta: losses.append(problem.loss(torch.from_numpy(theta))),
        options={"gtol": 1e-14, "maxiter": 500},
    )
    return int(np.argmax(np.array(losses) < factor * problem.loss(problem.start))) + 1


def chained_rosenbrock():
    """(10 (x_{i+1} - x_i^2), 1 - x_i) in ten variables from 0."""
    return LeastSquaresProblem(
        lambda theta: torch.cat([10 * (theta[1:] - theta[:-1] ** 2), 1 - theta[:-1]]),
        torch.zeros(10, dtype=torch.float64),
    )


@pytest.mark.parametrize(
    ("problem", "share"),
    [(PROBLEMS["rosenbrock"], 1.0), (PROBLEMS["stiff_fit"], 0.8), (chained_rosenbrock, 1.25)],
    ids=["rosenbrock", "stiff_fit", "chained_rosenbrock"],
)
def test_iterations_against_scipys_bfgs(problem, share):
    """Up to a quarter more where BFGS does well; fewer where the rates are two decades apart."""
    problem, factor = problem(), 1e-12
    losses = [problem.loss(theta) for theta, _, _ in trajectory(SSBroyden(), problem, 200)]
    ours = int(np.argmax(np.array(losses) < factor * problem.loss(problem.start))) + 1
    assert 1 < ours <= share * scipy_iterations(problem, factor)


def burgers():
    """Residuals without a shock, and points by seed."""
    trial = make_trial(
        Burgers(nu=0.1),
        partial(MLP, width=8, depth=2),
        constraints="hard",
        derivatives="taylor",
        dtype=torch.float64,
        device=torch.device("cpu"),
    )
    residuals = make_residuals(trial)

    def points(seed):
        generator = torch.Generator().manual_seed(seed)
        sampler = SobolSampler(interior=200, boundary=50)
        domain = trial.problem.domain
        return {label: sampler.draw(domain, g.region, generator) for label, g in residuals.regions.items()}

    return residuals, points


def test_a_problem_is_known_by_its_points_and_weights():
    torch.manual_seed(0)
    residuals, points = burgers()
    drawn = points(0)
    identity = bind(residuals, drawn).identity
    assert bind(residuals, copy.deepcopy(drawn)).identity == identity
    assert 0 <= identity < 2**63
    assert bind(residuals, points(1)).identity != identity
    residuals.weights = {block: 2.0 * weight for block, weight in residuals.weights.items()}
    assert bind(residuals, drawn).identity != identity


@pytest.mark.parametrize("optimizer", ALL)
def test_burgers_with_redrawn_points(optimizer):
    """A new problem object each step, new points every 20: the residual on other points falls a hundredfold."""
    torch.manual_seed(0)
    residuals, points = burgers()
    method, theta = optimizer(), residuals.theta()
    held_out = bind(residuals, points(99))
    state, first = method.init(theta), held_out.loss(theta)
    for step in range(150):
        theta, state, _ = method.step(theta, state, bind(residuals, points(step // 20)))
    assert held_out.loss(theta) < 1e-2 * first


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SSBroyden(c1=0.6), r"optimizer.c1 must be in \(0, 0.5\), got 0.6"),
        (lambda: BFGS(c1=float("nan")), "optimizer.c1 .* got nan"),
        (lambda: SSBFGS(c2=(0.9, 1.0)), r"optimizer.c2 must be in \(c1, 1\)"),
        (lambda: SSBFGS(c2=()), "optimizer.c2 must hold at least one number"),
        (lambda: LBFGS(history=0), "optimizer.history must be >= 1, got 0"),
        (
            lambda: SSBroyden().init(torch.zeros(100_000, dtype=torch.float64)),
            "SSBroyden holds a matrix of 75 GiB for 100000 parameters; try optimizer=lbfgs",
        ),
    ],
)
def test_bad_settings_are_explained(make, message):
    with pytest.raises(UserError, match=message):
        make()
