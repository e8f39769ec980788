"""The animation of fields in the plane: its frames, colors and size."""

import functools

import numpy as np
import pytest
from fields import Fields
from PIL import Image

from pinn.domains import Ball, Box, Disc, Time
from pinn.networks import MLP
from pinn.report import animation
from pinn.report.animation import draw_animation, moving_quantities, pictures, view_at
from pinn.solution import Output, Solution
from pinn.trial.making import make_trial

CLOCK = Time(t=(0, 1))
SQUARE = Box(x=(-1, 1), y=(-1, 1))


def contents(domain, fields=("q",), resolution=9):
    trial = make_trial(Fields(domain, fields), functools.partial(MLP, width=4, depth=1))
    return Solution(trial).contents(Output(resolution=resolution))


def swinging(domain, resolution=9):
    """Contents whose only field is set to x cos(pi t)."""
    found = contents(domain, resolution=resolution)
    points = found.nodes.points(found.coordinates).reshape(*found.nodes.shape, -1)
    x, t = points[..., 0], points[..., -1]
    inside = True if found.nodes.inside is None else found.nodes.inside
    found.fields["q"] = np.where(inside, x * np.cos(np.pi * t), np.nan)
    return found


MOVING = SQUARE * CLOCK - Disc((0, 0), 0.3, name="disc").moving(CLOCK, x=lambda t: 0.2 * t)
RING = (Disc() - Disc((0, 0), 0.5, name="hole")) * CLOCK


@pytest.mark.parametrize("domain", [SQUARE * CLOCK, RING, MOVING], ids=["grid", "mesh", "moving"])
def test_a_frame_a_time_with_one_scale(domain, tmp_path):
    found = swinging(domain)
    path = draw_animation(found, tmp_path / "new" / "solution.gif")
    with Image.open(path) as film:
        assert film.n_frames == len(found.nodes.dimensions["t"])
        assert film.info["loop"] == 0
        frames = []
        for k in range(film.n_frames):
            film.seek(k)
            frames.append(np.asarray(film.convert("RGB"), dtype=float))
    first, last = (frame[:, 60:200].mean(axis=(0, 1)) for frame in (frames[0], frames[-1]))
    # on the left the field is negative, blue, at t = 0, and positive, red, at t = 1
    assert first[2] > first[0] + 10 and last[0] > last[2] + 10
    scale = moving_quantities(found, view_at(found, 0))[0].scale
    assert scale.norm.vmin == -scale.norm.vmax
    assert path.stat().st_size < animation.BYTES


def test_the_scale_does_not_move():
    found = swinging(SQUARE * CLOCK)
    bars = [np.asarray(frame)[:, -60:] for frame in pictures(found)]
    middle = slice(60, -60)  # without the time above
    assert all(np.array_equal(bar[middle], bars[0][middle]) for bar in bars)


@pytest.mark.slow
def test_a_large_one_loses_frames(tmp_path, monkeypatch):
    found = swinging(SQUARE * CLOCK, resolution=33)
    whole = draw_animation(found, tmp_path / "whole.gif").stat().st_size
    monkeypatch.setattr(animation, "BYTES", whole // 2)
    with Image.open(draw_animation(found, tmp_path / "half.gif")) as film:
        assert animation.FEW <= film.n_frames < 33
    assert (tmp_path / "half.gif").stat().st_size <= whole // 2


@pytest.mark.parametrize("domain", [SQUARE, Box(x=(0, 1)) * CLOCK, Ball() * CLOCK], ids=["steady", "line", "solid"])
def test_nothing_else_is_animated(domain, tmp_path):
    found = contents(domain, resolution=5)
    assert draw_animation(found, tmp_path / "a.gif") is None
    assert not list(tmp_path.iterdir())


def test_a_flow_shows_its_speed_first():
    found = contents(SQUARE * CLOCK, ("u", "v", "p", "c"), resolution=5)
    shown = moving_quantities(found, view_at(found, 0))
    assert [quantity.title for quantity in shown] == ["speed", "u", "v"]
