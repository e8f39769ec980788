import pytest
import torch

from pinn.errors import UserError
from pinn.networks import ACTIVATIONS, MLP, InputScaling


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_shape_and_number_of_parameters(activation):
    network = MLP(2, 3, width=20, depth=3, activation=activation)
    assert network(torch.rand(5, 2)).shape == (5, 3)
    assert sum(p.numel() for p in network.parameters()) == (2 * 20 + 20) + 2 * (20 * 20 + 20) + (20 * 3 + 3)


def test_weights_have_glorots_variance():
    weight = MLP(2, 1, width=400, depth=2).hidden[1].weight
    assert float(weight.detach().var()) == pytest.approx(2 / 800, rel=0.02)  # 160,000 samples: 0.4 % standard error


def test_inputs_are_scaled_to_the_unit_interval_symmetrically():
    scaling = InputScaling([(0.0, 10.0), (-1.0, 3.0)])
    x = torch.tensor([[0.0, -1.0], [5.0, 1.0], [10.0, 3.0]], dtype=torch.float64)
    assert scaling(x).tolist() == [[-1.0, -1.0], [0.0, 0.0], [1.0, 1.0]]


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
