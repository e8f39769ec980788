"""Taylor mode against closed forms and against the torch.func reference."""

import math
from functools import partial

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from agreement import assert_agree
from torch.func import jacrev, vmap

from pinn.basis.errors import UserError
from pinn.derivatives.channels import Channels
from pinn.derivatives.elementary import ELEMENTARY
from pinn.derivatives.jets import Jet, NoJetRule, coordinate_jet
from pinn.derivatives.names import Symbol
from pinn.derivatives.numpy_calls import called

FUNCTIONS = [f for f in ELEMENTARY if f not in (torch.Tensor.tanh, torch.relu, F.relu, torch.abs, torch.Tensor.abs)]


def jet_at(points: torch.Tensor, *orders: tuple[int, ...]) -> Jet:
    d = points.shape[1]
    return coordinate_jet(points, Channels.closure([Symbol(o) for o in orders], d))


def nested(f, order: int):
    """The order-th derivative of a scalar function of one number by nested jacrev."""
    for _ in range(order):
        f = jacrev(f)
    return f


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: getattr(f, "__name__", str(f)))
def test_elementary_functions_to_order_six(function):
    z = torch.linspace(0.3, 1.7, 7, dtype=torch.float64)  # inside every domain: log, sqrt, powers
    for order, derivative in enumerate(ELEMENTARY[function](z, 6)):
        assert_agree(derivative, vmap(nested(function, order))(z), f"order {order}")


@pytest.mark.parametrize("function", [torch.abs, F.relu])
def test_kinked_functions_away_from_the_kink(function):
    z = torch.tensor([-1.5, -0.2, 0.4, 2.0], dtype=torch.float64)
    for order, derivative in enumerate(ELEMENTARY[function](z, 3)):
        assert_agree(derivative, vmap(nested(function, order))(z), f"order {order}")


EXPRESSIONS = {
    "product": lambda x, y: torch.sin(x) * torch.exp(y) * x,
    "quotient": lambda x, y: torch.cos(x * y) / (2.0 + y * y),
    "powers": lambda x, y: (1.5 + x) ** 2.5 + (2 + y) ** -1 + 2.0 ** (x * y) + x**3,
    "constants": lambda x, y: 1.0 - 3.0 / (2.0 + x) + (5.0 - y) * x - y / 4.0,
    "tensor first": lambda x, y: (
        torch.tensor(2.0, dtype=torch.float64) * x + torch.tensor(1.0, dtype=torch.float64) - y
    ),
    "stack and sum": lambda x, y: torch.stack([x, y * y, x * y], -1).sum(-1).square(),
    "cat and index": lambda x, y: torch.cat([x[..., None], (x * y)[..., None]], -1)[..., 1].tanh(),
    "methods": lambda x, y: (x.sin() + y.exp()).reshape(-1, 1).squeeze(-1).unsqueeze(0)[0],
    "mean": lambda x, y: torch.stack([x * x, y], -1).mean(-1) - torch.sqrt(2.0 + x),
}


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_expressions_of_two_coordinates(name):
    f = EXPRESSIONS[name]
    points = torch.rand(6, 2, dtype=torch.float64)
    wanted = [(2, 2), (0, 3)]
    jet = f(*(jet_at(points, *wanted)[:, i] for i in range(2)))
    for symbol in jet.channels.symbols:
        reference = partial(nested_in, lambda p: f(p[0].reshape(1), p[1].reshape(1)).reshape(()), symbol.orders)
        assert_agree(jet.derivative(symbol), vmap(reference)(points), f"{name} {symbol.orders}")


def nested_in(f, orders, point):
    """The partial derivative of f at one point by nested jacrev."""
    i = next((i for i, order in enumerate(orders) if order), None)
    if i is None:
        return f(point)
    lower = tuple(order - (j == i) for j, order in enumerate(orders))
    return jacrev(partial(nested_in, f, lower))(point)[i]


def test_einsum_and_matmul_with_constants():
    points = torch.rand(5, 2, dtype=torch.float64)
    matrix = torch.rand(2, 3, dtype=torch.float64)
    x = jet_at(points, (1, 1))
    assert_agree(torch.einsum("ni,io->no", x, matrix).coefficients, (x @ matrix).coefficients)
    assert_agree((x @ matrix).value, points @ matrix)


def test_jets_of_fields_are_jets_of_their_derivatives():
    points = torch.rand(5, 2, dtype=torch.float64)
    x, t = (jet_at(points, (2, 1))[:, i] for i in range(2))
    u = torch.sin(x) * t
    channels = Channels.closure([Symbol((1, 1))], 2)
    u_x = u.differentiated(Symbol((1, 0)), channels)
    assert_agree(
        (u_x * u_x).derivative(Symbol((1, 0))),
        -2 * torch.cos(points[:, 0]) * torch.sin(points[:, 0]) * points[:, 1] ** 2,
    )


def test_an_operation_without_a_rule_is_named():
    x = jet_at(torch.rand(3, 2, dtype=torch.float64), (1, 0))
    with pytest.raises(NoJetRule, match=r"cumsum.*derivatives=reverse"):
        torch.cumsum(x, 0)


def test_options_that_a_rule_does_not_know_are_refused():
    x = jet_at(torch.rand(3, 2, dtype=torch.float64), (1, 0))
    for call in (lambda: F.gelu(x, approximate="tanh"), lambda: F.softplus(x, beta=2), lambda: F.softplus(x, 1, 5)):
        with pytest.raises(NoJetRule, match="no rule for"):
            call()
    assert_agree(torch.nn.Softplus()(x).value, F.softplus(x.value))
    assert_agree(torch.nn.GELU()(x).value, F.gelu(x.value))


def test_numpy_functions_are_refused_by_name():
    x = jet_at(torch.rand(3, 2, dtype=torch.float64), (1, 0))
    with pytest.raises(UserError, match=r"test_jets.py, line \d+, in .*: np.sin met .*; use torch.sin"):
        np.sin(x)
    with pytest.raises(UserError, match=r"test_jets.py, line \d+, in .*: np.interp met .*; use pinn.Table"):
        np.interp(x, [0.0, 1.0], [1.0, 2.0])


def test_numpy_and_math_are_refused_where_they_meet_tensors_with_derivatives():
    x = torch.rand(3, dtype=torch.float64, requires_grad=True)
    for function in (lambda: np.exp(x), lambda: math.exp(x), lambda: np.where(x < 0.5, x, 1.0)):
        with pytest.raises(UserError, match=r"test_jets.py, line \d+, in <lambda>: .*; use torch.(exp|where)"):
            called(function)
    with pytest.raises(RuntimeError, match="size"):  # other errors stay what they are
        called(lambda: x + torch.ones(2))


def test_float32_stays_float32():
    x = jet_at(torch.rand(3, 2), (2, 0))
    assert torch.tanh(x * 2.0 + 1.0).dtype == torch.float32


def test_numbers_that_become_tensors_in_a_users_function_are_as_precise_as_its_arguments():
    y = torch.tensor([0.0, 2.0], dtype=torch.float64)
    assert called(lambda y: torch.where(y < 1, 1.38, 400.1), y).tolist() == [1.38, 400.1]
    assert torch.get_default_dtype() is torch.float32
