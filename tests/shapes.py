"""Domains with closed forms: what their measures and the measures of their sides are."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from math import acos, cosh, pi, sinh, sqrt

import numpy as np
import torch
from scipy.special import ellipe

from pinn.domains import (
    Annulus,
    Ball,
    Box,
    Curve,
    Disc,
    Domain,
    Ellipse,
    Mapped,
    Mesh,
    Parameters,
    PointCloud,
    Polygon,
    Shell,
    Simplex,
    Solid,
    StarShaped,
    Time,
)
from pinn.domains.meshing import box_mesh


@dataclass(frozen=True)
class Known:
    """A domain with its measure and those of its sides. smooth: its boundary is, and its distance is exact."""

    make: Callable[[], Domain]
    measure: float
    sides: dict[str, float]
    smooth: bool = False


LENS = 2 * pi / 3 - sqrt(3) / 2  # the common area of two unit discs, their centers 1 apart
SPINDLE = 2 * (pi / 3) * 0.5**2 * (3 - 0.5)  # two unit balls, their centers 1 apart: two caps of height 1/2
# a square of side 2 and the disc of radius 1.2 about its center: outside are four circular segments
SEGMENT = 1.2**2 * acos(1 / 1.2) - sqrt(1.2**2 - 1)
WAVE = 1.6186036276736462  # the integral of sqrt(1 + (0.6 pi cos(2 pi a))^2), an elliptic one, in a test below
CHORD = 2 * sqrt(1.2**2 - 1)


def square_with_holes() -> Domain:
    domain: Domain = Box(x=(-0.5, 0.5), y=(-0.5, 0.5))
    for x in (-0.3, 0.3):
        for y in (-0.3, 0.3):
            domain -= Disc((x, y), 0.1, name="hole")
    return domain


UNIT = {"x.min": 1.0, "x.max": 1.0, "y.min": 1.0, "y.max": 1.0}
KNOWN = {
    "interval": Known(lambda: Box(x=(-1, 2)), 3.0, {"x.min": 1.0, "x.max": 1.0}),
    "box": Known(
        lambda: Box(x=(0, 1), y=(0, 2), z=(0, 3)),
        6.0,
        {"x.min": 6.0, "x.max": 6.0, "y.min": 3.0, "y.max": 3.0, "z.min": 2.0, "z.max": 2.0},
    ),
    "disc": Known(lambda: Disc((0.3, -0.2), 0.5), pi / 4, {"disc": pi}, smooth=True),
    "ball": Known(lambda: Ball((0.1, 0.2, 0.3), 2.0), 32 * pi / 3, {"ball": 16 * pi}, smooth=True),
    "ball in four dimensions": Known(lambda: Ball((0, 0, 0, 0), 1.5), pi**2 / 2 * 1.5**4, {"ball": 2 * pi**2 * 1.5**3}),
    "annulus": Known(lambda: Annulus((0, 1), 0.5, 1.0), 0.75 * pi, {"inner": pi, "outer": 2 * pi}, smooth=True),
    "shell": Known(
        lambda: Shell((0, 0, 1), 0.5, 1.5, name="crust"),
        4 * pi / 3 * (1.5**3 - 0.5**3),
        {"crust.inner": pi, "crust.outer": 9 * pi},
        smooth=True,
    ),
    "ellipse": Known(lambda: Ellipse((1, 0.5), (2, 0.5)), pi, {"ellipse": 8 * float(ellipe(1 - 0.25**2))}, smooth=True),
    "star": Known(
        lambda: StarShaped(lambda angle: 1 + 0.3 * torch.cos(3 * angle), (0.5, 0)),
        pi * (1 + 0.3**2 / 2),
        {"star": 7.4266399146307025},  # the trapezoidal rule with 2,000 nodes, in a test below
        smooth=True,
    ),
    "curve": Known(  # an ellipse of half axes 2 and 1, run through clockwise and unevenly
        lambda: Curve(lambda s: (2 * torch.cos(phase(s)), -torch.sin(phase(s)))),
        2 * pi,
        {"curve": 8 * float(ellipe(1 - 0.5**2))},
        smooth=True,
    ),
    "simplex": Known(
        lambda: Simplex([(0, 0, 0), (1, 0, 0), (0, 2, 0), (0, 0, 3)]),
        1.0,
        {"simplex": 1 + 1.5 + 3 + 3.5},  # the slanted face is half of |(6, 3, 2)| = 7
    ),
    "triangle": Known(lambda: Simplex([(0, 0), (3, 0), (0, 4)], name="rim"), 6.0, {"rim": 12.0}),
    "polygon": Known(
        lambda: Polygon(
            [(0, 2), (2, 1), (2, 0), (0, 0)],
            [[(0.5, 0.5), (1, 0.5), (1, 1)]],
            edges=("roof", "right", "floor", "left"),
        ),
        3 - 0.125,
        {"roof": sqrt(5), "right": 1.0, "floor": 2.0, "left": 2.0, "hole": 1 + sqrt(0.5)},
    ),
    "turned square": Known(
        lambda: Box(x=(0, 1), y=(0, 2)).rotated(0.3).scaled(2).moved(x=1).named("wall"), 8.0, {"wall": 12.0}
    ),
    "moved disc": Known(lambda: Disc().scaled(2).moved(x=1), 4 * pi, {"disc": 4 * pi}, smooth=True),
    "turned ellipse": Known(
        lambda: Ellipse().scaled(2).rotated(1.0, about=(3, 0)),
        2 * pi,
        {"ellipse": 8 * float(ellipe(0.75))},
        smooth=True,
    ),
    "turned box": Known(
        lambda: Box(x=(0, 1), y=(0, 2), z=(0, 3)).rotated(0.7, axis=(1, 1, 0)),
        6.0,
        {"x.min": 6.0, "x.max": 6.0, "y.min": 3.0, "y.max": 3.0, "z.min": 2.0, "z.max": 2.0},
    ),
    "lens": Known(lambda: Disc() & Disc((1, 0), name="other"), LENS, {"disc": 2 * pi / 3, "other": 2 * pi / 3}),
    "two discs": Known(
        lambda: Disc() | Disc((1, 0), name="other"), 2 * pi - LENS, {"disc": 4 * pi / 3, "other": 4 * pi / 3}
    ),
    "crescent": Known(lambda: Disc() - Disc((1, 0), name="bite"), pi - LENS, {"disc": 4 * pi / 3, "bite": 2 * pi / 3}),
    "L": Known(
        lambda: Box(x=(-1, 1), y=(-1, 1)) - Box(x=(0, 1), y=(0, 1)).named("notch"),
        3.0,
        {"x.min": 2.0, "x.max": 1.0, "y.min": 2.0, "y.max": 1.0, "notch": 2.0},
    ),
    "two squares side by side": Known(
        lambda: Box(x=(0, 1), y=(0, 1)) | Box(x=(1, 2), y=(0, 1)).named("annex"),
        2.0,
        {"x.min": 1.0, "y.min": 1.0, "y.max": 1.0, "annex": 3.0},
    ),
    "square with holes": Known(square_with_holes, 1 - 0.04 * pi, {**UNIT, "hole": 0.8 * pi}),
    "rounded square": Known(
        lambda: Box(x=(-1, 1), y=(-1, 1)) & Disc((0, 0), 1.2),
        1.44 * pi - 4 * SEGMENT,
        {"x.min": CHORD, "x.max": CHORD, "y.min": CHORD, "y.max": CHORD, "disc": 2.4 * (pi - 4 * acos(1 / 1.2))},
    ),
    "two balls": Known(
        lambda: Ball() | Ball((1, 0, 0), name="other"), 8 * pi / 3 - SPINDLE, {"ball": 3 * pi, "other": 3 * pi}
    ),
    "spindle": Known(lambda: Ball() & Ball((1, 0, 0), name="other"), SPINDLE, {"ball": pi, "other": pi}),
    "bitten ball": Known(
        lambda: Ball() - Ball((1, 0, 0), name="bite"), 4 * pi / 3 - SPINDLE, {"ball": 3 * pi, "bite": pi}
    ),
    "two intervals": Known(
        lambda: Box(x=(0, 1)) - Box(x=(0.25, 0.5)).named("gap"), 0.75, {"x.min": 1.0, "x.max": 1.0, "gap": 2.0}
    ),
    "cylinder": Known(lambda: Disc() * Box(z=(0, 2)), 2 * pi, {"disc": 4 * pi, "z.min": pi, "z.max": pi}),
    "disc in time": Known(lambda: Disc() * Time(t=(0, 2)), 2 * pi, {"disc": 4 * pi, "t.min": pi, "t.max": pi}),
    "disc in time with a parameter": Known(
        lambda: Disc() * Time(t=(0, 2)) * Parameters(nu=(1, 4)),
        6 * pi,
        {"disc": 12 * pi, "t.min": 3 * pi, "t.max": 3 * pi},
    ),
    "crescent in time": Known(
        lambda: (Disc() - Disc((1, 0), name="bite")) * Time(t=(0, 1)),
        pi - LENS,
        {"disc": 4 * pi / 3, "bite": 2 * pi / 3, "t.min": pi - LENS, "t.max": pi - LENS},
    ),
    "solid": Known(
        lambda: Solid(*box_of_triangles(1.0, 2.0, 3.0), patches={"base": lambda z: z == 0}),
        6.0,
        {"surface": 20.0, "base": 2.0},
    ),
    "turned solid": Known(
        lambda: Solid(*box_of_triangles(1.0, 2.0, 3.0)).rotated(1.0, axis=(0, 0, 1)).scaled(0.5),
        0.75,
        {"surface": 5.5},
    ),
    "solid with a ball taken out": Known(
        lambda: Solid(*box_of_triangles(1.0, 2.0, 3.0)) - Ball((0, 0, 0), 0.5),
        6 - pi / 48,
        {"surface": 22 - 3 * pi / 16, "ball": pi / 8},
    ),
    "cloud": Known(lambda: PointCloud(grid_points(8, 2)), 1.0, {"cloud": 4.0}),
    "cloud in space": Known(lambda: PointCloud(grid_points(4, 3), name="skin"), 1.0, {"skin": 6.0}),
    "mesh": Known(lambda: mesh_of_box(4, 1.0, 2.0), 2.0, {"mesh": 5.0, "left": 1.0}),
    "mesh in space": Known(lambda: mesh_of_box(2, 1.0, 2.0, 1.0), 2.0, {"mesh": 9.0, "left": 1.0}),
    "turned mesh": Known(lambda: mesh_of_box(4, 1.0, 2.0).rotated(0.3).scaled(0.5), 0.5, {"mesh": 2.5, "left": 0.5}),
    "mapped annulus": Known(
        lambda: Mapped(polar, Box(r=(1, 2), a=(0, 2 * pi)), closed=("a",), name="ring"),
        3 * pi,
        {"ring.r.min": 2 * pi, "ring.r.max": 4 * pi},
        smooth=True,
    ),
    "mapped disc": Known(  # the center is the image of a whole side, which is none of the disc's
        lambda: Mapped(lambda a, r: polar(r, a), Box(a=(0, 2 * pi), r=(0, 1)), closed=("a",)),
        pi,
        {"r.max": 2 * pi},
        smooth=True,
    ),
    "ring of confocal ellipses": Known(
        lambda: Mapped(elliptic, Box(m=(0.5, 1.2), n=(0, 2 * pi)), closed=("n",)),
        pi * (cosh(1.2) * sinh(1.2) - cosh(0.5) * sinh(0.5)),
        {f"m.{end}": 4 * cosh(m) * float(ellipe(1 / cosh(m) ** 2)) for end, m in (("min", 0.5), ("max", 1.2))},
        smooth=True,
    ),
    "wavy square": Known(
        lambda: Mapped(lambda a, b: (a, b + 0.3 * torch.sin(2 * pi * a)), Box(a=(0, 1), b=(0, 1))),
        1.0,
        {"a.min": 1.0, "a.max": 1.0, "b.min": WAVE, "b.max": WAVE},
    ),
    "mapped shell": Known(
        lambda: Mapped(spherical, Box(r=(0.5, 1), a=(0, pi), b=(0, 2 * pi)), closed=("b",)),
        4 * pi / 3 * (1 - 0.125),
        {"r.min": pi, "r.max": 4 * pi},
        smooth=True,
    ),
    "disc on a course": Known(
        lambda: Disc().moving(Time(t=(0, 2)), x=lambda t: torch.sin(t), y=lambda t: t**2),
        2 * pi,
        {"disc": 4 * pi, "t.min": pi, "t.max": pi},
    ),
    "turning square": Known(
        lambda: Box(x=(0, 1), y=(0, 1)).moving(Time(t=(1, 3)), angle=lambda t: 2 * t, about=(1, 0), x=lambda t: -t),
        2.0,
        {"x.min": 2.0, "x.max": 2.0, "y.min": 2.0, "y.max": 2.0, "t.min": 1.0, "t.max": 1.0},
    ),
    "channel less a moving disc": Known(
        lambda: Box(x=(0, 2), y=(0, 1)) * Time(t=(0, 1)) - Disc((0.5, 0.5), 0.25).moving(Time(t=(0, 1)), x=lambda t: t),
        2 - pi / 16,
        {
            "x.min": 1.0,
            "x.max": 1.0,
            "y.min": 2.0,
            "y.max": 2.0,
            "t.min": 2 - pi / 16,
            "t.max": 2 - pi / 16,
            "disc": pi / 2,
        },
    ),
}


def polar(r, a):
    return r * torch.cos(a), r * torch.sin(a)


def elliptic(m, n):
    return torch.cosh(m) * torch.cos(n), torch.sinh(m) * torch.sin(n)


def spherical(r, a, b):
    return r * torch.sin(a) * torch.cos(b), r * torch.sin(a) * torch.sin(b), r * torch.cos(a)


def grid_points(n: int, d: int) -> np.ndarray:
    """The (n + 1)^d nodes of a grid of the unit cube."""
    return np.stack(np.meshgrid(*[np.linspace(0, 1, n + 1)] * d), axis=-1).reshape(-1, d)


def box_of_triangles(*lengths: float) -> tuple[np.ndarray, np.ndarray]:
    """Vertices and outward triangles of the box from the origin to the corner of these coordinates."""
    vertices = np.array([(x, y, z) for x in (0, 1) for y in (0, 1) for z in (0, 1)]) * lengths
    corners = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    return vertices, np.array([(a, *pair) for a, b, c, d in corners for pair in ((b, c), (c, d))])


def mesh_of_box(cells: int, *lengths: float) -> Mesh:
    """Simplices of a grid of the box from the origin; the facets where both x = 0 and y < 1 are the group `left`."""
    nodes, simplices = box_mesh(np.zeros(len(lengths)), np.array(lengths), 1 / cells)
    facets = np.concatenate([np.delete(simplices, i, axis=1) for i in range(len(lengths) + 1)])
    corners = nodes[facets]
    left = (corners[..., 0] == 0).all(axis=1) & (corners[..., 1] <= 1).all(axis=1)
    return Mesh(nodes, simplices, facets={"left": facets[left]})


def phase(s):
    return 2 * pi * s + 0.5 * torch.sin(2 * pi * s)


@lru_cache
def domain(name: str) -> Domain:
    """The domain of that name, made once."""
    return KNOWN[name].make()


def uniform(seed: int):
    """A draw of independent uniform points, others at each call."""
    generator = np.random.default_rng(seed)
    return lambda n, k: generator.random((n, k))
