"""The strong Wolfe line search, on functions of one variable."""

import pytest
import torch

from pinn.optimizers.line_search import Ray, StrongWolfe

# Functions of one variable with a minimum; the first is number 1 of More & Thuente 1994, doi:10.1145/192115.192132.
CURVES = {
    "rational": lambda a: -a / (a**2 + 2),
    "quartic": lambda a: (a - 2.0) ** 4 - a,
    "waves": lambda a: 0.1 * (a - 5.0) ** 2 - torch.sin(3.0 * a),
    "wall": lambda a: -torch.log(3.0 - a) - 4.0 * a,  # not a number beyond a = 3
    "corner": lambda a: torch.sqrt((a - 1.0) ** 2) + 10.0 * (a - 1.0) ** 2,  # its slope at a = 1 is not a number
    "quadratic": lambda a: (a - 7.0) ** 2,
}


class Curve:
    """A function of one variable as a problem; not a sum of squares, which a line search does not need."""

    def __init__(self, function):
        self.function = function

    def loss_and_gradient(self, theta):
        theta = theta.detach().requires_grad_()
        value = self.function(theta).sum()
        (gradient,) = torch.autograd.grad(value, theta)
        return float(value.detach()), gradient


@pytest.mark.parametrize("name", CURVES)
@pytest.mark.parametrize("first", [1e-3, 0.1, 1.0, 10.0, 1e3])
@pytest.mark.parametrize("c2", [0.9, 0.1])
def test_line_search(name, first, c2):
    curve, zero, one = Curve(CURVES[name]), torch.zeros(1, dtype=torch.float64), torch.ones(1, dtype=torch.float64)
    loss, g = curve.loss_and_gradient(zero)
    found = StrongWolfe(1e-4, c2).search(Ray(curve, zero, one, loss, g), first)
    assert found is not None
    value, slope = curve.loss_and_gradient(found.theta)
    assert found.loss == value <= loss + 1e-4 * found.alpha * float(g)
    assert abs(float(slope)) <= c2 * abs(float(g))


def test_a_line_without_a_minimum_gives_no_point():
    falling = Curve(lambda a: -a)
    zero, one = torch.zeros(1, dtype=torch.float64), torch.ones(1, dtype=torch.float64)
    ray = Ray(falling, zero, one, *falling.loss_and_gradient(zero))
    assert StrongWolfe(1e-4, 0.9).search(ray, 1.0) is None
    assert ray.lowest().loss < -1e6  # what was seen on the way
