"""Approximate distances: what vanishes on the sides, and how steeply."""

import pytest
import torch

from pinn.ansatz.distance import Faces, faces
from pinn.ansatz.prescriptions import Place, Prescription
from pinn.domains import Annulus, Box, Disc, Ellipse, Polygon

SQUARE = Box(x=(-1, 1), y=(-1, 1)).named("outer")
SIEVE = SQUARE
for i, (x, y, r) in enumerate(
    [(-0.6, -0.6, 0.05), (0, -0.5, 0.1), (0.6, -0.6, 0.2), (-0.5, 0.5, 0.3), (0.5, 0.5, 0.1)]
):
    SIEVE = SIEVE - Disc((x, y), r, name=f"hole_{i}")
DOMAINS = {
    "many holes": SIEVE,
    "a ring off its center": Disc((0, 0), 1.0, name="rim") - Disc((0.5, 0.2), 0.1, name="hole"),
    "a ring": Annulus(inner=0.02, outer=1.0),
    "an ellipse in a triangle": Polygon([(-3, -1), (3, -1), (0, 4)]) - Ellipse((0, 0), (0.8, 0.3)),
    "holes of a large plate": Box(x=(0, 1e3), y=(0, 1e3)).named("rim") - Disc((300, 300), 20, name="hole"),
}


def made(domain) -> Faces:
    prescribed = [Prescription(side, "u", Place(side), 0, float(k)) for k, side in enumerate(domain.sides)]
    found = faces(domain, prescribed)
    assert isinstance(found, Faces), found
    return found


@pytest.mark.parametrize("name", DOMAINS)
def test_slopes_on_all_sides_are_alike(name):
    """By a factor that polygons' corners, sampled differently, make: a product of all sides has thousands."""
    domain = DOMAINS[name]
    found, slopes = made(domain), {}
    for side in domain.sides:
        x = torch.as_tensor(domain.boundary_rule(side, 256).points).requires_grad_()
        values = found.vanishing(dict(zip(domain.coordinates, x.T, strict=True)))
        assert float(values.detach().abs().max()) < 1e-8
        (gradient,) = torch.autograd.grad(values.sum(), x)
        slopes[side] = float(gradient.norm(dim=1).mean())
    assert max(slopes.values()) < 1.1 * min(slopes.values())


@pytest.mark.parametrize("name", DOMAINS)
def test_data_on_each_side_are_blended_smoothly(name):
    domain = DOMAINS[name]
    found = made(domain)
    for k, side in enumerate(domain.sides):
        points = torch.as_tensor(domain.boundary_rule(side, 64).points)
        values = found.lift(dict(zip(domain.coordinates, points.T, strict=True)))
        assert float((values - k).abs().max()) < 1e-8
    inside = torch.as_tensor(domain.interior_rule(512).points)
    values = found.lift(dict(zip(domain.coordinates, inside.T, strict=True)))
    assert float(values.min()) > 0 and float(values.max()) < len(domain.sides) - 1
