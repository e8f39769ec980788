import math

import pytest
import torch
from agreement import assert_agree

from pinn.basis.errors import UserError
from pinn.networks import SIREN


@pytest.mark.parametrize("omega_0", [1.0, 30.0])
def test_layers_are_sines_of_omega_times_the_phase(omega_0):
    network = SIREN(2, 3, width=5, depth=2, omega_0=omega_0).double()
    x = torch.rand(6, 2, dtype=torch.float64)
    h = x
    for layer in network.hidden:
        h = torch.sin(omega_0 * (h @ layer.weight.mT + layer.bias))
    assert_agree(network(x).detach(), (h @ network.last.weight.mT + network.last.bias).detach())


@pytest.mark.parametrize("omega_0", [1.0, 30.0])
def test_weights_are_uniform_within_the_papers_bounds(omega_0):
    width = 400
    network = SIREN(3, 50, width=width, depth=3, omega_0=omega_0)
    inner = math.sqrt(6 / width) / omega_0
    for layer, bound in zip([*network.hidden, network.last], [1 / 3, inner, inner, inner], strict=True):
        weight, bias = layer.weight.detach(), layer.bias.detach()
        assert 0.97 * bound < float(weight.abs().max()) <= bound  # 1,200 samples or more: P(below) < 1e-15
        # a uniform square's relative standard deviation is sqrt(4 / 5): 4 standard errors
        assert float(weight.square().mean()) == pytest.approx(bound**2 / 3, rel=4 * math.sqrt(0.8 / weight.numel()))
        assert 0 < float(bias.abs().max()) <= 1 / math.sqrt(layer.in_features)


def test_phases_are_of_order_one_at_every_depth():
    """omega_0 W h has variance v <- 1 - exp(-2 (v + b)), from E sin^2 of a normal phase with the biases' variance b.

    v = 1 in the second layer (the paper's theorem 1.8: the sines of the first are spread over their whole period).
    Tolerance: the variance over 1,000 units fluctuates by sqrt(2 / 1000) = 4.5 %, of which each layer keeps a quarter.
    """
    width, omega_0 = 1000, 30.0
    network = SIREN(1, 1, width=width, depth=8, omega_0=omega_0)
    h, expected = 2 * torch.rand(2000, 1) - 1, 1.0
    with torch.no_grad():
        for k, layer in enumerate(network.hidden):
            phase = omega_0 * h @ layer.weight.mT
            h = torch.sin(phase + omega_0 * layer.bias)
            if k:
                assert float(phase.var()) == pytest.approx(expected, rel=0.1), k
                expected = 1 - math.exp(-2 * (expected + omega_0**2 / (3 * width)))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"omega_0": 0.0}, "omega_0 must be > 0 and finite, got 0.0"),
        ({"omega_0": float("nan")}, "omega_0"),
        ({"width": 0}, "width must be >= 1, got 0"),
        ({"depth": 0}, "depth must be >= 1, got 0"),
    ],
)
def test_bad_settings_are_explained(settings, message):
    with pytest.raises(UserError, match=message):
        SIREN(2, 1, **settings)
