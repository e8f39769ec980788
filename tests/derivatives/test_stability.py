"""Linear stability: Lorenz's fixed points, a recurrent network's state map, textbook matrices."""

import math

import pytest
import torch
from torch import Tensor, nn

from pinn.basis.errors import UserError
from pinn.derivatives.stability import Verdict, stability

SIGMA, BETA = 10.0, 8.0 / 3.0
CRITICAL = (
    SIGMA * (SIGMA + BETA + 3.0) / (SIGMA - BETA - 1.0)
)  # 24.7368...: Hopf bifurcation of the two convection rolls


def lorenz(rho: float):
    def f(x: Tensor) -> Tensor:
        return torch.stack([SIGMA * (x[1] - x[0]), x[0] * (rho - x[2]) - x[1], x[0] * x[1] - BETA * x[2]])

    return f


def rolls(rho: float, sign: float = 1.0) -> Tensor:
    amplitude = sign * math.sqrt(BETA * (rho - 1.0))
    return torch.tensor([amplitude, amplitude, rho - 1.0], dtype=torch.float64)


def linear(matrix):
    matrix = torch.as_tensor(matrix, dtype=torch.float64)
    return lambda x: matrix @ x


@pytest.mark.parametrize(
    ("rho", "verdict"),
    [(0.9, Verdict.STABLE), (1.0, Verdict.MARGINAL), (1.1, Verdict.UNSTABLE), (28.0, Verdict.UNSTABLE)],
)
def test_the_conducting_state_of_lorenz_loses_stability_at_one(rho, verdict):
    found = stability(lorenz(rho), torch.zeros(3, dtype=torch.float64))
    assert found.verdict is verdict
    root = math.sqrt((SIGMA + 1.0) ** 2 + 4.0 * SIGMA * (rho - 1.0))
    expected = sorted([-BETA, (-SIGMA - 1.0 + root) / 2.0, (-SIGMA - 1.0 - root) / 2.0], reverse=True)
    # eigenvalues of a well-conditioned 3 x 3 matrix of norm 30: 1e-13 is 30 times its rounding
    assert found.eigenvalues.real.tolist() == pytest.approx(expected, abs=1e-13)
    assert found.dimensions == {0.9: (3, 0, 0), 1.0: (2, 1, 0)}.get(rho, (2, 0, 1))


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize(
    ("rho", "verdict"),
    [
        (5.0, Verdict.STABLE),
        (CRITICAL - 1e-6, Verdict.STABLE),
        (CRITICAL, Verdict.MARGINAL),
        (CRITICAL + 1e-6, Verdict.UNSTABLE),
        (28.0, Verdict.UNSTABLE),
    ],
)
def test_the_rolls_of_lorenz_lose_stability_at_the_critical_number(rho, verdict, sign):
    found = stability(lorenz(rho), rolls(rho, sign))
    assert found.verdict is verdict
    assert found.jacobian.shape == (3, 3)


def test_the_rolls_lose_stability_by_a_pair_of_imaginary_eigenvalues():
    found = stability(lorenz(CRITICAL), rolls(CRITICAL))
    frequency = math.sqrt(BETA * (SIGMA + CRITICAL))  # from the characteristic polynomial at the crossing
    assert found.dimensions == (1, 2, 0)
    assert sorted(found.eigenvalues.imag.tolist()) == pytest.approx([-frequency, 0.0, frequency], abs=1e-12)
    assert found.growth == pytest.approx(0.0, abs=1e-13)
    assert "1 decaying, 2 neutral, 0 growing" in str(found)


def cell(radius: float) -> nn.RNNCell:
    """A recurrent cell whose weight on its state has this spectral radius."""
    made = nn.RNNCell(2, 6).double().requires_grad_(False)
    made.weight_hh *= radius / torch.linalg.eigvals(made.weight_hh).abs().max()
    made.bias_ih.zero_()
    made.bias_hh.zero_()
    return made


@pytest.mark.parametrize(
    ("radius", "verdict"), [(0.9, Verdict.STABLE), (1.1, Verdict.UNSTABLE), (1.0, Verdict.MARGINAL)]
)
def test_the_rest_state_of_a_recurrent_cell(radius, verdict):
    recurrent, silence = cell(radius), torch.zeros(2, dtype=torch.float64)
    found = stability(lambda h: recurrent(silence, h), torch.zeros(6, dtype=torch.float64), discrete=True)
    assert torch.equal(found.jacobian, recurrent.weight_hh)
    assert found.verdict is verdict
    assert found.growth == pytest.approx(radius, rel=1e-13)


def test_states_of_a_driven_recurrent_cell_approach_its_equilibrium_at_the_predicted_rate():
    recurrent, drive = cell(0.95), torch.tensor([0.8, -0.5], dtype=torch.float64)

    def state_map(h):
        return recurrent(drive, h)

    equilibrium = torch.zeros(6, dtype=torch.float64)
    for _ in range(2000):
        equilibrium = state_map(equilibrium)
    found = stability(state_map, equilibrium, discrete=True)
    slope = torch.diag(1.0 - equilibrium**2) @ recurrent.weight_hh
    assert torch.allclose(found.jacobian, slope, rtol=0, atol=1e-14)
    assert found.verdict is Verdict.STABLE
    distances = []
    h = equilibrium + 1e-3 * torch.randn(6, dtype=torch.float64)
    for _ in range(81):
        distances.append(float((h - equilibrium).norm()))
        h = state_map(h)
    rate = (distances[80] / distances[20]) ** (1.0 / 60.0)
    # over 60 steps the other eigenvalues and the phase of a complex pair change the norm by a factor of a few:
    # 5^(1/60) = 1.03
    assert rate == pytest.approx(found.growth, rel=0.03)


@pytest.mark.parametrize(
    ("matrix", "discrete", "verdict", "dimensions"),
    [
        ([[-1.0, 5.0], [0.0, -2.0]], False, Verdict.STABLE, (2, 0, 0)),
        ([[1.0, 0.0], [0.0, -1.0]], False, Verdict.UNSTABLE, (1, 0, 1)),  # a saddle
        ([[0.0, 1.0], [-1.0, 0.0]], False, Verdict.MARGINAL, (0, 2, 0)),  # a center
        ([[0.0, 1.0], [0.0, 0.0]], False, Verdict.MARGINAL, (0, 2, 0)),  # a double zero with one eigenvector
        ([[-1.0, 1.0], [0.0, -1.0]], False, Verdict.STABLE, (2, 0, 0)),  # a defective sink
        ([[0.0, 0.0], [0.0, 0.0]], False, Verdict.MARGINAL, (0, 2, 0)),
        ([[0.6, -0.8], [0.8, 0.6]], True, Verdict.MARGINAL, (0, 2, 0)),  # a rotation
        ([[0.5, 0.0], [0.0, -1.5]], True, Verdict.UNSTABLE, (1, 0, 1)),  # a flip: the modulus counts, not the sign
        ([[-1.0, 0.0], [0.0, 0.5]], True, Verdict.MARGINAL, (1, 1, 0)),
        ([[-1.0, 0.0], [0.0, -1e9]], False, Verdict.STABLE, (2, 0, 0)),  # stiff: the slow direction is still told
    ],
)
def test_textbook_matrices(matrix, discrete, verdict, dimensions):
    found = stability(linear(matrix), torch.zeros(2, dtype=torch.float64), discrete=discrete)
    assert (found.verdict, found.dimensions) == (verdict, dimensions)


def test_the_most_unstable_eigenvalue_comes_first():
    found = stability(linear([[-3.0, 0.0], [0.0, 2.0]]), torch.zeros(2, dtype=torch.float64))
    assert found.eigenvalues.real.tolist() == [2.0, -3.0]
    assert found.growth == 2.0
    assert (
        stability(linear([[-3.0, 0.0], [0.0, 2.0]]), torch.zeros(2, dtype=torch.float64), discrete=True).growth == 3.0
    )


def test_the_tolerance_widens_what_counts_as_neutral():
    slow = linear([[-1e-3, 0.0], [0.0, -1.0]])
    origin = torch.zeros(2, dtype=torch.float64)
    assert stability(slow, origin).verdict is Verdict.STABLE
    assert stability(slow, origin, tolerance=1e-2).verdict is Verdict.MARGINAL


def test_a_module_takes_batches():
    layer = nn.Linear(3, 3, bias=False).double().requires_grad_(False)
    found = stability(nn.Sequential(layer, nn.Tanh()), torch.zeros(3, dtype=torch.float64), discrete=True)
    assert torch.equal(found.jacobian, layer.weight)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: stability(torch.cos, torch.zeros(2)), r"must satisfy f\(x\) = 0, got a mismatch of 1"),
        (lambda: stability(lambda x: x + 1.0, torch.zeros(2), discrete=True), r"must satisfy f\(x\) = x"),
        (lambda: stability(torch.sin, torch.zeros(2, 2)), r"one point \(d,\), got the shape \(2, 2\)"),
        (lambda: stability(torch.sin, [0.0]), "must be a tensor .*got list"),
        (lambda: stability(lambda x: x[:1], torch.zeros(2)), "must map 2 numbers to 2"),
        (lambda: stability(torch.sqrt, torch.zeros(2)), "Jacobian at this equilibrium is not finite"),
        (lambda: stability(torch.sin, torch.zeros(2), tolerance=-1.0), "tolerance must be >= 0 or None, got -1.0"),
    ],
)
def test_what_does_not_fit_is_refused(call, message):
    with pytest.raises(UserError, match=message):
        call()
