"""Steps of given lengths, from a spectrum and by solves."""

import pytest
import torch

from pinn.linear_algebra.damped import Cholesky, ConjugateGradients, Dual, Eigen, Orthogonal, Triangular


def jacobian(n=12, p=5):
    generator = torch.Generator().manual_seed(0)
    j = torch.randn(n, p, dtype=torch.float64, generator=generator)
    return j * torch.logspace(0, -3, p, dtype=torch.float64), torch.randn(n, dtype=torch.float64, generator=generator)


def systems(j, r):
    q, triangle = torch.linalg.qr(j)
    adjoint = lambda w: j.mT @ w  # noqa: E731
    return {
        "cholesky": Cholesky(j.mT @ j, adjoint),
        "eigen": Eigen(j.mT @ j, adjoint),
        "orthogonal": Orthogonal(j),
        "triangular": Triangular(triangle, q.mT @ r, r, adjoint),
        "dual": Dual(j),
        "conjugate gradients": ConjugateGradients(lambda v: j @ v, adjoint),
    }


RADII = torch.logspace(-3, 0, 7, dtype=torch.float64)
SOLVED_FOR = ("cholesky", "conjugate gradients")


@pytest.mark.parametrize("shape", [(12, 5), (5, 9)])
@pytest.mark.parametrize("name", systems(*jacobian()))
def test_steps_are_as_long_as_asked_and_predict_what_the_model_gives(name, shape):
    if name in ("cholesky", "eigen", "triangular") and shape[0] < shape[1]:
        pytest.skip("J^T J is singular")
    j, r = jacobian(*shape)
    system = systems(j, r)[name]
    steps = list(system.steps(RADII, 1e-30, r, j.mT @ r))
    assert len(steps) == len(RADII)
    for radius, step in zip(RADII.tolist(), steps, strict=True):
        # a spectrum solves the secular equation to 1e-10; by solves a tenth is enough
        assert float(step.delta.norm()) == pytest.approx(radius, rel=0.11 if name in SOLVED_FOR else 1e-9)
        damped = torch.linalg.solve(j.mT @ j + step.damping * torch.eye(j.shape[1], dtype=j.dtype), -j.mT @ r)
        # conjugate gradients stop at 1e-6; else rounding times a condition number below 1e6
        close = 1e-4 if name == "conjugate gradients" else 1e-8
        torch.testing.assert_close(step.delta, damped, rtol=close, atol=close * radius)
        predicted = float(r @ r - (r + j @ step.delta) @ (r + j @ step.delta))
        assert step.predicted == pytest.approx(predicted, rel=1e-6, abs=1e-6 * float(r @ r))


@pytest.mark.parametrize("name", systems(*jacobian()))
def test_where_the_whole_step_is_shorter_it_is_damped_least(name):
    j, r = jacobian()
    whole = torch.linalg.lstsq(j, -r.unsqueeze(1)).solution.squeeze(1)
    radius = 3.0 * whole.norm().reshape(1)
    (step,) = systems(j, r)[name].steps(radius, 1e-20, r, j.mT @ r)
    assert step.damping == 1e-20
    torch.testing.assert_close(step.delta, whole, rtol=1e-6, atol=1e-6 * float(radius))


def test_where_a_matrix_is_indefinite_by_rounding_steps_by_solves_end():
    right = torch.tensor([1.0, 0.0], dtype=torch.float64)
    system = Cholesky(torch.diag(torch.tensor([1.0, -1e-3], dtype=torch.float64)), lambda w: w)
    # steps are 1 / (1 + damping) long, and the matrix is definite from a damping of 1e-3
    radii = torch.tensor([0.5, 2.0], dtype=torch.float64)
    (step,) = system.steps(radii, 1e-30, right, right)
    assert float(step.delta.norm()) == pytest.approx(0.5, rel=0.11)
    assert not list(system.steps(radii[1:], 1e-30, right, right))
