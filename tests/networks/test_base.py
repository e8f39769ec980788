import pytest
import torch
from agreement import assert_agree

from pinn.basis.errors import UserError
from pinn.networks import MLP, PirateNet, RandomWeightFactorization


@pytest.mark.parametrize("factorization", [None, RandomWeightFactorization()])
@pytest.mark.parametrize("build", [MLP, PirateNet])
def test_the_last_layer_is_fitted_to_values(build, factorization):
    network = build(1, 2, width=30, depth=1, factorization=factorization).double()
    x = torch.linspace(-1, 1, 200, dtype=torch.float64)[:, None]
    values = torch.cat([torch.sin(2 * x), 1 + x**3], 1)  # tanh without biases is odd
    hidden = {name: p.detach().clone() for name, p in network.named_parameters() if not name.startswith("last.")}
    network.fit_last_layer(x, values)
    found = network(x).detach()
    assert float((found - values).abs().max()) < 1e-7  # 30 smooth features on an interval; 5e-10 at most was seen
    # least squares: the misfit is orthogonal to every feature and to the constant
    features = torch.cat([network.features(x).detach(), torch.ones_like(x)], 1)
    assert float((features.mT @ (found - values)).abs().max()) < 1e-9
    for name, before in hidden.items():
        assert torch.equal(network.get_parameter(name), before), name


def test_equal_features_share_the_fit():
    """Where the features are dependent the solution of least norm is taken: finite, and shared equally."""
    network = MLP(1, 1, width=2, depth=1).double()
    with torch.no_grad():
        network.hidden[0].weight.fill_(0.7)
    x = torch.linspace(-1, 1, 9, dtype=torch.float64)[:, None]
    network.fit_last_layer(x, 3 * torch.tanh(0.7 * x) + 1)
    assert_agree(network.last.weight.detach(), torch.tensor([[1.5, 1.5]], dtype=torch.float64))
    assert_agree(network.last.bias.detach(), torch.tensor([1.0], dtype=torch.float64))


def test_single_precision_stays():
    network = MLP(1, 1)
    network.fit_last_layer(torch.rand(30, 1), torch.zeros(30, 1))
    assert network.last.weight.dtype == torch.float32
    assert not network.last.weight.detach().any()


def test_values_of_another_shape_are_refused():
    with pytest.raises(UserError, match=r"values must have shape \(4, 2\), one row a point, got \(4,\)"):
        MLP(1, 2).fit_last_layer(torch.rand(4, 1), torch.rand(4))
