"""Where the parts of a domain meet: points on their borders by bisection along lines, with normals."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from pinn.domains.base import Domain
from pinn.domains.charts import Draw, sobol

LINES, CELLS = 128, 256  # along each coordinate, on which faces are looked for, and cells of each line
BISECTIONS = 42  # of a cell: to rounding
BESIDE = 2e-13  # from a border to points beside it, of the domain's extent: to rounding the border itself
APART = 1e-5  # of the domain's extent, between points by which the slope of a border is measured
FLAT = 1e-12  # of the domain's extent: a face that lies at one place along a coordinate
DENSE = 300, 1500  # points of one face, and of all together, at most
LEAST = 24  # points of a face
MARGIN, SHORT = 128, 16  # of the domain's extent around a face; cells of lines across it

PartOf = Callable[[Tensor], Tensor]  # points (n, d) to the number (n,) of their part


@dataclass(frozen=True)
class Face:
    """Where two parts meet, as seen along a coordinate by number. below, above: points (n, d) on its two sides."""

    along: int
    parts: tuple[int, int]
    below: Tensor
    above: Tensor

    @cached_property
    def box(self) -> Tensor:
        """(d, 2)."""
        return torch.stack([self.below.amin(0), self.below.amax(0)], 1)

    @cached_property
    def middle(self) -> Tensor:
        """(d,)."""
        return (0.5 * (self.below + self.above)).mean(0)

    @property
    def is_flat(self) -> bool:
        """Whether it lies at one place along its coordinate."""
        low, high = self.box[self.along].tolist()
        return high - low <= FLAT * max(abs(high), abs(low), *(self.box[:, 1] - self.box[:, 0]).tolist())

    def told(self, coordinates: tuple[str, ...]) -> str:
        """Where it is, in words."""
        low, high = self.box[self.along].tolist()
        name = coordinates[self.along]
        return f"{name} = {low:.4g}" if self.is_flat else f"{name} in [{low:.4g}, {high:.4g}]"


def find_faces(part: PartOf, domain: Domain) -> list[Face]:
    """The faces of a domain's parts: pairs that meet on lines along coordinates, each by a few of its points.

    A face is looked at along the coordinate to which it is most inclined at a point; a curved one is there for several.
    """
    bounds = torch.tensor(list(domain.bounds.values()), dtype=torch.float64)
    places = torch.as_tensor(domain.interior(LINES, sobol))
    faces = []
    for along in range(len(bounds)):
        lines = places if len(bounds) > 1 else places[:1]
        a, b, _ = _changes(part, domain, lines, along, bounds[along].expand(len(lines), 2), CELLS)
        if not len(a):
            continue
        normal, known = normals(part, 0.5 * (a + b), along, bounds, part(a))
        known &= normal[:, along].abs() >= normal.abs().amax(1) - 1e-6
        a, b = a[known], b[known]
        pairs = torch.stack([part(a), part(b)], 1).sort(1).values
        for pair in torch.unique(pairs, dim=0):
            own = (pairs == pair).all(1)
            first, second = pair.tolist()
            faces += [Face(along, (first, second), *each) for each in _divided(a[own], b[own], along, bounds)]
    return faces


def _divided(below: Tensor, above: Tensor, along: int, bounds: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Points of one face; those of flat ones at different places apart, so that each is covered by itself."""
    extent = bounds[along, 1] - bounds[along, 0]
    places = (below[:, along] / (FLAT * extent)).round()
    levels = torch.unique(places)
    near = levels.diff(prepend=levels[:1] - 10.0) > 2.0
    starts = levels[near]
    if len(starts) > max(4, len(below) // 4):  # curved
        return [(below, above)]
    which = torch.bucketize(places, starts, right=True)
    return [(below[which == k], above[which == k]) for k in torch.unique(which)]


def _changes(
    part: PartOf, domain: Domain, lines: Tensor, along: int, ends: Tensor, cells: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Points (n, d) on either side of each border met on lines through points (k, d), between their ends (k, 2).

    And the number (n,) of the line.
    """
    t = torch.linspace(0.0, 1.0, cells + 1, dtype=torch.float64)
    nodes = lines[:, None].repeat(1, len(t), 1)  # (k, cells + 1, d)
    nodes[..., along] = ends[:, :1] + (ends[:, 1:] - ends[:, :1]) * t
    flat = nodes.reshape(-1, nodes.shape[-1])
    number = part(flat).reshape(nodes.shape[:2])
    inside = torch.as_tensor(domain.contains(flat.numpy())).reshape(number.shape)
    met = (number[:, 1:] != number[:, :-1]) & (inside[:, 1:] | inside[:, :-1])
    line = torch.arange(len(lines))[:, None].expand(met.shape)[met]
    a, b = bisected(part, nodes[:, :-1][met], nodes[:, 1:][met])
    kept = torch.as_tensor(domain.contains((0.5 * (a + b)).numpy())) if len(a) else torch.zeros(0, dtype=torch.bool)
    return a[kept], b[kept], line[kept]


def bisected(part: PartOf, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Points (n, d) next to each other between a and b, that of a in its part and that of b in another."""
    if not len(a):
        return a, b
    own = part(a)
    for _ in range(BISECTIONS):
        middle = 0.5 * (a + b)
        same = (part(middle) == own)[:, None]
        a, b = torch.where(same, middle, a), torch.where(same, b, middle)
    return a, b


def normals(part: PartOf, x: Tensor, along: int, bounds: Tensor, own: Tensor) -> tuple[Tensor, Tensor]:
    """Unit normals (n, d) of borders at points of them, coordinates scaled to [-1, 1], and whether they are known (n,).

    By central differences of the place along a coordinate where the part `own` (n,) ends, over that of the others:
    exact for flat borders. Normals point up the coordinate.
    """
    half = 0.5 * (bounds[:, 1] - bounds[:, 0])
    normal, known = torch.zeros_like(x), torch.ones(len(x), dtype=torch.bool)
    normal[:, along] = 1.0
    for other in range(len(half)):
        if other == along:
            continue
        ends = []
        for sign in (-1.0, 1.0):
            shifted = x.clone()
            shifted[:, other] += sign * APART * half[other]
            low, high = shifted.clone(), shifted.clone()
            low[:, along] -= 2.0 * APART * half[along]
            high[:, along] += 2.0 * APART * half[along]
            known &= (part(low) == own) & (part(high) != own)
            a, b = bisected(part, low, high)
            ends.append(0.5 * (a + b)[:, along] / half[along])
        normal[:, other] = -(ends[1] - ends[0]) / (2.0 * APART)
    return normal / normal.norm(dim=1, keepdim=True), known


@dataclass(frozen=True)
class Borders:
    """All faces of a domain's parts, and points on them."""

    part: PartOf
    faces: tuple[Face, ...]

    def points(self, domain: Domain, draw: Draw) -> tuple[Tensor, Tensor]:
        """Points above and below the borders (2 n, d), halves of one another, and unit normals (n, d).

        As many on each face, dense towards its ends as Chebyshev nodes are. draw: (n, k) -> uniform numbers. Normals
        are those of coordinates scaled to [-1, 1]. The points beside a border are next to rounding from it.
        """
        bounds = torch.tensor(list(domain.bounds.values()), dtype=torch.float64)
        most = max(LEAST, min(DENSE[0], DENSE[1] // max(1, len(self.faces))))
        found = []
        for along, is_flat in itertools.product(range(len(bounds)), (True, False)):
            faces = [face for face in self.faces if face.along == along and face.is_flat == is_flat]
            if faces:
                wanted = [torch.tensor(face.parts).expand(most, 2) for face in faces]
                lines, ends = zip(*(_lines(face, bounds, draw, most) for face in faces), strict=True)
                parts = torch.cat([pair[: len(x)] for pair, x in zip(wanted, lines, strict=True)])
                own = _straight if is_flat else _curved
                found.append(own(self.part, along, domain, torch.cat(lines), torch.cat(ends), parts))
        x, normal = (torch.cat(values) for values in zip(*found, strict=True))
        beside = _beside(domain, normal)
        above, below = x + beside, x - beside
        apart = self.part(above) != self.part(below)
        return torch.cat([above[apart], below[apart]]), normal[apart]


def _beside(domain: Domain, normal: Tensor) -> Tensor:
    """The way (n, d) from a border to points next to it."""
    return BESIDE * torch.tensor([0.5 * (b - a) for a, b in domain.bounds.values()], dtype=torch.float64) * normal


def _straight(
    part: PartOf, along: int, domain: Domain, x: Tensor, ends: Tensor, parts: Tensor
) -> tuple[Tensor, Tensor]:
    """Those of points x (n, d) that are on flat faces between parts (n, 2), and normals there. ends: not needed."""
    normal = torch.zeros_like(x)
    normal[:, along] = 1.0
    beside = _beside(domain, normal)
    known = (torch.stack([part(x - beside), part(x + beside)], 1).sort(1).values == parts).all(1)
    known &= torch.as_tensor(domain.contains(x.numpy()))
    return x[known], normal[known]


def _curved(
    part: PartOf, along: int, domain: Domain, lines: Tensor, ends: Tensor, parts: Tensor
) -> tuple[Tensor, Tensor]:
    """Points (n, d) of faces between parts (k, 2) on lines through points (k, d) with ends (k, 2), and normals there.

    Those whose normal is most along the lines' coordinate: the others are found along another.
    """
    a, b, line = _changes(part, domain, lines, along, ends, SHORT)
    x, own = 0.5 * (a + b), part(a)
    bounds = torch.tensor(list(domain.bounds.values()), dtype=torch.float64)
    normal, known = normals(part, x, along, bounds, own)
    known &= (torch.stack([own, part(b)], 1).sort(1).values == parts[line]).all(1)
    known &= normal[:, along].abs() >= normal.abs().amax(1) - 1e-6
    return x[known], normal[known]


def _lines(face: Face, bounds: Tensor, draw: Draw, n: int) -> tuple[Tensor, Tensor]:
    """Points (n, d) in a face's box, through which lines across it are drawn, and their ends (n, 2); none outside.

    Of a flat face they are on it.
    """
    margin = (bounds[:, 1] - bounds[:, 0]) / MARGIN  # what lies beyond the face is left out later
    low = torch.maximum(face.box[:, 0] - margin, bounds[:, 0])
    high = torch.minimum(face.box[:, 1] + margin, bounds[:, 1])
    others = [k for k in range(len(bounds)) if k != face.along]
    n = 0 if bool((low > high).any()) else n if others else 1
    x = low + (high - low) * torch.full((n, len(bounds)), 0.5, dtype=torch.float64)
    if n and others:
        unit = 0.5 - 0.5 * np.cos(np.pi * np.asarray(draw(n, len(others))))
        x[:, others] = low[others] + (high - low)[others] * torch.as_tensor(unit)
    if face.is_flat:
        x[:, face.along] = face.middle[face.along]
    return x, torch.stack([low[face.along], high[face.along]]).expand(n, 2)
