"""Cells and facets that are simplices: their measures, charts, normals and distances."""

import math
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from pinn.domains.charts import Chart, Placed, chosen

FLAT = 1e-12  # volume of a simplex, relative to that of a cube with its longest edge, below which it is degenerate


def simplex_measures(cells: NDArray[np.float64]) -> NDArray[np.float64]:
    """Volumes (areas, lengths) of simplices (c, m + 1, d) of dimension m: sqrt(det G) / m!, G their Gram matrix."""
    edges = cells[:, 1:] - cells[:, :1]
    m, d = edges.shape[1:]
    if m == d:  # without the root, which would make 1e-8 of a rounding error of 1e-16
        return np.abs(np.linalg.det(edges)) / math.factorial(m)
    gram = np.einsum("cid,cjd->cij", edges, edges)
    return np.sqrt(np.maximum(np.linalg.det(gram), 0.0)) / math.factorial(m)


def cells_chart(cells: NDArray[np.float64], normals: NDArray[np.float64] | None = None) -> Chart:
    """The union of disjoint simplices (c, m + 1, d), m >= 1, with the normal (c, d) of each where it is a boundary.

    The sorted cube coordinates are barycentric ones, uniform in the simplex.
    """
    measures = simplex_measures(cells)
    used = measures > 0
    cells, measures = cells[used], measures[used]
    normals = None if normals is None else normals[used]
    m = cells.shape[1] - 1
    edges = np.concatenate([[0.0], np.cumsum(measures) / measures.sum()])
    edges[-1] = 1.0

    def place(u: NDArray) -> Placed:
        index, first = chosen(edges, u[:, 0])
        ordered = np.sort(np.column_stack([first, u[:, 1:]]), axis=1)
        weights = np.diff(ordered, axis=1, prepend=0.0, append=1.0)  # (n, m + 1)
        x = np.einsum("nv,nvd->nd", weights, cells[index])
        return Placed(x, None if normals is None else normals[index])

    return Chart(m, float(measures.sum()), place, breaks=tuple(edges) if m == 1 else (0.0, 1.0))


def outward_normals(facets: NDArray[np.float64], inside: NDArray[np.float64]) -> NDArray[np.float64]:
    """Unit normals (f, d) of flat facets (f, d, d), pointing away from one point (f, d) each."""
    edges = facets[:, 1:] - facets[:, :1]  # (f, d - 1, d)
    normals = np.linalg.svd(edges)[2][:, -1]
    away = np.sum(normals * (facets[:, 0] - inside), axis=1)
    return normals * np.where(away >= 0, 1.0, -1.0)[:, None]


def distance_to_simplex(x: NDArray[np.float64], vertices: NDArray[np.float64]) -> NDArray[np.float64]:
    """The distance of points (n, d) outside a simplex of any dimension (m + 1, d).

    The smallest over all its faces on which the foot of a point lies, those of the full dimension d apart.
    """
    nearest = np.full(len(x), np.inf)
    for size in range(1, min(len(vertices), x.shape[1]) + 1):
        for face in combinations(vertices, size):
            corner, edges = face[0], np.array(face)[1:] - face[0]
            weights = (x - corner) @ np.linalg.pinv(edges) if size > 1 else np.zeros((len(x), 0))
            on_face = (weights >= 0).all(axis=1) & (weights.sum(axis=1) <= 1)
            gap = np.linalg.norm(x - corner - weights @ edges, axis=1)
            nearest = np.where(on_face, np.minimum(nearest, gap), nearest)
    return nearest


def without_strays(nodes: NDArray[np.float64], cells: NDArray[np.intp]) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """The mesh without nodes that belong to no cell."""
    used, numbered = np.unique(cells, return_inverse=True)
    return nodes[used], numbered.reshape(cells.shape).astype(np.intp)
