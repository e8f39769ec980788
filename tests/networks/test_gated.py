import pytest
import torch
from agreement import assert_agree

from pinn.basis.errors import UserError
from pinn.networks import ModifiedMLP, PirateNet


@pytest.fixture
def x() -> torch.Tensor:
    return torch.rand(7, 3, dtype=torch.float64)


def moved(network):
    """In float64, every parameter away from its start."""
    with torch.no_grad():
        for parameter in network.double().parameters():
            parameter += 0.3 * torch.randn_like(parameter)
    return network


def test_modified_mlp_follows_its_formula(x):
    network = moved(ModifiedMLP(3, 2, width=5, depth=3))
    u, v = torch.tanh(network.encoders.u(x)), torch.tanh(network.encoders.v(x))
    g = x
    for layer in network.hidden:
        f = torch.tanh(layer(g))
        g = f * u + (1 - f) * v
    assert_agree(network(x).detach(), network.last(g).detach())


def test_pirate_net_follows_its_formula(x):
    network = moved(PirateNet(3, 2, width=6, depth=2, activation="silu"))
    s = torch.nn.functional.silu
    phi = network.embedding(x)
    u, v = s(network.encoders.u(phi)), s(network.encoders.v(phi))
    h = phi
    for block in network.blocks:
        w_1, w_2, w_3 = block.layers
        f = s(w_1(h))
        z = f * u + (1 - f) * v
        g = s(w_2(z))
        z = g * u + (1 - g) * v
        h = block.alpha * s(w_3(z)) + (1 - block.alpha) * h
    assert_agree(network(x).detach(), network.last(h).detach())


def test_pirate_net_starts_linear_in_its_features(x):
    network = PirateNet(3, 2, width=6, depth=3).double()
    assert [block.alpha.detach().item() for block in network.blocks] == [0.0, 0.0, 0.0]
    assert torch.equal(network(x), network.last(network.embedding(x)))


def test_pirate_nets_gates_open_at_the_first_step(x):
    network = PirateNet(3, 2, width=6, depth=2).double()
    network(x).square().sum().backward()
    assert all(float(block.alpha.grad.abs()) > 1e-6 for block in network.blocks)


@pytest.mark.parametrize("build", [ModifiedMLP, PirateNet])
def test_weights_have_glorots_variance_and_biases_are_zero(build):
    network = build(2, 1, width=400, depth=1)
    for layer in network.modules():
        if isinstance(layer, torch.nn.Linear):
            weight = layer.weight.detach()
            samples = weight.numel()
            # 4 standard errors of a variance, sqrt(2 / samples) each
            assert float(weight.var()) == pytest.approx(2 / sum(weight.shape), rel=4 * (2 / samples) ** 0.5)
            assert not layer.bias.detach().any()


@pytest.mark.parametrize(
    ("build", "settings", "message"),
    [
        (ModifiedMLP, {"width": 0}, "width must be >= 1, got 0"),
        (ModifiedMLP, {"depth": 0}, "depth must be >= 1, got 0"),
        (ModifiedMLP, {"activation": "tan"}, "choose from tanh, sin"),
        (PirateNet, {"width": 7}, "width must be even.*got 7; try 8"),
        (PirateNet, {"width": -2}, "width must be >= 1, got -2"),
        (PirateNet, {"depth": 0}, "depth"),
        (PirateNet, {"scale": -1.0}, "scale must be > 0 and finite, got -1.0"),
        (PirateNet, {"activation": "tan"}, "choose from tanh, sin"),
    ],
)
def test_bad_settings_are_explained(build, settings, message):
    with pytest.raises(UserError, match=message):
        build(2, 1, **settings)
