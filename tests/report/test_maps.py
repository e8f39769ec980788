"""Maps of meshes, solids, parameters and flows: what they show, and that the picture is a picture."""

import functools

import numpy as np
import pytest
import torch
from fields import Fields
from matplotlib.collections import TriMesh
from matplotlib.image import imread

from pinn.domains import Ball, Box, Disc, Parameters, Time
from pinn.networks import MLP
from pinn.problems import Kovasznay
from pinn.report.figures import drawn
from pinn.report.panels import solution_panels
from pinn.report.style import balanced, save
from pinn.report.surfaces import surface
from pinn.residuals.residuals import Residuals
from pinn.solution import Output, Solution
from pinn.trial.making import make_trial

CLOCK, NU = Time(t=(0, 1)), Parameters(nu=(1, 4))
RING = Disc() - Disc((0, 0), 0.5, name="hole")


def contents(domain, fields=("q",), estimated=False, **output):
    torch.manual_seed(0)
    trial = make_trial(Fields(domain, fields), functools.partial(MLP, width=4, depth=1))
    estimate = (lambda x: trial.evaluate(fields, x)) if estimated else None
    return Solution(trial, Residuals(trial), estimate=estimate).contents(Output(**output))


def rows(name, *places):
    """A row of maps at each place: of the field and of the residual."""
    return [[f"{title}, {name} = {place}" for title in ("q", "residual of balance")] for place in places]


@pytest.mark.parametrize(
    ("domain", "fields", "titles"),
    [
        (RING, "q", [["q", "residual of balance"]]),
        (RING * CLOCK, "q", rows("t", "0", "0.5", "1")),
        (RING * NU, "q", rows("nu", "1", "2.5", "4")),
        (Box(x=(0, 1)) * NU, "q", [["q", "residual of balance"]]),
        (Box(x=(0, 1)) * NU * CLOCK, "q", rows("nu", "1", "2.5", "4")),
        (Ball(), "q", rows("z", "0") + rows("y", "0") + rows("x", "0")),
        (Ball(), "qr", [["q, z = 0", "r, z = 0"], ["residual of balance, z = 0"]]),
        (Box(x=(0, 1), y=(0, 1), z=(0, 4)), "q", rows("z", "2") + rows("y", "0.5") + rows("x", "0.5")),
        (RING, "uvp", [["speed", "u", "v"], ["p", "residual of balance"]]),
        (RING, "uv", [["u", "v"], ["residual of balance"]]),  # nothing says that u and v are a velocity
    ],
)
def test_panels_and_pictures(domain, fields, titles, tmp_path):
    held = contents(domain, fields, resolution=5)
    assert [[panel.title for panel in row] for row in solution_panels(held)] == titles
    path = save(drawn(held), held, tmp_path / "figure.png")
    assert imread(path).std() > 0.01


@pytest.mark.parametrize(
    ("domain", "fields", "titles"),
    [
        (RING, "q", [["q", "estimated error of q"], ["residual of balance"]]),
        (RING, "qr", [["q", "r"], ["estimated error of q", "estimated error of r"], ["residual of balance"]]),
        (RING * CLOCK, "qr", [[f"q, t = {t}" for t in ("0", "0.5", "1")] + ["estimated error of q, t = 1"]]),
    ],
)
def test_the_estimated_error_stands_for_one_that_is_not_known(domain, fields, titles):
    shown = [[panel.title for panel in row] for row in solution_panels(contents(domain, fields, True, resolution=5))]
    assert shown[: len(titles)] == titles


def test_a_mesh_is_shaded_with_its_hole():
    held = contents(RING, resolution=24)
    figure = drawn(held)
    (mesh, _) = [child for axes in figure.axes for child in axes.get_children() if isinstance(child, TriMesh)]
    assert np.array_equal(mesh.get_array(), held.fields["q"])
    view = solution_panels(held)[0][0].view
    assert view.surface.areas.sum() == pytest.approx(0.75 * np.pi, rel=0.01)
    values = view.surface.at(np.array([[0.0, 0.0], [0.7, 0.1], [0.99, 0.99]]), held.nodes.positions["x"])
    assert np.isnan(values[[0, 2]]).all()  # in the hole and beyond the rim
    assert values[1] == pytest.approx(0.7, abs=1e-12)  # linear interpolation of what is linear


def test_a_plane_cuts_a_solid():
    held = contents(Ball((0, 0, 1)), resolution=10)
    cut = surface(held.nodes, "x", "y")
    # a disc; the mesh's chords lose some of it
    assert cut.areas.sum() == pytest.approx(np.pi, rel=0.06)
    z = cut.values(held.nodes.positions["z"])
    assert np.ptp(z) < 1e-12
    assert z[0] == pytest.approx(1.0, abs=0.01)
    x = held.nodes.positions["x"] + 2 * held.nodes.positions["y"]
    assert np.abs(cut.values(x) - (cut.x + 2 * cut.y)).max() < 1e-12


def test_streamlines_follow_the_flow():
    held = contents(Box(x=(0, 1), y=(0, 2)), "uvp", resolution=9)
    held.fields |= {"u": np.ones((9, 9)), "v": np.zeros((9, 9))}
    axes = drawn(held).axes[0]
    (lines,) = [lines for lines in axes.collections if len(lines.get_segments())]
    assert np.abs(np.concatenate([np.diff(path, axis=0) for path in lines.get_segments()])[:, 1]).max() < 1e-12
    assert axes.get_xlim() == (0.0, 1.0)


def test_a_flow_that_is_known_has_a_row_for_each_field():
    held = Solution(make_trial(Kovasznay(), functools.partial(MLP, width=4, depth=1))).contents(Output(resolution=5))
    titles = [[panel.title for panel in row] for row in solution_panels(held)]
    assert titles == [[name, f"{name}, exact", f"error of {name}"] for name in "uvp"] + [["speed"]]


def test_lines_of_a_headline_are_alike():
    text = "Kovasznay flow, a solution of the steady Navier-Stokes equations, on [-0.5, 1] x [-0.5, 1.5]."
    first, second = balanced(text, 90).splitlines()
    assert abs(len(first) - len(second)) <= len("Navier-Stokes")  # which cannot be cut
    assert balanced("short", 90) == "short"
