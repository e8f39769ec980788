import pytest
import torch
from agreement import assert_agree

from pinn.basis.errors import UserError
from pinn.networks import FourierFeatures, FourierMLP


def test_features_are_cosines_and_sines_of_the_frequencies():
    embedding = FourierFeatures(2, 2, scale=1.0).double()
    with torch.no_grad():
        embedding.frequencies.copy_(torch.tensor([[1.0, 0.0], [2.0, -3.0]]))
    x, y = torch.rand(2, 5, dtype=torch.float64)
    expected = torch.stack([x.cos(), (2 * x - 3 * y).cos(), x.sin(), (2 * x - 3 * y).sin()], 1)
    assert_agree(embedding(torch.stack([x, y], 1)).detach(), expected)


@pytest.mark.parametrize("scale", [1.0, 5.0])
def test_frequencies_are_normal_with_the_scale(scale):
    embedding = FourierMLP(4, 1, frequencies=20_000, width=1, scale=scale).embedding
    frequencies = embedding.frequencies.detach()
    assert abs(float(frequencies.mean())) < 0.015 * scale  # 4 standard errors, 80,000 samples
    assert float(frequencies.std()) == pytest.approx(scale, rel=0.01)  # 4 standard errors
    assert float((frequencies.abs() < scale).double().mean()) == pytest.approx(0.6827, abs=0.007)  # normal


def test_the_perceptron_sees_the_features_only():
    network = FourierMLP(3, 2, frequencies=4, width=5, depth=2).double()
    x = torch.rand(6, 3, dtype=torch.float64)
    h = network.embedding(x)
    for layer in network.hidden:
        h = torch.tanh(h @ layer.weight.mT + layer.bias)
    assert_agree(network(x).detach(), (h @ network.last.weight.mT + network.last.bias).detach())
    assert [tuple(layer.weight.shape) for layer in network.hidden] == [(5, 8), (5, 5)]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"frequencies": 0}, "frequencies must be >= 1, got 0"),
        ({"scale": 0.0}, "scale must be > 0 and finite, got 0.0"),
        ({"scale": float("inf")}, "scale"),
        ({"depth": 0}, "depth"),
        ({"activation": "relu"}, "choose from tanh"),
    ],
)
def test_bad_settings_are_explained(settings, message):
    with pytest.raises(UserError, match=message):
        FourierMLP(2, 1, **settings)
