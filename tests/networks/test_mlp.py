import pytest
import torch

from pinn.errors import UserError
from pinn.networks import ACTIVATIONS, MLP


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
    ],
)
def test_bad_settings_are_explained(settings, message):
    with pytest.raises(UserError, match=message):
        MLP(2, 1, **settings)
