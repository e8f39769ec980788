"""Parts of a domain: found by decisions, where they matter; networks of several pieces, and points in each."""

from functools import partial

import numpy as np
import pytest
import torch
from materials import Beam, Inclusion, Layers, Pulse, Stack, Table
from torch import where

from pinn.basis.errors import UserError
from pinn.domains import Box
from pinn.networks import PartedFeatures, PartedMLP
from pinn.problem import Problem
from pinn.problems import Burgers
from pinn.residuals.assembly import Assembly
from pinn.residuals.least_squares import bind
from pinn.residuals.residuals import Residuals
from pinn.sampling import SobolSampler
from pinn.terms import Dirichlet, Interior
from pinn.trial.making import make_trial, make_windows
from pinn.trial.parts import find_parts

FEW = {"width": 6, "scale": 2.0}


class Written(Problem):
    """u_xx = f(x, u, u_x) with f given."""

    def __init__(self, f) -> None:
        self.f = f
        self.domain = Box(x=(0, 1))
        self.fields = ("u",)

    def terms(self):
        return {"equation": Interior(self.equation), "ends": Dirichlet(u=0.0, on=("x.min", "x.max"))}

    def equation(self, x, u, u_xx):
        return u_xx - self.f(x, u)


def columns(*pairs):
    return torch.tensor(pairs, dtype=torch.float64)


def test_a_layer_between_two_of_one_material_makes_three_parts():
    parts = find_parts(Layers())
    assert parts.count == 3
    number = parts(columns([0.1], [0.4], [0.8]))
    assert len(set(number.tolist())) == 3
    # bisection is to rounding, of the extent 1
    assert torch.allclose(parts.boxes[number][:, 0], columns([0.0, 0.2], [0.2, 0.6], [0.6, 1.0]), atol=1e-12, rtol=0)
    assert "x = 0.2" in parts.told
    assert "x = 0.6" in parts.told


def test_a_disc_is_a_part():
    parts = find_parts(Inclusion())
    assert parts.count == 2
    assert not parts.are_boxes
    x = torch.rand(1000, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    inside = x.square().sum(1) < 0.25
    assert torch.equal(parts(x) == parts(columns([0.0, 0.0])), inside)


class Heated(Problem):
    """A square plate with a source in a smaller square, or in an L of it."""

    def __init__(self, holds):
        self.domain, self.fields, self.holds = Box(x=(0, 1), y=(0, 1)), ("u",), holds

    def terms(self):
        source = Interior(lambda x, y, laplacian_u: laplacian_u + where(self.holds(x, y), 1.0, 0.0))
        return {"heat": source, "edges": Dirichlet(u=0.0, on=self.domain.sides)}


def test_a_part_around_another_is_cut_into_boxes():
    """No corner of a part points into another one: of nine, each is a box, and numbers go along y first."""
    parts = find_parts(Heated(lambda x, y: (abs(x - 0.3) < 0.05) & (abs(y - 0.5) < 0.1)))
    assert parts.count == 9
    assert parts.are_boxes
    assert parts(columns([0.1, 0.1], [0.3, 0.5], [0.3, 0.7], [0.9, 0.9])).tolist() == [0, 4, 5, 8]
    middle = torch.tensor([[0.25, 0.35], [0.4, 0.6]], dtype=torch.float64)
    assert torch.allclose(parts.boxes[4], middle, atol=1e-9)  # of borders by bisection
    assert find_parts(Heated(lambda x, y: (x < 0.5) & (y < 0.5))).count == 4
    assert find_parts(Heated(lambda x, y: x + y < 0.5)).count == 2  # no border along a coordinate
    assert find_parts(Heated(lambda x, y: x < 0.5)).count == 2  # boxes as they are


def test_squares_of_a_table_are_parts_but_for_neighbors_of_one_number():
    parts = find_parts(Table())
    assert parts.count == 8
    number = parts(columns([2.5, 1.5], [2.5, 2.5], [1.5, 2.5])).tolist()
    assert number[0] == number[1] != number[2]


@pytest.mark.parametrize(
    "f",
    [
        lambda x, u: torch.sin(x),
        lambda x, u: where(u > 0, 1.0, 2.0),  # of the field
        lambda x, u: where(x < 0.5, x**2, x * x),  # alike
        lambda x, u: where(x < 2.0, 1.0, 5.0),  # outside
        lambda x, u: where(x < 0.5, x * where(x < 0.3, u + 0 * x, u), x * u),
    ],
)
def test_decisions_that_do_not_matter_make_no_parts(f):
    assert find_parts(Written(f)) is None


@pytest.mark.parametrize("f", [lambda x, u: abs(x - 0.5), lambda x, u: u * where(x < 0.5, 1.0, 2.0)])
def test_kinks_and_jumps_make_parts(f):
    assert find_parts(Written(f)).count == 2


@pytest.mark.parametrize(
    ("problem", "network"),
    [(Beam, PartedFeatures), (Stack, PartedFeatures), (Inclusion, PartedMLP), (Pulse, PartedMLP)],
)
def test_engines_and_jacobians_agree(problem, network):
    """On both sides of a border, too; 1e-12 as for every network."""
    settings = {"width": 4, "depth": 1} if network is PartedMLP else FEW

    rows = []
    for derivatives, jacobian in (("taylor", "captured"), ("reverse", "reference")):
        torch.manual_seed(0)
        residuals = Residuals(make_trial(problem(), partial(network, **settings), derivatives=derivatives))
        points = residuals.draw(SobolSampler(interior=4, boundary=2), torch.Generator().manual_seed(0))
        few = {label: own[:4] if len(own) > 4 else own for label, own in points.items()}
        theta = residuals.theta()
        theta = theta + 0.3 * torch.randn(theta.shape, generator=torch.Generator().manual_seed(1)).double()
        rows.append([values.clone() for values in bind(residuals, few, Assembly(jacobian)).jacobian(theta)])
    for a, b in zip(*rows, strict=True):
        assert float((a - b).abs().max()) <= 1e-12 * max(1.0, float(b.abs().max()))


def test_every_part_has_as_many_points():
    residuals = Residuals(make_trial(Layers(), partial(PartedFeatures, **FEW)))
    points = residuals.draw(SobolSampler(interior=90), torch.Generator().manual_seed(0))
    assert torch.bincount(residuals.trial.parts(points["interior"].x)).tolist() == [30, 30, 30]


def test_a_piece_is_seen_in_its_own_part_alone():
    trial = make_trial(Layers(), partial(PartedFeatures, **FEW), constraints="soft")
    parameters = trial.parameters()
    parameters["core.last.weight"] = torch.zeros_like(parameters["core.last.weight"])
    here = int(trial.parts(columns([0.4]))[0])
    parameters["core.last.weight"][0, 2 * here : 2 * here + 2] = 1.0  # two features a part
    values = trial.evaluate(["u"], columns([0.1], [0.4], [0.8]), parameters)["u"]
    assert (values != 0).tolist() == [False, True, False]


def test_a_network_of_parts_needs_a_problem_with_parts():
    with pytest.raises(UserError, match="burgers has no parts"):
        make_trial(Burgers(), PartedFeatures)
    with pytest.raises(UserError, match="needs dtype=float64"):
        make_trial(Layers(), PartedFeatures, dtype=torch.float32)


def test_numbers_of_parts_are_the_same_again():
    x = np.random.default_rng(0).random((200, 2)) * 3
    first, second = (find_parts(Table())(torch.as_tensor(x)) for _ in range(2))
    assert torch.equal(first, second)


def test_windows_that_are_cut_keep_the_parts():
    """With fewer features in each of them, as of networks of one piece."""
    first = make_windows(Pulse(), PartedFeatures, "auto").windows[0]
    assert first.parts.count == first.network.core.parts == 2
    assert first.interfaces is not None
    assert first.network.core.width == 600
