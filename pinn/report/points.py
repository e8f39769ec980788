"""A picture of the domain: the points of each term, and the normals on its sides."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pinn.diagnosis.preflight import Preflight
from pinn.domains.base import Domain
from pinn.domains.region import Region
from pinn.report.style import LARGE, SMALL, STRIP, Look, marker_styles, style, write
from pinn.sampling.base import Sampler, draw_all
from pinn.sampling.points import Points, PointSet
from pinn.solution_file.reading import PathLike

PANELS = 3  # pairs of coordinates at most
COLUMNS = 3  # of the legend
LENGTH = 0.07  # of an arrow, as a share of the picture
APART = 1.2  # arrows' lengths between two of them, at least
SHARE, SHORTEST = 0.5, 0.35  # of the room before a point that its arrow takes, and of LENGTH below which none is drawn
SHOWN, FEW = 2000, 20  # points of a region at most; so few are drawn large
SEEN = 1000  # points of all sides that are compared with each other for their arrows
VOLUME = "#9a9a9a"  # gray


def draw_first_points(before: Preflight, sampler: Sampler, seed: int, figure: PathLike) -> Path:
    """Draw the points that training starts with, as `draw_points` does; returns the figure's path."""
    trial, generator = before.residuals.trial, torch.Generator().manual_seed(seed)
    regions = {label: group.region for label, group in before.residuals.regions.items()}
    points = draw_all(sampler, trial, regions, generator)
    return draw_points(trial.domain, regions, points, trial.problem.name, figure, before.legend)


def draw_points(
    domain: Domain,
    regions: Mapping[str, Region],
    points: PointSet,
    title: str,
    figure: PathLike,
    names: Mapping[str, str] | None = None,
) -> Path:
    """Draw where each term is evaluated, and the outward normals there; returns the figure's path.

    More than two coordinates are drawn two by two, one is drawn along a line. regions, points, names: by the region's
    label; a name is what the legend calls it, such as its terms.
    """
    pairs = list(combinations(domain.coordinates, 2))[:PANELS] or [(domain.coordinates[0], "")]
    rows = math.ceil(len(points) / COLUMNS)
    width = 6.0 if len(pairs) == 1 else 3.7
    height = max(_height(domain, pair, width) for pair in pairs) + 0.25 * rows + 0.4
    drawn = Figure(figsize=(width * len(pairs), height), layout="constrained")
    panels = drawn.subplots(1, len(pairs), squeeze=False)[0]
    looks, colors = marker_styles(), {}
    for label, of_region in points.items():
        is_volume = regions[label].is_interior
        look = {"color": VOLUME, "marker": "o"} if is_volume else next(looks)
        colors[label] = look["color"]
        told = f"{(names or {}).get(label, label)}: {len(of_region.x)} point{'s' * (len(of_region.x) != 1)}"
        for axes, pair in zip(panels, pairs, strict=True):
            _draw_region(axes, domain, pair, of_region, look, told, is_volume)
    for axes, pair in zip(panels, pairs, strict=True):
        _draw_normals(axes, domain, pair, points, colors)
        _finish(axes, domain, pair)
    handles, told = panels[0].get_legend_handles_labels()
    columns = min(COLUMNS, len(told))
    drawn.legend(
        handles, told, loc="outside lower center", ncols=columns, fontsize=SMALL, frameon=False, markerscale=1.5
    )
    drawn.suptitle(title, fontsize=LARGE, parse_math=False)
    return write(drawn, figure)


def _draw_region(
    axes: Axes,
    domain: Domain,
    pair: tuple[str, str],
    points: Points,
    look: Look,
    label: str,
    is_volume: bool,
) -> None:
    x = points.x.detach().cpu().numpy()
    across, up = _columns(domain, pair, x[thinned(len(x))])
    size = 2.0 if is_volume else 24.0 if len(x) <= FEW else 6.0
    axes.scatter(across, up, s=size, **look, linewidths=0, zorder=1 if is_volume else 3, label=label)


def _draw_normals(
    axes: Axes, domain: Domain, pair: tuple[str, str], points: PointSet, colors: Mapping[str, str]
) -> None:
    """Arrows at some of the points, evenly spread; perpendicular where the picture is drawn to scale.

    They are short where a side is before them, and none where points of a side that lies in the picture are.
    """
    sides = {label: side for label, side in points.items() if side.normal is not None}
    if not sides:
        return
    x = np.concatenate([side.x.detach().cpu().numpy() for side in sides.values()])
    normal = np.concatenate([side.normal.detach().cpu().numpy() for side in sides.values() if side.normal is not None])
    color = np.concatenate([np.full(len(side.x), colors[label]) for label, side in sides.items()])
    shown = thinned(len(x))[:SEEN]
    at, along = (np.column_stack(_columns(domain, pair, values[shown])) for values in (x, normal))
    size = np.hypot(*along.T)
    visible = size > 0.9  # in this picture, not towards the reader
    at, along, color = at[visible], along[visible] / size[visible, None], color[shown][visible]
    lengths = _lengths(domain, pair)
    length = np.minimum(LENGTH, SHARE * room(at / lengths, along))
    drawn = np.flatnonzero(length >= SHORTEST * LENGTH)
    if not drawn.size:
        return
    chosen = drawn[spread(at[drawn] / lengths, APART * LENGTH)]
    axes.quiver(
        *at[chosen].T,
        *(length[chosen, None] * lengths * along[chosen]).T,
        color=color[chosen],
        angles="xy",
        scale_units="xy",
        scale=1.0,
        width=0.004,
        headwidth=4.0,
        zorder=2,
    )


def room(points: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """The radius (n,) of the largest disc that touches each point from its normal's side and holds no other point.

    points, normals: (n, 2). Infinite where nothing is before a point.
    """
    offset = points[None] - points[:, None]  # (n, n, 2), from each point to the others
    before = np.einsum("nmd,nd->nm", offset, normals)
    squared = (offset**2).sum(2)
    ahead = before > 1e-3 * np.sqrt(squared)  # of a straight side rounding puts others before a point
    return np.min(np.where(ahead, squared / np.where(ahead, 2 * before, 1.0), np.inf), axis=1, initial=np.inf)


def thinned(n: int) -> np.ndarray:
    """The indices of at most SHOWN of n points, at random: every k-th of a Sobol sequence would fill a part only."""
    return np.random.default_rng(0).permutation(n)[:SHOWN]


def spread(points: np.ndarray, apart: float) -> np.ndarray:
    """The indices of points (n, 2), each the farthest from those chosen before, as long as that is so far."""
    chosen = [int(points.sum(1).argmin())]
    distance = np.full(len(points), np.inf)
    while True:
        distance = np.minimum(distance, np.hypot(*(points - points[chosen[-1]]).T))
        if distance.max() < apart:
            return np.array(chosen)
        chosen.append(int(distance.argmax()))


def _columns(domain: Domain, pair: tuple[str, str], x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The two coordinates of points or vectors (n, d); zero for the second of one."""
    columns = [x[:, domain.coordinates.index(name)] if name else np.zeros(len(x)) for name in pair]
    return columns[0], columns[1]


def _lengths(domain: Domain, pair: tuple[str, str]) -> np.ndarray:
    """The lengths to which arrows are scaled (2,): the same in both coordinates where the picture is to scale."""
    lengths = np.array([float(np.ptp(domain.bounds[name])) if name else 1.0 for name in pair])
    return np.full(2, lengths.max()) if _is_to_scale(domain, pair) else lengths


def _height(domain: Domain, pair: tuple[str, str], width: float) -> float:
    """Of a panel so wide (inches)."""
    if not pair[1]:
        return 1.2
    if not _is_to_scale(domain, pair):
        return 3.6
    across, up = (float(np.ptp(domain.bounds[name])) for name in pair)
    return 0.6 + min(
        4.2, (width - 0.6) * (up + 3 * LENGTH * across) / (1 + 3 * LENGTH) / across
    )  # with room for arrows


def _is_to_scale(domain: Domain, pair: tuple[str, str]) -> bool:
    """Whether the picture is drawn to scale: two coordinates of space of comparable extent."""
    if not all(name in domain.space_coordinates for name in pair):
        return False
    first, second = (float(np.ptp(domain.bounds[name])) for name in pair)
    return STRIP <= first / second <= 1 / STRIP


def _finish(axes: Axes, domain: Domain, pair: tuple[str, str]) -> None:
    style(axes, *pair)
    axes.grid(False)
    around = 1.5 * LENGTH * _lengths(domain, pair)  # room for arrows
    (left, right), (bottom, top) = (domain.bounds.get(name, (0.0, 0.0)) for name in pair)
    axes.set_xlim(left - around[0], right + around[0])
    axes.set_ylim(bottom - around[1], top + around[1])
    if _is_to_scale(domain, pair):
        axes.set_aspect("equal")
    if not pair[1]:
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.set_ylim(-1, 1)
