"""Surfaces of triangles: whether they enclose a solid, and the distance to them."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from pinn.basis.errors import require
from pinn.domains.triangles import enclosed_volume, parts, ranks

PAIRS = 2**21  # pairs of triangles that are compared at once
NEIGHBORS = 24  # facets that are tried first for the distance of a point
TOUCH = 1e-9  # of the size: how deep one triangle must cut another


def check_surface(vertices: NDArray[np.float64], faces: NDArray[np.integer]) -> None:
    """Raise UserError unless the triangles close, are wound alike with normals outwards, and cross nowhere."""
    shaped = faces.ndim == 2 and faces.shape[1] == 3 and faces.dtype.kind in "iu"
    require(shaped and len(faces) > 0, f"faces must be numbers of vertices (f, 3), got {faces.dtype} {faces.shape}")
    known = bool(faces.min() >= 0 and faces.max() < len(vertices))
    require(known, f"faces must number {len(vertices)} vertices from 0, got {faces.min()} to {faces.max()}")
    twice = (faces[:, 0] == faces[:, 1]) | (faces[:, 1] == faces[:, 2]) | (faces[:, 2] == faces[:, 0])
    require(not twice.any(), f"{twice.sum()} triangles are degenerate: they use a vertex twice")
    _check_edges(vertices, faces)
    triangles = vertices[faces]
    size = float(np.ptp(triangles, axis=(0, 1)).max())
    volume = enclosed_volume(triangles)
    require(abs(volume) > 1e-12 * size**3, "the surface encloses no volume")
    require(volume > 0, "the surface is inside out: its triangles run clockwise seen from outside; try faces[:, ::-1]")
    crossing = first_crossing(vertices, faces)
    if crossing is not None:
        place = np.round(triangles[crossing[0]].mean(axis=0), 4).tolist()
        message = f"triangles {crossing[0]} and {crossing[1]}, near {place}"
        require(False, f"the surface crosses itself: {message}; try a union of its parts in the program that made it")


def _check_edges(vertices: NDArray[np.float64], faces: NDArray[np.integer]) -> None:
    """Raise UserError unless each edge belongs to two triangles that run through it in opposite directions."""
    directed = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    edges, inverse, count = np.unique(np.sort(directed, axis=1), axis=0, return_inverse=True, return_counts=True)
    if (count != 2).any():
        open_edges = edges[count != 2]
        place = np.round(vertices[open_edges[0]].mean(axis=0), 4).tolist()
        hint = "close its holes, such as by trimesh.repair.fill_holes"
        require(False, f"the surface is not watertight: {len(open_edges)} edges, one near {place}; {hint}")
    forward = np.bincount(inverse.reshape(-1), weights=directed[:, 0] < directed[:, 1])
    hint = "try trimesh.repair.fix_normals"
    require(bool((forward == 1).all()), f"the surface's triangles do not all turn the same way round; {hint}")


def first_crossing(vertices: NDArray[np.float64], faces: NDArray[np.integer]) -> tuple[int, int] | None:
    """The numbers of two triangles without common vertices that cut each other, or None.

    Pairs whose bounding boxes meet are found by a sweep, those of which an edge of one pierces the other are reported.
    """
    triangles = vertices[faces]
    low, high = triangles.min(axis=1), triangles.max(axis=1)
    sweep = int(np.argmax(np.ptp(triangles, axis=(0, 1))))
    across = [i for i in range(3) if i != sweep]
    order = np.argsort(low[:, sweep], kind="stable")
    low, high, triangles, faces = low[order], high[order], triangles[order], faces[order]
    last = np.searchsorted(low[:, sweep], high[:, sweep], side="right")  # those that start before this one ends
    count = np.maximum(last - np.arange(len(faces)) - 1, 0)
    for part in parts(count, PAIRS):
        first = np.repeat(np.arange(part.start, part.stop), count[part])
        second = first + 1 + ranks(count[part])
        for i in across:  # one direction after the other: few pairs are left after the first
            least, most = low[:, i].copy(), high[:, i].copy()
            meet = (least[first] <= most[second]) & (least[second] <= most[first])
            first, second = first[meet], second[meet]
        apart = ~(faces[first][:, :, None] == faces[second][:, None, :]).any(axis=(1, 2))
        first, second = first[apart], second[apart]
        cut = _pierces(triangles[first], triangles[second]) | _pierces(triangles[second], triangles[first])
        if cut.any():
            at = int(np.argmax(cut))
            return int(order[first[at]]), int(order[second[at]])
    return None


def _pierces(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether an edge of each triangle `one` (k, 3, 3) goes through its `other`, the edges of that included."""
    a, u, v = other[:, 0], other[:, 1] - other[:, 0], other[:, 2] - other[:, 0]
    normal = np.cross(u, v)
    height = np.einsum("kij,kj->ki", one - a[:, None], normal)  # (k, 3), above the plane of `other`
    size = np.abs(height).max(axis=1, initial=0.0)
    pierced = np.zeros(len(one), dtype=bool)
    square = np.maximum(np.einsum("kj,kj->k", normal, normal), 1e-300)
    for i, j in ((0, 1), (1, 2), (2, 0)):
        through = (height[:, i] * height[:, j] < 0) & (np.minimum(*np.abs(height[:, [i, j]]).T) > TOUCH * size)
        share = height[:, i] / np.where(through, height[:, i] - height[:, j], 1.0)
        at = one[:, i] + share[:, None] * (one[:, j] - one[:, i]) - a
        s = np.einsum("kj,kj->k", np.cross(at, v), normal) / square
        t = np.einsum("kj,kj->k", np.cross(u, at), normal) / square
        pierced |= through & (s >= -TOUCH) & (t >= -TOUCH) & (s + t <= 1 + TOUCH)
    return pierced


class SurfaceDistance:
    """The distance to facets (f, d, d), triangles or edges: exact, the nearest centers first."""

    def __init__(self, facets: NDArray[np.float64]) -> None:
        self._facets = facets
        self._to_each = distance_to_triangles if facets.shape[1] == 3 else distance_to_edges
        centers = facets.mean(axis=1)
        self._tree = cKDTree(centers)
        self._radius = float(np.linalg.norm(facets - centers[:, None], axis=2).max())

    def __call__(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Of points (n, d): (n,)."""
        distance, left, k = np.empty(len(x)), np.arange(len(x)), min(NEIGHBORS, len(self._facets))
        while len(left):
            size = max(1, PAIRS // (4 * k))
            rounds = [self._among_nearest(x[left[i : i + size]], k) for i in range(0, len(left), size)]
            nearest, sure = (np.concatenate(values) for values in zip(*rounds, strict=True))
            distance[left] = nearest
            left, k = left[~sure], min(4 * k, len(self._facets))
        return distance

    def _among_nearest(self, x: NDArray[np.float64], k: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """The distance to the k facets whose centers are nearest, and whether no other can be nearer."""
        reach, index = self._tree.query(x, k=[*range(1, k + 1)])
        gaps = self._to_each(np.repeat(x, k, axis=0), self._facets[index.reshape(-1)])
        nearest = gaps.reshape(-1, k).min(axis=1)
        # a facet whose center is farther than nearest + radius has no point that is nearer
        return nearest, (nearest <= reach[:, -1] - self._radius) | (k == len(self._facets))


def distance_to_triangles(x: NDArray[np.float64], triangles: NDArray[np.float64]) -> NDArray[np.float64]:
    """The distance of each point (k, 3) to its triangle (k, 3, 3): to the plane over the inside, else to an edge."""
    a, u, v = triangles[:, 0], triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]
    normal = np.cross(u, v)
    square = np.maximum(np.einsum("kj,kj->k", normal, normal), 1e-300)
    offset = x - a
    s = np.einsum("kj,kj->k", np.cross(offset, v), normal) / square
    t = np.einsum("kj,kj->k", np.cross(u, offset), normal) / square
    height = np.abs(np.einsum("kj,kj->k", offset, normal)) / np.sqrt(square)
    nearest = np.where((s >= 0) & (t >= 0) & (s + t <= 1), height, np.inf)
    for i in range(3):
        nearest = np.minimum(nearest, distance_to_edges(x, triangles[:, [i, (i + 1) % 3]]))
    return nearest


def distance_to_edges(x: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """The distance of each point (k, d) to its edge (k, 2, d)."""
    start, along = edges[:, 0], edges[:, 1] - edges[:, 0]
    length = np.maximum(np.einsum("kj,kj->k", along, along), 1e-300)
    share = np.clip(np.einsum("kj,kj->k", x - start, along) / length, 0.0, 1.0)
    return np.linalg.norm(x - start - share[:, None] * along, axis=1)
