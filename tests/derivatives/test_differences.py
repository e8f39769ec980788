"""Numerical derivatives: the weights, the honesty of the bounds, and where each method gives up."""

import math

import pytest
import torch
from torch import Tensor

from pinn.derivatives.differences import (
    central_difference,
    central_weights,
    complex_step,
    differentiate,
    numerical,
)
from pinn.derivatives.names import Symbol

ONE = torch.ones(2, dtype=torch.float64)


def draw(n: int = 12, d: int = 2) -> Tensor:
    return torch.rand(n, d, dtype=torch.float64)


@pytest.mark.parametrize(
    ("order", "accuracy", "weights"),
    [
        (1, 2, [-1 / 2, 0, 1 / 2]),
        (2, 2, [1, -2, 1]),
        (4, 2, [1, -4, 6, -4, 1]),
        (2, 8, [-1 / 560, 8 / 315, -1 / 5, 8 / 5, -205 / 72, 8 / 5, -1 / 5, 8 / 315, -1 / 560]),
        (3, 4, [1 / 8, -1, 13 / 8, 0, -13 / 8, 1, -1 / 8]),
    ],
)
def test_weights_are_those_of_the_tables(order, accuracy, weights):
    """Fornberg 1988, doi:10.1090/S0025-5718-1988-0935077-0, table 1. They are rounded once, from exact fractions."""
    assert list(central_weights(order, accuracy)) == weights


@pytest.mark.parametrize("accuracy", [2, 4, 6, 8])
@pytest.mark.parametrize("order", [1, 2, 3, 4, 5, 6])
def test_weights_have_the_order_of_accuracy_that_they_claim(order, accuracy):
    """On x^j at x = 0 with h = 1: exact for j < order + accuracy, and for the next even offset no more."""
    weights = central_weights(order, accuracy)
    r = len(weights) // 2
    for j in range(order + accuracy + 1):
        value = math.fsum(w * float(s) ** j for s, w in enumerate(weights, -r))
        largest = max(abs(w) * float(abs(s)) ** j for s, w in enumerate(weights, -r))
        expected = math.factorial(order) if j == order else 0
        if j < order + accuracy:
            assert abs(value - expected) <= 4e-16 * largest * len(weights)
        else:
            assert abs(value) > 0.01


FUNCTIONS = {
    "wave": lambda x, y: torch.sin(3 * x + 2 * y),
    "fast wave": lambda x, y: torch.sin(200 * x) * torch.cos(y),
    "exponential": lambda x, y: torch.exp(-(x**2) + x * y),
    "pole": lambda x, y: 1.0 / (1.2 - x) + y**3 * x**4,
    "tiny": lambda x, y: 1e-12 * torch.tanh(4 * x - y),
    "offset": lambda x, y: 1e3 + torch.sin(x * y),
    "constant": lambda x, y: 1.0 + 0.0 * x * y,
}


@pytest.mark.parametrize("orders", [(1, 0), (2, 0), (0, 3), (4, 0), (5, 0), (6, 0), (1, 1), (2, 2), (4, 2), (1, 3)])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_error_is_below_the_bound(name, orders):
    f = FUNCTIONS[name]
    points = draw()
    found = central_difference(lambda p: f(*p.T), points, orders, ONE)
    columns = [c.clone().requires_grad_() for c in points.T]
    exact = f(*columns)
    for column, order in zip(columns, orders, strict=True):
        for _ in range(order):
            (exact,) = torch.autograd.grad(exact.sum(), column, create_graph=True, materialize_grads=True)
            exact = exact + 0.0 * (columns[0] * columns[1]).sum()  # stays differentiable where it is constant
    exact = exact.detach()
    # rounding of the exact derivative itself
    assert float((found.values - exact).abs().max()) <= found.bound + 1e-14 * float(exact.abs().max())


@pytest.mark.parametrize(("order", "tight"), [(1, 1e-12), (2, 1e-10), (3, 1e-8), (4, 1e-7), (5, 1e-5), (6, 1e-4)])
def test_the_bound_is_tight_enough_to_find_a_wrong_derivative(order, tight):
    # accuracy h^8: the best error is eps^(8 / (8 + order)), times some tens for the bound's caution
    found = central_difference(lambda p: torch.sin(3 * p[:, 0]), draw(), (order, 0), ONE)
    assert found.bound <= tight * 3.0**order


@pytest.mark.parametrize("length", [1e-3, 1.0, 1e3])
def test_the_steps_scale_with_the_lengths(length):
    lengths = length * ONE
    found = central_difference(lambda p: torch.sin(p[:, 0] / length), length * draw(), (2, 0), lengths)
    assert found.bound < 1e-10 / length**2


def test_steps_that_leave_the_functions_domain_are_not_used():
    points = torch.tensor([[0.01, 0.0]], dtype=torch.float64)
    found = central_difference(lambda p: torch.log(p[:, 0]), points, (1, 0), ONE)  # NaN for x < 0
    assert abs(float(found.values) - 100.0) <= found.bound < 1e-8
    nowhere = central_difference(lambda p: torch.full_like(p[:, 0], torch.nan), points, (1, 0), ONE)
    assert nowhere.bound == math.inf


@pytest.mark.parametrize(
    ("f", "order"),
    [
        (lambda x: (x - 0.5).abs(), 2),  # a kink
        (lambda x: torch.round(1e3 * x + 0.5), 1),  # a jump among many, whose mean slope is not the derivative
        (lambda x: torch.sin(1e9 * x), 1),  # far below the smallest step
    ],
)
def test_what_is_too_rough_has_no_bound(f, order):
    points = torch.tensor([[0.5, 0.0]], dtype=torch.float64)
    assert central_difference(lambda p: f(p[:, 0]), points, (order, 0), ONE).bound == math.inf


def test_operators_are_differentiated_term_by_term():
    points = draw()
    laplacian = Symbol((0, 0), (((0, 0, 1.0), (1, 1, 1.0)),))
    biharmonic = laplacian + laplacian
    x, y = points.T

    def wave(p):
        return torch.sin(2 * p[:, 0]) * torch.cos(3 * p[:, 1])

    for symbol, factor in ((laplacian, -13.0), (biharmonic, 169.0)):
        found = differentiate(wave, points, symbol, ONE)
        error = found.values - factor * torch.sin(2 * x) * torch.cos(3 * y)
        assert float(error.abs().max()) <= found.bound < 1e-5 * abs(factor)


def test_the_complex_step_is_exact_to_rounding():
    points = draw()
    found = complex_step(lambda p: torch.exp(p[:, 0]) * torch.sin(p[:, 1]), points, 1, ONE)
    exact = torch.exp(points[:, 0]) * torch.cos(points[:, 1])
    assert float((found - exact).abs().max()) <= 1e-15 * math.e


@pytest.mark.parametrize(
    "f",
    [
        lambda p: torch.erf(p[:, 0]),  # torch has no complex erf
        lambda p: p[:, 0].real,  # real values
        lambda p: torch.log(p[:, 0] * 0),  # infinite
    ],
)
def test_the_complex_step_gives_up_where_the_code_is_for_real_numbers(f):
    assert complex_step(f, draw(), 0, ONE) is None


def test_first_derivatives_are_by_complex_step_where_differences_confirm_it():
    points, first = draw(), Symbol((1, 0))

    def smooth(p):
        return torch.sin(p[:, 0])

    estimate, method = numerical(smooth, smooth, points, first, ONE)
    assert (method, estimate.bound) == ("complex step", 0.0)
    assert numerical(smooth, smooth, points, Symbol((2, 0)), ONE)[1] == "differences"

    def modulus(p):
        return (p[:, 0] - 0.5).abs() * p[:, 0]

    away = points[(points[:, 0] - 0.5).abs() > 0.05]
    estimate, method = numerical(modulus, modulus, away, first, ONE)  # not analytic: a complex step is wrong
    assert method == "differences"
    exact = torch.sign(away[:, 0] - 0.5) * (2 * away[:, 0] - 0.5)
    assert float((estimate.values - exact).abs().max()) <= estimate.bound < 1e-10
