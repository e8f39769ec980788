"""Interpolation from the sides of a box."""

import pytest
import torch

from pinn.ansatz import transfinite
from pinn.domains import Box


@pytest.mark.parametrize("count", [1, 2, 3])
def test_it_agrees_on_the_sides_and_uses_nothing_else(count):
    """Adding a bubble to the function changes nothing; inside it is another."""
    domain = Box(**{name: (-0.5, 1.0 + k) for k, name in enumerate("xyz"[:count])})
    ends = list(domain.bounds.values())
    axes = [torch.linspace(lower, upper, 7, dtype=torch.float64) for lower, upper in ends]
    x = [column.flatten() for column in torch.meshgrid(*axes, indexing="ij")]

    def g(*x):
        return torch.exp(sum(x)) + torch.stack([c**3 for c in x]).prod(0)

    def bubble(*x):
        return torch.stack([(c - lower) * (upper - c) for c, (lower, upper) in zip(x, ends, strict=True)]).prod(0)

    lifted = transfinite(g, domain)(*x)
    torch.testing.assert_close(transfinite(lambda *x: g(*x) + bubble(*x), domain)(*x), lifted, atol=1e-13, rtol=0)
    side = bubble(*x) == 0
    difference = (lifted - g(*x)).abs()
    assert float(difference[side].max()) < 1e-13
    assert float(difference[~side].max()) > 0.1
