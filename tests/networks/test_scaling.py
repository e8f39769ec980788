import pytest
import torch

from pinn.basis.errors import UserError
from pinn.networks import FieldScaling


def test_each_field_has_its_scale():
    scaling = FieldScaling([1e5, 0.5])
    fields = torch.tensor([[1.0, 2.0], [-3.0, 4.0]], dtype=torch.float64)
    assert scaling(fields).tolist() == [[1e5, 1.0], [-3e5, 2.0]]


def test_scales_are_neither_trained_nor_saved_and_follow_the_precision():
    scaling = FieldScaling([2.0])
    assert not list(scaling.parameters())
    assert not scaling.state_dict()
    assert scaling.to(torch.float32)(torch.ones(1, 1)).dtype == torch.float32


@pytest.mark.parametrize("scale", [0.0, -1.0, float("inf"), float("nan")])
def test_bad_scales_are_explained(scale):
    with pytest.raises(UserError, match=r"scale must be > 0 and finite, got"):
        FieldScaling([1.0, scale])
