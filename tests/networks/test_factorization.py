import pytest
import torch
from agreement import assert_agree
from torch import nn

from pinn.basis.errors import UserError
from pinn.networks import MLP, FactorizedLinear, PirateNet, RandomWeightFactorization
from pinn.networks.factorization import factorize


def test_outputs_stay_the_same_and_every_unit_gets_a_scale():
    network = PirateNet(2, 3, width=8, depth=2).double()
    x = torch.rand(5, 2, dtype=torch.float64)
    before, parameters = network(x), sum(p.numel() for p in network.parameters())
    factorize(network, RandomWeightFactorization())
    assert_agree(network(x).detach(), before.detach())
    assert not [module for module in network.modules() if isinstance(module, nn.Linear)]
    layers = [module for module in network.modules() if isinstance(module, FactorizedLinear)]
    assert len(layers) == 2 + 2 * 3 + 1  # encoders, three layers a block, the last one
    units = sum(len(layer.log_scale) for layer in layers)
    assert sum(p.numel() for p in network.parameters()) == parameters + units


def test_weights_are_the_product_of_scale_and_direction():
    layer = FactorizedLinear(nn.Linear(3, 2).double(), torch.tensor([0.0, 2.0], dtype=torch.float64))
    with torch.no_grad():
        layer.direction.copy_(torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]))
        layer.bias.copy_(torch.tensor([0.5, -0.5]))
    e2 = torch.e**2
    expected = torch.tensor([[1 + 4 + 9 + 0.5], [e2 * (4 + 10 + 18) - 0.5]], dtype=torch.float64).T
    found = layer(torch.tensor([[1.0, 2.0, 3.0]], dtype=torch.float64))
    assert_agree(found.detach(), expected)


def test_scales_start_as_asked():
    torch.manual_seed(1)
    network = MLP(2, 1, width=2000, depth=2, factorization=RandomWeightFactorization(mean=0.5, deviation=0.2))
    first, second = network.hidden
    s = torch.cat([first.log_scale, second.log_scale]).detach()
    assert float(s.mean()) == pytest.approx(0.5, abs=0.013)  # 4 standard errors, 0.2 / sqrt(4000) each
    assert float(s.std()) == pytest.approx(0.2, rel=0.045)  # 4 standard errors, 1 / sqrt(8000) each
    # W itself starts by Glorot's rule whatever the scales: 4e6 samples, 0.07 % standard error
    assert float(second.weight.detach().var()) == pytest.approx(2 / 4000, rel=0.003)


def test_the_configuration_holds_the_factorization():
    network = MLP(2, 1, factorization=RandomWeightFactorization(mean=0.5))
    assert network.configuration["factorization"] == {
        "_target_": "pinn.networks.RandomWeightFactorization",
        "mean": 0.5,
        "deviation": 0.1,
    }


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"deviation": -0.1}, "deviation must be >= 0 and finite, got -0.1"),
        ({"deviation": float("inf")}, "deviation"),
        ({"mean": float("nan")}, "mean must be finite, got nan"),
    ],
)
def test_bad_settings_are_explained(settings, message):
    with pytest.raises(UserError, match=message):
        RandomWeightFactorization(**settings)


def test_what_is_no_factorization_is_refused():
    with pytest.raises(UserError, match=r"got 'random'; on the command line write network/factorization=random"):
        MLP(2, 1, factorization="random")
