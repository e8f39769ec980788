"""Time to draw points in domains and on their boundaries, against targets and against DeepXDE's geometry.

python tests/benchmarks/sampling.py [--repeats 5]

One core, medians of one run, uniform points in float64. `target` of a combination is five times torch.rand of as many
points over the share of points that are accepted; of the solid two seconds, in which its surface is read and checked,
too. Rows of DeepXDE are for the shapes that both have, where it can be imported (its backend: DDE_BACKEND=pytorch).
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import torch

from pinn.domains import STL, Ball, Box, Disc, Domain, Ellipse, Polygon, StarShaped

MILLION, MANY = 1_000_000, 100_000
L_SHAPE = [(-1, -1), (1, -1), (1, 0), (0, 0), (0, 1), (-1, 1)]


def draw(n: int, k: int) -> np.ndarray:
    """Independent uniform points of the unit cube."""
    return np.random.default_rng(0).random((n, k))


def median(function: Callable[[], object], repeats: int) -> float:
    """Seconds that a call takes; one before does not count."""
    function()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def five_discs() -> Domain:
    """A square less four discs."""
    domain: Domain = Box(x=(-0.5, 0.5), y=(-0.5, 0.5))
    for x in (-0.3, 0.3):
        for y in (-0.3, 0.3):
            domain -= Disc((x, y), 0.1, name="hole")
    return domain


def five_solids() -> Domain:
    """A cube with a ball on it, less three balls."""
    domain = Box(x=(-1, 1), y=(-1, 1), z=(-1, 1)) | Ball((0, 0, 1), 0.8)
    for x in (-0.6, 0.0, 0.6):
        domain -= Ball((x, 0, -0.4), 0.3, name="hole")
    return domain


def combinations(repeats: int) -> None:
    print(f"{'interior points of five primitives':44s} {'points':>9s} {'accepted':>9s} {'ms':>8s} {'target':>8s}")  # noqa: T201
    for name, domain in (("square less four discs", five_discs()), ("cube and ball less three balls", five_solids())):
        d, share = len(domain.coordinates), domain.interior_chart.share.value
        rand = median(lambda d=d: torch.rand(MILLION, d, dtype=torch.float64), repeats)
        seconds = median(lambda domain=domain: domain.interior(MILLION, draw), repeats)
        target = 5 * rand / share
        print(f"{name:44s} {MILLION:9d} {share:9.3f} {1e3 * seconds:8.1f} {1e3 * target:8.1f}")  # noqa: T201


def solid(repeats: int) -> None:
    try:
        import trimesh
    except ImportError:
        print("\nno row for STL files: trimesh is not installed")  # noqa: T201
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sphere.stl"
        sphere = trimesh.creation.icosphere(subdivisions=5)
        sphere.export(path)
        seconds = median(lambda: STL(path).interior(MANY, draw), repeats)
    print(  # noqa: T201
        f"\n{f'STL of {len(sphere.faces)} triangles, read and sampled':44s} {MANY:9d} {'':9s} {1e3 * seconds:8.1f}",
        end="",
    )
    print(f" {2e3:8.1f}")  # noqa: T201


def peer() -> ModuleType | None:
    """DeepXDE's geometry, or None where it cannot be imported."""
    os.environ.setdefault("DDE_BACKEND", "pytorch")
    try:
        import deepxde
    except Exception as error:  # it looks for a backend as it is imported, and raises whatever that raises
        print(f"\nno rows of DeepXDE, which cannot be imported: {type(error).__name__}: {error}")  # noqa: T201
        return None
    torch.set_default_device("cpu")
    return deepxde.geometry


def against_peer(geometry: ModuleType, repeats: int) -> None:
    discs, balls = geometry.Rectangle([-0.5, -0.5], [0.5, 0.5]), geometry.Cuboid([-1, -1, -1], [1, 1, 1])
    for x in (-0.3, 0.3):
        for y in (-0.3, 0.3):
            discs = discs - geometry.Disk([x, y], 0.1)
    balls = balls | geometry.Sphere([0, 0, 1], 0.8)
    for x in (-0.6, 0.0, 0.6):
        balls = balls - geometry.Sphere([x, 0, -0.4], 0.3)
    pairs = {
        "square": (Box(x=(-0.5, 0.5), y=(-0.5, 0.5)), geometry.Rectangle([-0.5, -0.5], [0.5, 0.5])),
        "disc": (Disc(), geometry.Disk([0, 0], 1)),
        "ellipse": (Ellipse(half_axes=(2, 1)), geometry.Ellipse([0, 0], 2, 1)),
        "L-shaped polygon": (Polygon(L_SHAPE), geometry.Polygon(L_SHAPE)),
        "star": (
            StarShaped(lambda angle: 1 + 0.3 * torch.cos(3 * angle)),
            geometry.StarShaped([0, 0], 1.0, [0, 0, 0.3], [0, 0, 0]),
        ),
        "ball": (Ball(), geometry.Sphere([0, 0, 0], 1)),
        "square less four discs": (five_discs(), discs),
        "cube and ball less three balls": (five_solids(), balls),
    }
    print(f"\n{f'{MANY} points, ms':32s} {'interior':>9s} {'DeepXDE':>9s} {'boundary':>9s} {'DeepXDE':>9s}")  # noqa: T201
    for name, (own, other) in pairs.items():
        named = own.named("all")
        row = [
            median(lambda own=own: own.interior(MANY, draw), repeats),
            median(lambda other=other: other.random_points(MANY), repeats),
            median(lambda named=named: named.boundary("all", MANY, draw), repeats),
            median(lambda other=other: other.random_boundary_points(MANY), repeats),
        ]
        print(f"{name:32s} " + " ".join(f"{1e3 * seconds:9.1f}" for seconds in row))  # noqa: T201


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    torch.set_num_threads(1)
    combinations(repeats)
    solid(repeats)
    geometry = peer()
    if geometry is not None:
        against_peer(geometry, repeats)


if __name__ == "__main__":
    main()
