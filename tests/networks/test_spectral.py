"""Spectral functions: that they are what they are called, which are taken, and their sums without products."""

from functools import partial

import numpy as np
import pytest
import torch
from agreement import assert_agree

from pinn.derivatives.channels import Channels
from pinn.derivatives.jets import coordinate_jet
from pinn.derivatives.names import Symbol
from pinn.networks import Spectral
from pinn.networks.places import unbent
from pinn.problems import AllenCahn, Kovasznay
from pinn.residuals.assembly import Assembly
from pinn.residuals.exact_terms import make_residuals
from pinn.residuals.least_squares import bind
from pinn.sampling import SobolSampler
from pinn.trial.making import make_trial

ROUNDING = 1e-12  # of sums of a few dozen terms of size one


def spread(network: Spectral) -> Spectral:
    """With random weights."""
    with torch.no_grad():
        network.last.weight.normal_(generator=torch.Generator().manual_seed(1))
    return network.double()


def test_features_are_products_of_chebyshev_polynomials():
    network, x = Spectral(2, 1, width=12).double(), 2.0 * torch.rand(5, 2, dtype=torch.float64) - 1.0
    for (k, m), column in zip(network.orders.tolist(), network.features(x).mT, strict=True):
        one, other = ((np.eye(12)[int(n)]) for n in (k, m))
        expected = np.polynomial.chebyshev.chebval(x[:, 0], one) * np.polynomial.chebyshev.chebval(x[:, 1], other)
        assert np.allclose(column.detach(), expected, rtol=0, atol=ROUNDING)


def test_two_inputs_of_one_coordinate_are_a_period():
    network, x = Spectral(2, 1, width=5).double(), torch.rand(7, dtype=torch.float64) * 6.0
    network.see([0, 0])
    network.double()
    columns = network.features(torch.stack([x.cos(), x.sin()], -1)).detach()
    expected = torch.stack([torch.ones_like(x), x.cos(), x.sin(), (2 * x).cos(), (2 * x).sin()], -1)
    assert torch.allclose(columns, expected, rtol=0, atol=ROUNDING)


@pytest.mark.parametrize("bend", [(0.0, 0.0), (0.3, 20.0)])
def test_derivatives_by_jets_are_those_by_autograd(bend):
    network = spread(Spectral(3, 2, width=20))
    network.see([1, 0, 0])  # a polynomial in the first input, harmonics of the others
    network.double()
    network.bend(0, *bend)
    symbols = [Symbol((0, 4)), Symbol((2, 1)), Symbol((3, 0))]
    points = 2.0 * torch.rand(4, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(2)) - 1.0

    def inputs(x):
        phase = 1.5 * x[:, 0:1]
        return torch.cat([x[:, 1:2], phase.cos(), phase.sin()], -1)

    jet = network(inputs(coordinate_jet(points, Channels.closure(symbols, 2))))
    points.requires_grad_()
    values = network(inputs(points))
    assert torch.allclose(jet.value, values, rtol=ROUNDING)
    for symbol in symbols:
        for k in range(2):
            derivative = values[:, k]
            for i, order in enumerate(symbol.orders):
                for _ in range(order):
                    (gradient,) = torch.autograd.grad(derivative.sum(), points, create_graph=True)
                    derivative = gradient[:, i]
            # a recurrence of a dozen terms, differentiated up to four times, steep about the front
            assert torch.allclose(
                jet.derivative(symbol)[:, k], derivative, rtol=1e-9, atol=1e-6 * float(derivative.detach().abs().max())
            )


@pytest.mark.parametrize("problem", [AllenCahn(), Kovasznay()], ids=["periodic", "box"])
@pytest.mark.parametrize("constraints", ["hard", "soft"])
def test_captured_jacobian_is_the_reference(problem, constraints):
    trial = make_trial(problem, partial(Spectral, width=40), constraints=constraints)
    residuals = make_residuals(trial)
    points = residuals.draw(SobolSampler(interior=50, boundary=20), torch.Generator().manual_seed(0))
    theta = residuals.theta()
    pairs = []
    for jacobian in ("captured", "reference"):
        indices, layer = bind(residuals, points, Assembly(jacobian=jacobian)).last_layer(theta)
        weights = torch.linspace(-1.0, 1.0, len(indices), dtype=theta.dtype)
        pairs.append([part.clone() for part in layer.jacobian(weights)])
    assert len(indices) == trial.network.core.last.weight.numel()
    for part, expected, name in zip(*pairs, ("r", "J"), strict=True):
        assert_agree(part, expected, name)


def test_shares_are_kept_in_a_box_of_orders():
    network = Spectral(2, 1, width=200)
    network.share([4.0, 1.0])
    along, across = network.counts
    assert len(set(map(tuple, network.orders.tolist()))) == 200
    assert along * across == pytest.approx(200, rel=0.15)
    assert along / across == pytest.approx(4.0, rel=0.15)


def test_rebalancing_gives_functions_to_where_coefficients_fall_slowly():
    network = Spectral(2, 1, width=400)
    with torch.no_grad():
        network.last.weight.copy_(torch.exp(-(1.0 * network.orders[:, 0] + 0.25 * network.orders[:, 1])))
    assert network.rebalance()
    fast, slow = network.counts
    assert slow / fast == pytest.approx(4.0, rel=0.25)  # once: within the factor of two on each


def test_a_front_is_mapped_there_and_back():
    y = torch.linspace(-1.0, 1.0, 9, dtype=torch.float64)
    network = Spectral(1, 1, width=3).double()
    network.bend(0, 0.2, 50.0)
    s = unbent(y, network.bends[0].tolist())
    assert (s[0], s[-1]) == (pytest.approx(-1.0), pytest.approx(1.0))
    assert torch.allclose(network.features(s[:, None])[:, 1], y, atol=1e-12)
    assert int((abs(s - 0.2) < 0.2).sum()) >= 5


def test_points_of_a_grid_are_like_others():
    """Whose functions are computed at each place of a coordinate once, but where their own derivative is asked for."""
    network, places = spread(Spectral(2, 1, width=40)), torch.linspace(-0.9, 0.9, 7, dtype=torch.float64)
    x = torch.cartesian_prod(places, places)
    one_by_one = torch.cat([network(point[None]) for point in x])
    assert torch.allclose(network(x), one_by_one, rtol=0, atol=ROUNDING)
    asked = x.clone().requires_grad_()
    (slopes,) = torch.autograd.grad(network(asked).sum(), asked)
    alone = torch.func.vmap(torch.func.jacrev(lambda point: network(point[None])[0, 0]))(x)
    assert torch.allclose(slopes, alone, rtol=0, atol=100 * ROUNDING)


def test_a_longer_domain_asks_for_more_functions_along_it():
    counts = {}
    for stretch in (0.5, 1.0, 2.0):
        network = Spectral(2, 1, width=100).double()
        with torch.no_grad():
            network.last.weight.copy_(torch.exp(-network.orders.sum(1))[None])  # as fast along either
        network.rebalance([stretch, 1.0])
        counts[stretch] = network.counts[0]
    assert counts[0.5] < counts[1.0] < counts[2.0]
