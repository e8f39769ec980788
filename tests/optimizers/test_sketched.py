"""Sketches: the subspace is orthonormal, every product is that of the whole, and large networks gain."""

from functools import partial

import pytest
import torch
from agreement import assert_agree
from drawn import error, make_bound
from least_squares import PROBLEMS, run

from pinn.basis.errors import UserError
from pinn.networks import MLP
from pinn.optimizers import SPRING, LeastDamping, Sketched
from pinn.optimizers.sketched import Subspace
from pinn.problems import Burgers, Poisson2D


def matrix(subspace):
    """S (q, p), column by column of its transpose."""
    (q,) = subspace.shapes["y"]
    return torch.stack([subspace.lifted(row) - subspace.theta for row in torch.eye(q, dtype=torch.float64)])


@pytest.mark.parametrize("q", [1, 7, 20, 36, 41])  # p = 41
def test_the_rows_are_orthonormal_and_use_every_parameter_once(q):
    bound = make_bound(Poisson2D(), partial(MLP, width=10, depth=1), 20)
    s = matrix(Subspace(bound, torch.zeros(41, dtype=torch.float64), q, torch.Generator().manual_seed(0)))
    assert_agree(s @ s.mT, torch.eye(q, dtype=torch.float64))
    assert ((s != 0).sum(0) == 1).all()
    buckets = (s != 0).sum(1)
    assert int(buckets.max() - buckets.min()) <= 1


@pytest.mark.parametrize("chunk", [None, 7])
def test_products_are_those_of_the_whole(chunk):
    bound = make_bound(Burgers(), partial(MLP, width=6, depth=2), 60, "soft")
    bound.residuals.chunk = chunk
    theta = bound.residuals.theta()
    subspace = Subspace(bound, theta, 20, torch.Generator().manual_seed(0))
    s, y = matrix(subspace), 0.1 * torch.randn(20, dtype=torch.float64)
    r, j = bound.jacobian(theta + s.mT @ y)
    assert len(subspace) == len(r)
    assert subspace.loss(y) == pytest.approx(float(r @ r), rel=1e-12)
    assert_agree(subspace.residual(y), r)
    for found, expected in zip(subspace.jacobian(y), (r, j @ s.mT), strict=True):
        assert_agree(found, expected)
    product, right, loss = subspace.normal_equations(y)
    assert_agree(product, s @ j.mT @ j @ s.mT)
    assert_agree(right, s @ j.mT @ r)
    assert loss == pytest.approx(float(r @ r), rel=1e-12)
    assert_agree(subspace.loss_and_gradient(y)[1], 2 * s @ j.mT @ r)
    v, w = torch.randn(20, dtype=torch.float64), torch.randn_like(r)
    assert_agree(subspace.jvp(y, v), j @ s.mT @ v)
    assert_agree(subspace.vjp(y, w), s @ j.mT @ w)


def test_the_whole_space_gives_the_step_of_the_method_itself():
    problem = PROBLEMS["stiff_fit"]()
    whole, sketched = run(LeastDamping(), problem, 4)[0], run(Sketched(share=1.0), problem, 4)[0]
    torch.testing.assert_close(sketched, whole, rtol=1e-8, atol=0)  # rounding of four stiff steps


def test_each_step_takes_another_subspace():
    problem, optimizer = PROBLEMS["linear"](), Sketched(LeastDamping(damping=1e-12), share=0.4)
    theta, state, _ = run(optimizer, problem, 1)
    moved, _, _ = run(optimizer, problem, 1, theta, state)
    assert problem.loss(moved) < 0.9 * problem.loss(theta)  # in the same subspace nothing would be left to gain


def test_half_the_directions_reach_what_all_reach():
    """Poisson with 609 parameters at 900 points: J has fewer directions that count."""
    bound = make_bound(Poisson2D(), partial(MLP, width=16, depth=3), 900)
    theta = bound.residuals.theta()
    whole, half = (run(optimizer, bound, 12, theta)[0] for optimizer in (LeastDamping(), Sketched()))
    assert error(bound, half) < 3 * error(bound, whole)
    assert error(bound, half) < 1e-2


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Sketched(SPRING()), "optimizer.method must keep no vectors from step to step"),
        (lambda: Sketched(share=0.0), r"optimizer.share must be in \(0, 1\], got 0.0"),
        (lambda: Sketched(seed=-1), "optimizer.seed must be >= 0, got -1"),
    ],
)
def test_bad_settings_are_explained(make, message):
    with pytest.raises(UserError, match=message):
        make()
