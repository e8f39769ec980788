import torch
from agreement import assert_agree

from pinn.networks import Embedding


def test_inputs_are_scaled_to_the_unit_interval_symmetrically():
    embedding = Embedding([(0.0, 10.0), (-1.0, 3.0)])
    x = torch.tensor([[0.0, -1.0], [5.0, 1.0], [10.0, 3.0]], dtype=torch.float64)
    assert embedding.outputs == 2
    assert embedding(x).tolist() == [[-1.0, -1.0], [0.0, 0.0], [1.0, 1.0]]


def test_a_periodic_coordinate_is_seen_through_its_harmonics():
    embedding = Embedding([(-1.0, 1.0), (0.0, 4.0)], {0: 2})
    x = torch.rand(6, 2, dtype=torch.float64)
    found = embedding(x)
    assert found.shape == (6, embedding.outputs) == (6, 5)
    phase = torch.pi * (x[:, :1] + 1) * torch.tensor([[1.0, 2.0]])
    assert_agree(found, torch.cat([x[:, 1:] / 2 - 1, phase.cos(), phase.sin()], 1))
    assert_agree(embedding(x + torch.tensor([2.0, 0.0])), found)
