import pytest
import torch
from agreement import assert_agree

from pinn.basis.errors import UserError
from pinn.networks import ACTIVATIONS, MLP, ResidualMLP


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_shape_and_number_of_parameters(activation):
    network = MLP(2, 3, width=20, depth=3, activation=activation)
    assert network(torch.rand(5, 2)).shape == (5, 3)
    assert sum(p.numel() for p in network.parameters()) == (2 * 20 + 20) + 2 * (20 * 20 + 20) + (20 * 3 + 3)


def test_weights_have_glorots_variance():
    weight = MLP(2, 1, width=400, depth=2).hidden[1].weight
    assert float(weight.detach().var()) == pytest.approx(2 / 800, rel=0.02)  # 160,000 samples: 0.4 % standard error


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"width": 0}, "width must be >= 1, got 0"),
        ({"depth": -2}, "depth"),
        ({"activation": "tan"}, "choose from tanh, sin"),
        ({"factorization": 3}, "factorization must be a RandomWeightFactorization or None, got 3"),
    ],
)
@pytest.mark.parametrize("build", [MLP, ResidualMLP])
def test_bad_settings_are_explained(build, settings, message):
    with pytest.raises(UserError, match=message):
        build(2, 1, **settings)


@pytest.mark.parametrize(("inputs", "outputs", "message"), [(0, 1, "inputs must be >= 1"), (2, 0, "outputs must be")])
def test_a_network_maps_something_to_something(inputs, outputs, message):
    with pytest.raises(UserError, match=message):
        MLP(inputs, outputs)


def test_residual_blocks_add_two_layers_to_what_comes_in():
    network = ResidualMLP(3, 2, width=5, depth=2).double()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.3 * torch.randn_like(parameter)
    x = torch.rand(6, 3, dtype=torch.float64)
    h = torch.tanh(network.lift[0](x))
    for first, second in network.blocks:
        h = torch.tanh(second(torch.tanh(first(h)))) + h
    assert_agree(network(x).detach(), network.last(h).detach())


def test_residual_weights_have_glorots_variance():
    network = ResidualMLP(2, 1, width=400, depth=1)
    for layer in network.blocks[0]:
        assert float(layer.weight.detach().var()) == pytest.approx(2 / 800, rel=0.02)  # 0.4 % standard error
        assert not layer.bias.detach().any()
