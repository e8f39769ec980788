"""Trained networks with corrections beside them."""

from functools import partial

import pytest
import torch
from torch import nn

from pinn.basis.errors import UserError
from pinn.basis.rebuilding import rebuild, without_corrections
from pinn.networks import MLP, CorrectedNetwork, RandomFeatures
from pinn.networks.corrected import network_configuration, trained_part


@pytest.fixture
def twice() -> CorrectedNetwork:
    """A small network with two corrections, which do not vanish."""
    trained = MLP(2, 1, width=4, depth=1)
    corrections = [RandomFeatures(2, 1, width=3, scale=scale) for scale in (6.0, 12.0)]
    for correction in corrections:
        nn.init.normal_(correction.last.weight)
    return CorrectedNetwork.of(CorrectedNetwork.of(trained, corrections[0]), corrections[1])


def test_it_is_the_sum(twice):
    x = torch.rand(5, 2)
    first, second = twice.corrections
    with torch.no_grad():
        assert torch.equal(twice(x), twice.trained(x) + first(x) + second(x))
        assert float(second(x).abs().min()) > 0


def test_its_configuration_rebuilds_it(twice):
    configuration = network_configuration(twice, {})
    again = rebuild(configuration)(inputs=2, outputs=1)
    again.load_state_dict(twice.state_dict())
    x = torch.rand(5, 2)
    assert torch.equal(again(x), twice(x))
    assert network_configuration(again, configuration) == configuration
    assert without_corrections(configuration) == network_configuration(twice.trained, {})


def test_outputs_are_affine_in_all_last_layers(twice):
    names = twice.linear_parameters
    assert set(names) == {
        f"{part}.last.{name}" for part in ("trained", "corrections.0", "corrections.1") for name in ("weight", "bias")
    }
    assert CorrectedNetwork.of(nn.Linear(2, 1), RandomFeatures(2, 1)).linear_parameters is None


def test_the_trained_part_has_its_own_names(twice):
    named = {f"window_0/core.{name}": values for name, values in twice.named_parameters()} | {"unknowns.k": 1.0}
    own = {f"window_0/core.{name}": values for name, values in twice.trained.named_parameters()} | {"unknowns.k": 1.0}
    assert trained_part(named) == own
    assert trained_part(own) == own


def test_a_network_that_nothing_rebuilds_is_asked_for():
    made = CorrectedNetwork.of(nn.Linear(2, 1), RandomFeatures(2, 1, width=3))
    with pytest.raises(UserError, match="pass network="):
        rebuild(network_configuration(made, {}))(inputs=2, outputs=1)
    given = partial(rebuild(network_configuration(made, {})), trained=lambda inputs, outputs: nn.Linear(2, 1))
    assert [name for name, _ in given(2, 1).named_parameters()] == [name for name, _ in made.named_parameters()]
