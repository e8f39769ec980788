"""What is particular to L-BFGS; what it shares is tested with the other quasi-Newton methods."""

import torch
from least_squares import PROBLEMS, LeastSquaresProblem, run, shifted, trajectory

from pinn.optimizers import LBFGS


def test_limited_memory_learns_nothing_from_two_problems():
    """After a redraw y would mix gradients of two functions: the memory keeps its pairs and adds none."""
    method = LBFGS()
    theta, state, _ = run(method, shifted(0), 3)
    pairs = state["memory"]["state"][0]["old_dirs"]
    _, state, report = method.step(theta, state, shifted(1))
    assert report["accepted"]
    after = state["memory"]["state"][0]["old_dirs"]
    assert len(after) == len(pairs)
    assert all(torch.equal(old, new) for old, new in zip(pairs, after, strict=True))
    assert float(state["memory"]["state"][0]["prev_flat_grad"].norm()) > 0


def test_limited_memory_does_not_see_the_scale_of_the_loss():
    """torch ignores pairs with y^T s <= 1e-10: a loss smaller by 2^-80 still gives the same path, digit by digit."""
    problem = PROBLEMS["rosenbrock"]()
    small = LeastSquaresProblem(lambda theta: 2.0**-40 * problem.residual(theta), problem.start)
    for a, b in zip(trajectory(LBFGS(), problem, 30), trajectory(LBFGS(), small, 30), strict=True):
        assert torch.equal(a[0], b[0])
