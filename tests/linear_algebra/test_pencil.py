"""Rectangular pencils by shift and invert."""

import math

import pytest
import torch

from pinn.linear_algebra.pencil import Pencil

K = 12


def drum_pencil(mix, shift):
    """A and B of  u'' + (shift + mu) u = 0,  u(0) = u(1) = 0, for sines, mixed by a matrix: mu = (k pi)^2 - shift."""
    x = torch.linspace(0, 1, 60, dtype=torch.float64)
    k = math.pi * torch.arange(1, K + 1, dtype=torch.float64)
    u = torch.sin(x[:, None] * k)
    return (shift * u - u * k**2) @ mix, u @ mix


@pytest.mark.parametrize("condition", [1.0, 1e6])
def test_finds_what_is_nearest_to_a_shift_whatever_the_condition_of_the_features(condition):
    mix = torch.linalg.qr(torch.randn(K, K, generator=torch.Generator().manual_seed(0), dtype=torch.float64)).Q
    mix = mix * torch.logspace(0, -math.log10(condition), K, dtype=torch.float64) @ mix.mT
    a, b = drum_pencil(mix, 5.0)
    pencil = Pencil(a, b)
    exact = torch.tensor([(k * math.pi) ** 2 - 5.0 for k in range(1, K + 1)], dtype=torch.float64)
    mu, c = pencil.nearest()
    assert mu[:3].tolist() == pytest.approx(exact[:3].tolist(), rel=1e-16 * condition + 1e-12)
    left = (a @ c + mu * (b @ c)).norm(dim=0) / (a @ c).norm(dim=0)
    assert float(left[:3].max()) < 1e-14 * condition + 1e-12  # rounding times the condition, and more for a residual
    nearest = exact[(exact - 300.0).abs().argmin()]
    assert float(pencil.nearest(300.0)[0][0]) == pytest.approx(float(nearest), rel=1e-9)


def test_a_multiple_eigenvalue_comes_as_often_as_it_has_vectors():
    """A square drum's second eigenvalue is double; sines in x and y."""
    x = torch.linspace(0, 1, 12, dtype=torch.float64)
    x, y = (v.reshape(-1) for v in torch.meshgrid(x, x, indexing="ij"))
    pairs = [(i, j) for i in range(1, 5) for j in range(1, 5)]
    u = torch.stack([torch.sin(i * math.pi * x) * torch.sin(j * math.pi * y) for i, j in pairs], 1)
    values = math.pi**2 * torch.tensor([i**2 + j**2 for i, j in pairs], dtype=torch.float64)
    mu, c = Pencil(-u * values, u).nearest()
    assert (mu[:4] / math.pi**2).tolist() == pytest.approx([2, 5, 5, 8], rel=1e-12)
    assert float(torch.linalg.svdvals(c[:, 1:3])[1]) > 1e-3 * float(c[:, 1:3].norm())  # two functions, not one twice
