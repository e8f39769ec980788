import math

import pytest
import torch
from agreement import assert_agree

from pinn.errors import UserError
from pinn.networks import RandomFeatures


def test_it_is_a_sum_of_sines():
    network = RandomFeatures(2, 3, width=4).double()
    with torch.no_grad():
        network.last.weight.normal_()
        network.last.bias.normal_()
    x = torch.rand(5, 2, dtype=torch.float64)
    phase = x @ network.hidden.weight.detach().mT + network.hidden.bias.detach()
    expected = torch.sin(phase) @ network.last.weight.detach().mT + network.last.bias.detach()
    assert_agree(network(x).detach(), expected)


def test_it_starts_at_zero():
    assert not RandomFeatures(2, 1, width=7)(torch.rand(5, 2)).detach().any()


@pytest.mark.parametrize("scale", [1.0, 8.0])
def test_waves_are_normal_with_the_scale_and_phases_uniform(scale):
    hidden = RandomFeatures(4, 1, width=20_000, scale=scale).hidden
    waves, phases = hidden.weight.detach(), hidden.bias.detach()
    assert abs(float(waves.mean())) < 0.015 * scale  # 4 standard errors, 80,000 samples
    assert float(waves.std()) == pytest.approx(scale, rel=0.01)  # 4 standard errors
    assert float((waves.abs() < scale).double().mean()) == pytest.approx(0.6827, abs=0.007)  # normal
    assert float(phases.abs().max()) <= math.pi
    assert float(phases.std()) == pytest.approx(math.pi / 3**0.5, rel=0.013)  # uniform; 4 standard errors


@pytest.mark.parametrize("setting", [{"width": 0}, {"scale": 0.0}, {"scale": math.inf}])
def test_bad_settings_are_explained(setting):
    with pytest.raises(UserError, match=next(iter(setting))):
        RandomFeatures(2, 1, **setting)
