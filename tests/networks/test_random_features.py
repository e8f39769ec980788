import math

import pytest
import torch
from agreement import assert_agree

from pinn.basis.errors import UserError
from pinn.networks import RandomFeatures, RandomWeightFactorization


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
def test_waves_and_phases_fill_their_box_evenly(scale):
    hidden = RandomFeatures(4, 1, width=4096, scale=scale).hidden
    waves, phases = hidden.weight.detach(), hidden.bias.detach()
    for values, bound in ((waves / scale, 1.0), (phases[:, None] / math.pi, 1.0)):
        for column in values.mT:
            counts = torch.histc(column, bins=16, min=-bound, max=bound)
            assert counts.tolist() == [256] * 16  # a Sobol sequence puts exactly as many into each of 2^k equal parts


def test_the_seed_is_torchs():
    def waves(seed):
        torch.manual_seed(seed)
        return RandomFeatures(2, 1, width=5).hidden.weight.detach()

    assert torch.equal(waves(1), waves(1))
    assert not torch.equal(waves(1), waves(2))


@pytest.mark.parametrize("setting", [{"width": 0}, {"scale": 0.0}, {"scale": math.inf}])
def test_bad_settings_are_explained(setting):
    with pytest.raises(UserError, match=next(iter(setting))):
        RandomFeatures(2, 1, **setting)


def test_the_first_features_and_other_waves():
    whole = RandomFeatures(3, 2, width=8, scale=2.0, factorization=RandomWeightFactorization()).double()
    part = whole.first(5)
    x = torch.rand(7, 3, dtype=torch.float64)
    assert_agree(part.features(x).detach(), whole.features(x)[:, :5].detach())
    assert not part(x).detach().any()
    before = whole.hidden.weight.detach().clone()
    whole.place(2.0 * before + 1.0)
    assert_agree(whole.hidden.weight.detach(), 2.0 * before + 1.0)
    with pytest.raises(UserError, match=r"features must be in \[1, 8\], got 9"):
        whole.first(9)


def test_the_width_left_open_shares_the_weights_among_the_fields():
    assert RandomFeatures(2, 1).width == 1200
    assert RandomFeatures(2, 3).width == 400
