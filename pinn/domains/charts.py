"""Charts: the interior of a domain and the sides of its boundary as images of unit cubes."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc

from pinn.basis.errors import UserError

# draw(n, k): n points of the unit cube [0, 1)^k, shape (n, k); a sequence of its own at every call.
Draw = Callable[[int, int], np.ndarray]

BLOCK = 2**13  # points placed at once: their intermediate values stay in the cache
SCRAMBLINGS, POINTS = 16, 2**12  # of the quasi-Monte Carlo estimate of a measure
ROUNDS = 50  # of rejection before a draw gives up
CELLS = 4096  # of a curve on which the ends of its kept pieces are looked for


class Placed(NamedTuple):
    """Points (n, d) with unit normals (n, d) on a boundary, and which of them belong to the piece (None: all)."""

    x: NDArray[np.float64]
    normal: NDArray[np.float64] | None = None
    kept: NDArray[np.bool_] | None = None

    @property
    def outward(self) -> NDArray[np.float64]:
        """The normals of points that lie on a boundary."""
        assert self.normal is not None
        return self.normal


class Estimate(NamedTuple):
    """A number and the bound of its error: 0 for a closed form, 3 standard errors for quasi-Monte Carlo."""

    value: float
    error: float


@dataclass(frozen=True)
class Chart:
    """A piece of a domain or of its boundary as the image of a unit cube; equal volumes go to equal measures.

    k: the cube's dimension. measure: volume, area, ... of the whole image. place: cube points (n, k) to their images.
    rejects: whether some of the image lies outside the piece. breaks: for k = 1, where the image has a corner or a
    jump, both ends included. smooth: whether the image is a smooth function on the whole cube.
    """

    k: int
    measure: float
    place: Callable[[NDArray[np.float64]], Placed]
    rejects: bool = False
    breaks: tuple[float, ...] = (0.0, 1.0)
    smooth: bool = False

    @cached_property
    def share(self) -> Estimate:
        """The part of the image that belongs to the piece, by randomized quasi-Monte Carlo where it is not all."""
        if not self.rejects:
            return Estimate(1.0, 0.0)
        if self.k == 0:
            return Estimate(float(_kept(self.place(np.empty((1, 0))))[0]), 0.0)
        shares = [_kept(self.place(sobol(POINTS, self.k, seed))).mean() for seed in range(SCRAMBLINGS)]
        return Estimate(float(np.mean(shares)), float(3 * np.std(shares, ddof=1) / math.sqrt(SCRAMBLINGS)))

    @cached_property
    def is_empty(self) -> bool:
        """Whether no part of the image belongs to the piece, as far as 4,096 points and then the estimate show."""
        if not self.rejects:
            return self.measure == 0
        if self.k and _kept(self.place(sobol(POINTS, self.k))).any():
            return False
        return self.share.value == 0

    @property
    def extent(self) -> Estimate:
        """The piece's measure: volume, area, length, or number of points."""
        return Estimate(self.measure * self.share.value, self.measure * self.share.error)

    def sample(self, n: int, draw: Draw) -> Placed:
        """n points of the piece, uniform where `draw` is; raises UserError where it has none."""
        if not self.rejects:
            return _joined([self.place(u) for u in _blocks(draw(n, self.k))])
        whole: Placed | None = None
        drawn = 0
        for _ in range(ROUNDS):
            if self.share.value == 0:
                break
            count = math.ceil(1.02 * (n - drawn) / self.share.value) + 16
            for u in _blocks(draw(count, self.k)):
                part = _selected(self.place(u), n - drawn)
                whole = _empty_like(part, n) if whole is None else whole
                _put(whole, drawn, part)  # at once, so that a block's memory serves the next one, too
                drawn += len(part.x)
                if drawn == n:
                    return whole
        raise UserError(f"drew {drawn} of {n} points: almost nothing of this piece is left; is the domain empty there?")

    def restricted(self, test: Callable[[Placed], NDArray[np.bool_]]) -> "Chart":
        """The part of the piece where `test` is true: for a curve its intervals, else by rejection."""
        if self.k == 1:
            return _trimmed(self, test)

        def place(u: NDArray) -> Placed:
            placed = self.place(u)
            kept = test(placed)
            return placed._replace(kept=kept if placed.kept is None else placed.kept & kept)

        return replace(self, place=place, rejects=True, smooth=False)

    def inside(self, contains: Callable[[NDArray[np.float64]], NDArray[np.bool_]]) -> "Chart":
        """The part of an interior where `contains` of the points is true."""
        return self.restricted(lambda placed: contains(placed.x))

    def mapped(self, function: Callable[[Placed], Placed], factor: float = 1.0) -> "Chart":
        """The image under a map of points and normals that multiplies every measure by `factor`."""
        return replace(self, place=lambda u: function(self.place(u)), measure=self.measure * factor)

    def flipped(self) -> "Chart":
        """The same piece seen from the other side: normals reversed."""
        return self.mapped(lambda placed: placed._replace(normal=None if placed.normal is None else -placed.normal))


def sobol(n: int, k: int, seed: int = 0) -> NDArray[np.float64]:
    """The first n points of a scrambled Sobol sequence, always the same one."""
    if k == 0:
        return np.empty((n, 0))
    whole = 2 ** max(0, (n - 1).bit_length())  # drawn by powers of two, as the sequence's balance wants
    return qmc.Sobol(k, rng=np.random.default_rng(seed)).random(whole)[:n]


def box_chart(bounds: Mapping[str, tuple[float, float]]) -> Chart:
    """The interior of a box."""
    lower, upper = np.array(list(bounds.values())).T
    extent = upper - lower
    return Chart(len(lower), float(np.prod(extent)), lambda u: Placed(lower + extent * u), smooth=True)


def mixture(charts: Sequence[Chart]) -> Chart:
    """Disjoint pieces as one: the first cube coordinate chooses the piece, in proportion to the measures."""
    charts = [chart for chart in charts if chart.measure > 0]
    if len(charts) == 1:
        return charts[0]
    if not charts:
        return Chart(1, 0.0, lambda u: Placed(np.empty((len(u), 0))))
    measures = np.array([chart.measure for chart in charts])
    edges = np.concatenate([[0.0], np.cumsum(measures) / measures.sum()])
    rejects = any(chart.rejects for chart in charts)

    def place(u: NDArray) -> Placed:
        index, first = chosen(edges, u[:, 0])
        own = [np.flatnonzero(index == i) for i in range(len(charts))]
        order = np.concatenate(own)
        sorted_u = rows(np.vstack([first, u[:, 1:].T]).T, order)
        ends = np.cumsum([0, *map(len, own)])
        pieces = zip(charts, ends, ends[1:], strict=False)
        placed = _joined([chart.place(sorted_u[start:stop, : chart.k]) for chart, start, stop in pieces])
        back = np.empty_like(order)
        back[order] = np.arange(len(order))
        return _rows(placed, back)

    breaks = {edges[i] + b * (edges[i + 1] - edges[i]) for i, chart in enumerate(charts) for b in chart.breaks}
    k = max(1, *(chart.k for chart in charts))
    return Chart(k, float(measures.sum()), place, rejects, tuple(sorted(breaks)))


def product(first: Chart, second: Chart, columns: NDArray[np.intp]) -> Chart:
    """Pairs of points of two charts, at most one of which has normals; `columns` orders their coordinates."""

    def place(u: NDArray) -> Placed:
        a, b = first.place(u[:, : first.k]), second.place(u[:, first.k :])
        normal = None
        if a.normal is not None or b.normal is not None:
            pair = [np.zeros_like(side.x) if side.normal is None else side.normal for side in (a, b)]
            normal = np.concatenate(pair, axis=1)[:, columns]
        kept = [side.kept for side in (a, b) if side.kept is not None]
        return Placed(np.concatenate([a.x, b.x], axis=1)[:, columns], normal, np.all(kept, axis=0) if kept else None)

    breaks = first.breaks if first.k else second.breaks
    measure, smooth = first.measure * second.measure, first.smooth and second.smooth
    return Chart(first.k + second.k, measure, place, first.rejects or second.rejects, breaks, smooth)


def chosen(edges: NDArray[np.float64], u: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """The interval of 0 = edges[0] < ... < edges[k] = 1 that holds each u (n,), and the position within it, in [0, 1).

    Stretching what is left of u keeps the evenness of a low-discrepancy sequence, which choosing intervals by its
    index would lose.
    """
    inner = edges[1:-1]
    index = (u >= inner[0]).astype(np.intp) if len(inner) == 1 else np.searchsorted(inner, u, side="right")
    return index, np.clip((u - edges[index]) / (edges[index + 1] - edges[index]), 0.0, 1.0)


def _trimmed(chart: Chart, test: Callable[[Placed], NDArray[np.bool_]]) -> Chart:
    """The intervals of a curve's parameter where `test` is true; their ends found by bisection to rounding."""

    def kept(s: NDArray) -> NDArray[np.bool_]:
        placed = chart.place(s[:, None])
        return test(placed) if placed.kept is None else test(placed) & placed.kept

    middles = (np.arange(CELLS) + 0.5) / CELLS
    inside = kept(middles)
    change = np.flatnonzero(inside[1:] != inside[:-1])
    lower, upper, before = middles[change], middles[change + 1], inside[change]
    for _ in range(50 if len(change) else 0):
        middle = 0.5 * (lower + upper)
        same = kept(middle) == before
        lower, upper = np.where(same, middle, lower), np.where(same, upper, middle)
    cuts = np.concatenate([[0.0], 0.5 * (lower + upper), [1.0]])
    pieces = [(a, b) for a, b, use in zip(cuts, cuts[1:], _alternating(inside), strict=False) if use]
    if pieces == [(0.0, 1.0)]:
        return replace(chart, rejects=False, place=lambda u: chart.place(u)._replace(kept=None))
    starts, lengths = np.array([a for a, _ in pieces]), np.array([b - a for a, b in pieces])
    total = float(lengths.sum()) if pieces else 0.0
    if total == 0:
        return replace(chart, measure=0.0, rejects=False)
    edges = np.concatenate([[0.0], np.cumsum(lengths) / total])

    def place(u: NDArray) -> Placed:
        index, within = chosen(edges, u[:, 0])
        return chart.place((starts[index] + lengths[index] * within)[:, None])._replace(kept=None)

    breaks = set(edges)
    for (a, b), edge in zip(pieces, edges, strict=False):
        breaks |= {edge + (c - a) / total for c in chart.breaks if a < c < b}
    return Chart(1, chart.measure * total, place, breaks=tuple(sorted(breaks)))


def _alternating(inside: NDArray[np.bool_]) -> list[bool]:
    """Whether each run of equal values of `inside` is true."""
    starts = np.concatenate([[True], inside[1:] != inside[:-1]])
    return [bool(value) for value in inside[starts]]


def _kept(placed: Placed) -> NDArray[np.bool_]:
    return np.ones(len(placed.x), dtype=bool) if placed.kept is None else placed.kept


def _selected(placed: Placed, most: int) -> Placed:
    """The points that belong to the piece, the first `most` of them."""
    return _rows(placed._replace(kept=None), np.flatnonzero(_kept(placed))[:most])


def _rows(placed: Placed, index: NDArray[np.intp]) -> Placed:
    """The points by number."""
    normal = None if placed.normal is None else rows(placed.normal, index)
    return Placed(rows(placed.x, index), normal, None if placed.kept is None else rows(placed.kept, index))


def _empty_like(part: Placed, n: int) -> Placed:
    """Room for n points of that kind, with contiguous columns."""
    columns = (part.x.shape[1], n)
    return Placed(np.empty(columns).T, None if part.normal is None else np.empty(columns).T)


def _put(whole: Placed, start: int, part: Placed) -> None:
    """Write the part's points from a row on."""
    whole.x[start : start + len(part.x)] = part.x
    if whole.normal is not None:
        whole.normal[start : start + len(part.x)] = part.outward


def rows(values: NDArray, index: NDArray[np.intp]) -> NDArray:
    """The rows of values (n,) or (n, d) by number: several times faster than indexing where columns are contiguous."""
    return values.T.take(index, axis=-1).T


def _blocks(u: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Cube points in blocks with contiguous columns, on which elementwise operations are fastest."""
    return [np.asfortranarray(u[start : start + BLOCK]) for start in range(0, max(1, len(u)), BLOCK)]


def _joined(parts: Sequence[Placed]) -> Placed:
    """Points of several parts in one; all kept where a part does not say."""
    if len(parts) == 1:
        return parts[0]
    x = np.concatenate([part.x for part in parts])
    normals = [part.normal for part in parts if part.normal is not None]
    kept = np.concatenate([_kept(part) for part in parts]) if any(part.kept is not None for part in parts) else None
    return Placed(x, np.concatenate(normals) if normals else None, kept)
