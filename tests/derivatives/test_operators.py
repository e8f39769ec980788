"""Vector calculus of user functions: closed forms, identities, and the chain rule through a network."""

from math import pi

import pytest
import torch
from agreement import assert_agree
from torch import Tensor, nn

from pinn.basis.errors import UserError
from pinn.derivatives.operators import (
    curl,
    divergence,
    gradient,
    hessian,
    jacobian,
    jacobian_determinant,
    jvp,
    laplacian,
    log_abs_jacobian_determinant,
    vjp,
)
from pinn.networks import MLP


def draw(n: int, d: int) -> Tensor:
    return torch.randn(n, d, dtype=torch.float64)


def network(inputs: int, outputs: int) -> nn.Module:
    """Two linear layers with a tanh between them, its parameters constant."""
    return nn.Sequential(nn.Linear(inputs, 7), nn.Tanh(), nn.Linear(7, outputs)).double().requires_grad_(False)


def surface(x: Tensor) -> Tensor:
    """x^2 y + z^3 sin x, a scalar."""
    return x[0] ** 2 * x[1] + x[2] ** 3 * torch.sin(x[0])


def vector(x: Tensor) -> Tensor:
    """Two components of three coordinates."""
    return torch.stack([x[0] * x[1] * x[2], torch.exp(x[0]) + x[1] ** 2])


def test_jacobian_rows_are_components_and_columns_coordinates():
    points = draw(5, 3)
    x, y, z = points.T
    rows = [[y * z, x * z, x * y], [x.exp(), 2 * y, torch.zeros_like(z)]]
    expected = torch.stack([torch.stack(row, -1) for row in rows], 1)
    assert jacobian(vector, points).shape == (5, 2, 3)
    assert_agree(jacobian(vector, points), expected)


def test_gradient_hessian_and_laplacian_of_a_scalar():
    points = draw(5, 3)
    x, y, z = points.T
    zero = torch.zeros_like(x)
    slope = torch.stack([2 * x * y + z**3 * x.cos(), x**2, 3 * z**2 * x.sin()], -1)
    curvature = [
        [2 * y - z**3 * x.sin(), 2 * x, 3 * z**2 * x.cos()],
        [2 * x, zero, zero],
        [3 * z**2 * x.cos(), zero, 6 * z * x.sin()],
    ]
    expected = torch.stack([torch.stack(row, -1) for row in curvature], 1)
    for found in (gradient(surface, points), jacobian(surface, points)):
        assert found.shape == (5, 3)
        assert_agree(found, slope)
    assert hessian(surface, points).shape == (5, 3, 3)
    assert_agree(hessian(surface, points), expected)
    assert laplacian(surface, points).shape == (5,)
    assert_agree(laplacian(surface, points), expected.diagonal(dim1=1, dim2=2).sum(-1))


def test_hessian_and_laplacian_of_a_vector_go_by_component():
    points = draw(4, 3)
    x, y, z = points.T
    found = hessian(vector, points)
    assert found.shape == (4, 2, 3, 3)
    assert_agree(found[:, 0, 0, 1], z)
    assert_agree(found[:, 1, 1, 1], torch.full_like(y, 2.0))
    assert_agree(laplacian(vector, points), torch.stack([torch.zeros_like(x), x.exp() + 2.0], -1))


def test_divergence_of_the_position_is_the_dimension():
    points = draw(4, 10)
    assert torch.equal(divergence(lambda x: x, points), torch.full((4,), 10.0, dtype=torch.float64))
    squares = divergence(lambda x: x**2 + x.flip(0), points)  # the flip adds nothing to the diagonal
    assert_agree(squares, 2 * points.sum(-1))


def test_curl_of_a_rotation_is_twice_its_angular_velocity():
    spin = torch.tensor([0.3, -1.2, 2.0], dtype=torch.float64)
    found = curl(lambda x: torch.linalg.cross(spin, x), draw(4, 3))
    assert_agree(found, (2 * spin).expand(4, 3))
    plane = curl(lambda x: torch.stack([-0.7 * x[1], 0.7 * x[0]]), draw(4, 2))
    assert plane.shape == (4,)
    assert_agree(plane, torch.full((4,), 1.4, dtype=torch.float64))


def test_curl_of_a_gradient_and_divergence_of_a_curl_vanish():
    points = draw(6, 3)
    f = network(3, 1)

    def grad(x):
        return gradient(f, x.unsqueeze(0))[0]

    # differences of equal second derivatives, which are of order 1: only their rounding remains
    assert float(hessian(f, points).abs().max()) > 0.05
    assert float(curl(grad, points).abs().max()) < 1e-13
    field = network(3, 3)

    def rotation(x):
        return curl(field, x.unsqueeze(0))[0]

    assert float(jacobian(rotation, points).abs().max()) > 0.05
    assert float(divergence(rotation, points).abs().max()) < 1e-13
    assert_agree(divergence(grad, points), laplacian(f, points).squeeze(-1))


def test_polar_coordinates_change_areas_by_the_radius():
    def polar(x: Tensor) -> Tensor:
        return torch.stack([x[0] * torch.cos(x[1]), x[0] * torch.sin(x[1])])

    r = torch.tensor([0.5, 2.0, 1e-3], dtype=torch.float64)
    points = torch.stack([r, torch.tensor([0.1, pi, 4.0], dtype=torch.float64)], -1)
    assert_agree(jacobian_determinant(polar, points), r)
    assert_agree(log_abs_jacobian_determinant(polar, points), r.log())

    def mirrored(x):
        return polar(x).flip(0)

    assert_agree(jacobian_determinant(mirrored, points), -r)
    assert_agree(log_abs_jacobian_determinant(mirrored, points), r.log())


def test_log_determinant_survives_where_the_determinant_underflows():
    points = draw(2, 60)

    def scaled(x):
        return 1e-7 * x

    assert torch.equal(jacobian_determinant(scaled, points), torch.zeros(2, dtype=torch.float64))
    log = 60 * torch.log(torch.tensor(1e-7, dtype=torch.float64))
    assert_agree(log_abs_jacobian_determinant(scaled, points), log.expand(2))
    assert log_abs_jacobian_determinant(torch.zeros_like, points)[0] == -torch.inf


def test_the_jacobian_of_a_network_is_the_product_of_its_layers_jacobians():
    layers = MLP(inputs=3, outputs=2, width=9, depth=3, activation="gelu")
    stages = [nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 3), layers]
    chain = nn.Sequential(*stages).double().requires_grad_(False)
    x = draw(6, 3)
    product = torch.eye(3, dtype=torch.float64).expand(6, 3, 3)
    at = x
    for stage in stages:
        product = jacobian(stage, at) @ product
        at = stage(at)
    assert product.shape == (6, 2, 3)
    assert_agree(product, jacobian(chain, x))


def test_a_layers_jacobian_is_its_weight_and_an_activations_is_diagonal():
    layer, x = nn.Linear(4, 3).double().requires_grad_(False), draw(5, 4)
    assert torch.equal(jacobian(layer, x), layer.weight.expand(5, 3, 4))
    assert_agree(jacobian(torch.tanh, x), torch.diag_embed(1 - x.tanh() ** 2))


@pytest.mark.parametrize("f", [network(3, 2), vector], ids=["module", "function"])
def test_products_are_those_with_the_jacobian(f):
    x, v, w = draw(5, 3), draw(5, 3), draw(5, 2)
    j = jacobian(f, x)
    assert_agree(jvp(f, x, v), torch.einsum("nij,nj->ni", j, v))
    assert_agree(vjp(f, x, w), torch.einsum("ni,nij->nj", w, j))


def test_products_with_the_gradient_of_a_scalar():
    x, v, w = draw(5, 3), draw(5, 3), draw(5, 1)[:, 0]
    slope = gradient(surface, x)
    assert_agree(jvp(surface, x, v), (slope * v).sum(-1))
    assert_agree(vjp(surface, x, w), w.unsqueeze(-1) * slope)


def test_a_module_maps_batches_and_a_function_one_point():
    f, x = network(3, 2), draw(5, 3)
    assert_agree(jacobian(f, x), jacobian(lambda point: f(point), x))

    class FirstColumn(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x[:, 0] ** 2

    assert_agree(gradient(FirstColumn(), x)[:, 0], 2 * x[:, 0])
    assert torch.equal(jacobian(FirstColumn(), x), gradient(FirstColumn(), x))  # (n,) is a scalar: no component axis
    assert gradient(network(3, 1), x).shape == (5, 3)  # one output column is a scalar
    assert jacobian(network(3, 1), x).shape == (5, 1, 3)


def test_results_can_be_differentiated_in_parameters():
    f, x = network(2, 1).requires_grad_(), draw(4, 2)
    energy = gradient(f, x).square().sum()
    energy.backward()
    weight = f[0].weight
    step = torch.zeros_like(weight)
    step[1, 0] = 1e-6
    energies = []
    for sign in (1, -1):
        with torch.no_grad():
            weight += sign * step
            energies.append(float(gradient(f, x).square().sum()))
            weight -= sign * step
    difference = (energies[0] - energies[1]) / 2e-6
    # central differences: 1e-12 of truncation, 1e-16 / 1e-6 of rounding times the energy
    assert abs(difference - float(weight.grad[1, 0])) < 1e-8 * max(1.0, energies[0])


def test_a_constant_function_has_zero_derivatives():
    def constant(x):
        return torch.ones(2, dtype=torch.float64)

    assert torch.equal(jacobian(constant, draw(3, 4)), torch.zeros(3, 2, 4, dtype=torch.float64))


X = torch.ones(3, 2, dtype=torch.float64)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: jacobian(torch.sin, X[0]), r"points must have the shape \(n, d\), got \(2,\).*unsqueeze"),
        (lambda: jacobian(torch.sin, X.int()), "must be real floating-point numbers, got torch.int32"),
        (lambda: jacobian(torch.sin, X[:0]), "at least one point"),
        (lambda: jacobian(torch.sin, [[1.0]]), "must be a tensor .*got list"),
        (lambda: jacobian("sin", X), "must be a function of one point or an nn.Module, got 'sin'"),
        (lambda: jacobian(lambda x: 2.0, X), "must return a tensor, got float"),
        (lambda: jacobian(lambda x: x.to(torch.complex128), X), "real floating-point values, got torch.complex128"),
        (lambda: jacobian(lambda x: torch.outer(x, x), X), r"got the shape \(2, 2\)"),
        (lambda: jacobian(nn.Flatten(0), X), r"a module must map \(n, d\) to .*got \(2,\) for n = 1"),
        (lambda: gradient(torch.sin, X), "gradient needs a scalar function, got 2 components; try jacobian"),
        (lambda: divergence(lambda x: x.sum(), X), r"divergence needs as many components .* got \(\) from 2"),
        (lambda: curl(torch.sin, torch.ones(3, 4)), "defined in 2 and 3 dimensions, got points with 4 coordinates"),
        (lambda: curl(lambda x: x[:1], X), r"curl needs as many components as coordinates, got \(1,\) from 2"),
        (lambda: jacobian_determinant(lambda x: x[:1], X), r"jacobian_determinant needs as many .*\(1,\) from 2"),
        (lambda: log_abs_jacobian_determinant(lambda x: x[0], X), "log_abs_jacobian_determinant needs as many"),
        (lambda: jvp(torch.sin, X, X[:2]), r"directions must be torch.float64 of shape \(3, 2\).*got .* \(2, 2\)"),
        (lambda: jvp(torch.sin, X, X.float()), "directions must be torch.float64.*got torch.float32"),
        (lambda: vjp(torch.sin, X, X[:2]), r"one for each of 3 points, got \(2, 2\)"),
        (lambda: vjp(torch.sin, X, X[:, :1]), r"each cotangent must be .* of shape \(2,\).*got .*\(1,\)"),
    ],
)
def test_what_does_not_fit_is_refused(call, message):
    with pytest.raises(UserError, match=message):
        call()
