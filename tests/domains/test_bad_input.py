"""Degenerate, empty, crossing and contradictory input: a clear message each."""

import numpy as np
import pytest
import torch
from shapes import box_of_triangles, polar, uniform

from pinn.basis.errors import UserError
from pinn.domains import (
    STL,
    Annulus,
    Ball,
    Box,
    Curve,
    Disc,
    Ellipse,
    Mapped,
    Parameters,
    PointCloud,
    Polygon,
    Shell,
    Simplex,
    Solid,
    StarShaped,
    Time,
)

SQUARE = [(0, 0), (1, 0), (1, 1), (0, 1)]


def circle(s):
    return torch.cos(2 * torch.pi * s), torch.sin(2 * torch.pi * s)


def eight(s):
    return torch.sin(2 * torch.pi * s), torch.sin(4 * torch.pi * s)


def astroid(s):
    return circle(s)[0] ** 3, circle(s)[1] ** 3


VERTICES, FACES = box_of_triangles(1.0, 1.0, 1.0)


def two_boxes(shift: float) -> Solid:
    """Two unit cubes in one surface, the second moved along the diagonal."""
    return Solid(np.concatenate([VERTICES, VERTICES + shift]), np.concatenate([FACES, FACES + 8]))


def square(a, b):
    return a, b


CASES = {
    "surface with a hole": (lambda: Solid(VERTICES, FACES[1:]), "not watertight: 3 edges, one near"),
    "surface inside out": (lambda: Solid(VERTICES, FACES[:, ::-1]), r"inside out: .*try faces\[:, ::-1\]"),
    "one triangle turned": (
        lambda: Solid(VERTICES, np.concatenate([FACES[:1, ::-1], FACES[1:]])),
        "do not all turn the same way round; try trimesh.repair.fix_normals",
    ),
    "surface that crosses itself": (lambda: two_boxes(0.3), "crosses itself: triangles .* and .*, near"),
    "flat surface": (lambda: Solid(VERTICES * (1, 1, 0), FACES), "encloses no volume"),
    "degenerate triangle": (lambda: Solid(VERTICES, [(0, 0, 1)]), "1 triangles are degenerate"),
    "unknown vertex": (lambda: Solid(VERTICES, FACES + 1), "faces must number 8 vertices from 0, got 1 to 8"),
    "no triangles": (lambda: Solid(VERTICES, np.empty((0, 3), int)), "faces must be numbers of vertices"),
    "faces not whole": (lambda: Solid(VERTICES, FACES + 0.5), "faces must be numbers of vertices"),
    "infinite vertices": (lambda: Solid(VERTICES + np.inf, FACES), "vertices must be finite"),
    "patch of nothing": (lambda: Solid(VERTICES, FACES, patches={"top": lambda z: z > 2}), "patch top selects no"),
    "patch by time": (lambda: Solid(VERTICES, FACES, patches={"top": lambda t: t > 2}), "asks for t; it may use x, y"),
    "no file": (lambda: STL("/nowhere/part.stl"), "there is no file"),
    "cloud of too few points": (lambda: PointCloud([(0, 0), (1, 1)]), "needs 3 different points or more, got 2"),
    "cloud on a line": (lambda: PointCloud([(0, 0), (1, 1), (2, 2)]), "lie in a plane, a line or a point"),
    "cloud of four dimensions": (lambda: PointCloud(np.eye(4)), "two or three dimensions, got 4"),
    "cloud out of reach": (lambda: PointCloud(SQUARE, reach=0.1), "no points are within the reach of 0.1"),
    "folding map": (
        lambda: Mapped(lambda a, b: (a * a, b), Box(a=(-1, 1), b=(0, 1))),
        "folds: its Jacobian determinant changes its sign",
    ),
    "map of no area": (lambda: Mapped(lambda a, b: (a, 2 * a), Box(a=(0, 1), b=(0, 1))), "is degenerate"),
    "map twice around": (
        lambda: Mapped(polar, Box(r=(1, 2), a=(0, 4 * np.pi)), closed=("a",)),
        "covers points twice",
    ),
    "map that is not closed": (
        lambda: Mapped(polar, Box(r=(1, 2), a=(0, 6)), closed=("a",)),
        "is not closed in a: its ends are",
    ),
    "map of one component": (lambda: Mapped(lambda a, b: (a,), Box(a=(0, 1), b=(0, 1))), "must have 2 components"),
    "map of one coordinate": (lambda: Mapped(lambda a: (a,), Box(a=(0, 1))), "two or three dimensions, got 1"),
    "map of a disc": (lambda: Mapped(square, Disc()), "reference domain must be a box"),
    "closed in nothing": (lambda: Mapped(square, Box(a=(0, 1), b=(0, 1)), closed=("c",)), "closed names .'c'."),
    "course along nothing": (lambda: Disc().moving(Time(t=(0, 1)), z=torch.sin), "cannot shift z"),
    "infinite course": (lambda: Disc().moving(Time(t=(0, 1)), x=lambda t: 1 / t), "course of x must be finite"),
    "course of no function": (lambda: Disc().moving(Time(t=(0, 1)), x=2.0), "course of x must be a torch function"),
    "turning ball": (lambda: Ball().moving(Time(t=(0, 1)), angle=torch.sin), "turns in the plane only"),
    "motion in no time": (lambda: Disc().moving(Box(t=(0, 1))), r"moves in time, Time\(t=\(0, 1\)\)"),
    "moving twice": (
        lambda: (Disc() * Time(t=(0, 1))).moving(Time(s=(0, 1))),
        "with time or parameters cannot be set in motion",
    ),
    "space of a moving domain": (lambda: Disc().moving(Time(t=(0, 1)), x=torch.sin).space, "moves; take it at"),
    "mesh of a moving domain": (lambda: Disc().moving(Time(t=(0, 1)), x=torch.sin).mesh(8), "take domain.at"),
    "zero radius": (lambda: Disc(radius=0), "radius must be finite and > 0, got 0"),
    "infinite radius": (lambda: Ball(radius=np.inf), "radius must be finite and > 0"),
    "center of a disc": (lambda: Disc((0, 0, 0)), "center must be 2 numbers"),
    "ball of one dimension": (lambda: Ball((0.0,)), r"two dimensions or more; try Box\(x=\(0, 1\)\)"),
    "center not a number": (lambda: Disc((0, np.nan)), "center must be finite"),
    "center not numbers": (lambda: Disc("ab"), "center must be numbers, got 'ab'"),
    "annulus inside out": (lambda: Annulus(inner=2, outer=1), "inner must be < outer, got 2 and 1"),
    "empty shell": (lambda: Shell((0, 0, 0), 1, 1), "inner must be < outer"),
    "flat ellipse": (lambda: Ellipse(half_axes=(1, 0)), "half_axes must be finite and > 0, got 0"),
    "flat simplex": (lambda: Simplex([(0, 0), (1, 1), (2, 2)]), "simplex is degenerate"),
    "vertices of a simplex": (lambda: Simplex(SQUARE), "simplex of 2 dimensions has 3 vertices, got 4"),
    "polygon of two points": (lambda: Polygon([(0, 0), (1, 1)]), "vertices must have three points or more, got 2"),
    "polygon on a line": (lambda: Polygon([(0, 0), (1, 1), (2, 2)]), "polygon"),
    "crossing polygon": (lambda: Polygon([(0, 0), (1, 1), (1, 0), (0, 1)]), "not a simple region: Self-intersection"),
    "repeated vertex": (lambda: Polygon([(0, 0), (1, 0), (1, 0), (0, 1)]), r"not repeat a point, got \[\[1.0, 0.0\]\]"),
    "hole outside": (
        lambda: Polygon(SQUARE, [[(2, 2), (3, 2), (3, 3)]]),
        "not a simple region: Hole lies outside shell",
    ),
    "ragged vertices": (lambda: Polygon([(0, 0), (1,)]), "vertices must be points"),
    "names of edges": (lambda: Polygon(SQUARE, edges=("a", "b")), "edges must be 4 names, one an edge"),
    "open curve": (lambda: Curve(lambda s: (s, s * (1 - s))), "is not closed: from"),
    "crossing curve": (lambda: Curve(eight), "crosses itself near"),
    "corners of a curve": (lambda: Curve(astroid), "corner at s = .*; try a polygon"),
    "curve of one coordinate": (lambda: Curve(lambda s: (s,)), "must have two coordinates, got 1"),
    "curve that is a point": (lambda: Curve(lambda s: (0 * s, 0 * s)), "is a point"),
    "curve to and fro": (lambda: Curve(lambda s: (circle(s)[0], 0 * s)), "corner|no area"),
    "infinite curve": (lambda: Curve(lambda s: (1 / s, s)), "must be finite"),
    "negative radius": (lambda: StarShaped(torch.cos), "radius of star must be > 0"),
    "open star": (lambda: StarShaped(lambda a: 1 + a), "not closed"),
    "empty name": (lambda: Disc(name=""), "name must be a word"),
    "name of a face": (lambda: Disc(name="x.min"), "kept for the faces"),
    "coordinates": (lambda: Disc(coordinates=("x", "x")), "coordinates must be 2 different names"),
    "empty difference": (lambda: Box(x=(0, 1), y=(0, 1)) - Disc(radius=3), "nothing is left of the difference"),
    "empty intersection": (lambda: Disc() & Disc((3, 0), name="other"), "nothing is left of the intersection"),
    "other dimension": (lambda: Disc() - Ball(), "same coordinates, got x, y and x, y, z"),
    "other coordinates": (lambda: Disc() | Disc(coordinates=("y", "z")), "same coordinates, got x, y and y, z"),
    "no domain": (lambda: Disc() - 1, "combines two domains, got 1"),
    "faces of one name": (
        lambda: Box(x=(-1, 1), y=(-1, 1)) - Box(x=(0, 1), y=(0, 1)),
        r"both parts have a side x.min, .*box.named\('notch'\)",
    ),
    "time and no time": (
        lambda: Box(x=(0, 1)) * Time(t=(0, 1)) - Box(x=(0, 1), t=(0, 1)).named("past"),
        "both parts must have the same time interval",
    ),
    "different times": (
        lambda: Disc() * Time(t=(0, 1)) - Disc((1, 0), name="bite") * Time(t=(0, 2)),
        "both parts must have the same time interval",
    ),
    "shared coordinate": (lambda: Disc() * Box(y=(0, 1)), "share the coordinate y"),
    "two times": (lambda: Box(x=(0, 1)) * Time(t=(0, 1)) * Time(s=(0, 1)), "both factors have time: t and s"),
    "unknown side": (lambda: Disc().boundary("rim", 1, uniform(0)), "no side 'rim'; the sides are disc"),
    "side that vanished": (
        lambda: (Disc() | Disc(radius=0.5, name="inner")).boundary("inner", 1, uniform(0)),
        "no side 'inner'; the sides are disc",
    ),
    "side of a parameter": (
        lambda: (Box(x=(0, 1)) * Parameters(nu=(1, 2))).side_measure("nu.min"),
        "no side 'nu.min'; the sides are x.min, x.max",
    ),
    "measure of an unknown side": (lambda: Disc().side_measure("rim"), "no side 'rim'"),
    "moved along nothing": (lambda: Disc().moved(z=1), "cannot move along z; the coordinates are x, y"),
    "zero scaling": (lambda: Disc().scaled(0), "factor must be finite and > 0"),
    "turned without axis": (lambda: Ball().rotated(1.0), r"needs an axis such as \(0, 0, 1\)"),
    "zero axis": (lambda: Ball().rotated(1.0, axis=(0, 0, 0)), "axis must not be zero"),
    "axis in the plane": (lambda: Disc().rotated(1.0, axis=(0, 0, 1)), "axis is for rotations in three dimensions"),
    "turned interval": (lambda: Box(x=(0, 1)).rotated(1.0), "rotations are of 2 or 3 coordinates"),
    "placed in time": (lambda: (Disc() * Time(t=(0, 1))).moved(x=1), "place its space, then multiply by Time"),
    "no time": (lambda: Disc().at(0.0), r"no time coordinate; try domain \* Time"),
    "mesh of no cells": (lambda: Disc().mesh(0), "resolution must be a whole number >= 1, got 0"),
    "mesh of many dimensions": (lambda: Ball((0, 0, 0, 0)).mesh(3), "up to three dimensions, got 4"),
}


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_explained(case):
    make, message = CASES[case]
    with pytest.raises(UserError, match=message):
        make()


def test_two_solids_that_touch_nowhere_are_one_domain():
    assert two_boxes(2.0).measure == pytest.approx(2.0)


@pytest.mark.parametrize("content", [b"", b"solid nothing\nendsolid nothing\n", b"\x00" * 100])
def test_files_that_are_no_stl(tmp_path, content):
    path = tmp_path / "part.stl"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"part.stl (cannot be read as STL|holds no triangles)"):
        STL(path)


def test_without_shapely_a_polygon_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "shapely", None)
    with pytest.raises(UserError, match=r"needs shapely: pip install 'pinn\[geometry\]'"):
        Polygon(SQUARE)
