"""Parts of a domain: where a problem's equations are one smooth formula, found by the decisions that their code takes.

Comparisons, `where`, table look-ups, signs and steps of quantities that depend on the coordinates alone put a point
into a part; the tuple of their values is its key, and a part is a connected region of one key. Keys between which no
formula changes, nor its first two derivatives, are one. Any number and shape of parts is found, down to a cell of a
grid over the domain.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from pinn.basis.errors import UserError, require
from pinn.basis.logs import logger
from pinn.derivatives.decisions import DecisionRecorder
from pinn.derivatives.elsewhere import Elsewhere
from pinn.derivatives.evaluation import Request
from pinn.derivatives.numpy_calls import called
from pinn.domains.base import Domain
from pinn.problem import Problem
from pinn.terms.base import Equation
from pinn.trial.borders import Face, find_faces

NODES = 2**16  # of the grid, about
MOST = 64  # parts; more are none
FEW = 1e-3  # share of the nodes below which a region is none of its own where others have its key
SMOOTH = 1e-6  # jump of a formula or its first two derivatives, of its size, that makes no border
ORDERS = 3  # derivatives of formulas that are compared, the value counted
SAME = 1e-9  # of the domain's extent, between borders that lie at one place
STANDING = 0.5  # what stands for fields and their derivatives where decisions are asked


@dataclass(frozen=True)
class Formula:
    """An equation or a derived quantity: a function of named quantities. is_derived: the latter."""

    name: str
    equation: Equation
    is_derived: bool


def formulas(problem: Problem) -> list[Formula]:
    """The equations of the whole interior, and the derived quantities that they are made of."""
    found, asked = [], dict[str, None]()
    for name, term in problem.all_terms().items():
        if term.region(problem.domain).is_whole:
            for component, equation in term.equations().items():
                found.append(Formula(f"{name}.{component}" if component else name, equation, False))
                asked |= dict.fromkeys(equation.arguments)
    request = Request(problem.vocabulary, problem.derived, tuple(asked))
    for name in problem.derived:
        if name in request.demands:
            derived = problem.derived[name]
            found.append(Formula(name, Equation(derived.function, derived.arguments, name), True))
    found += [_of_borders(one) for name, one in problem.elsewhere.items() if name in asked]
    return found


def _of_borders(elsewhere: Elsewhere) -> Formula:
    """A formula that jumps where a quantity of other places is not smooth."""

    def jumps(*columns: Tensor) -> Tensor:
        x = torch.stack(columns, 1)
        borders = elsewhere.borders(x.detach())
        return torch.zeros_like(x[:, 0]) if borders is None else borders.to(x.dtype)

    return Formula(elsewhere.name, Equation(jumps, elsewhere.coordinates, elsewhere.name), False)


class Keys:
    """The decisions of a problem's formulas that depend on the coordinates alone, at points (n, d): (n, k)."""

    def __init__(self, problem: Problem, x: Tensor, generator: torch.Generator) -> None:
        self.problem = problem
        self.formulas = formulas(problem)
        self.kept: list[int] = []
        first, second = (self._decisions(x, generator) for _ in range(2))
        if len(first) == len(second):
            same = (bool((a == b).all()) and bool((a != a[0]).any()) for a, b in zip(first, second, strict=True))
            self.kept = [k for k, is_own in enumerate(same) if is_own]
        self.count = len(first)

    def __call__(self, x: Tensor) -> Tensor:
        decisions = self._decisions(x)
        told = f"{self.problem.name} takes {len(decisions)} decisions at some points and {self.count} at others"
        require(len(decisions) == self.count, f"{told}: write its equations with torch functions alone")
        return torch.stack([decisions[k] for k in self.kept], 1)

    def _decisions(self, x: Tensor, generator: torch.Generator | None = None) -> list[Tensor]:
        """Of all formulas, at fields that are random where there is a generator."""
        with torch.no_grad(), DecisionRecorder(x.shape[0]) as recorder:
            for formula in self.formulas:
                called(formula.equation.function, *standing(self.problem, formula.equation.arguments, x, generator))
        return recorder.decisions


def standing(
    problem: Problem, names: Sequence[str], x: Tensor, generator: torch.Generator | None = None
) -> list[Tensor]:
    """What stands for named quantities at points x (n, d): coordinates as they are, fields random or of one value."""
    d, m = len(problem.coordinates), len(problem.vocabulary.fields)
    shapes = {"jacobian": (m, d), "hessian": (m, d, d)}
    values = []
    for name in names:
        if name in problem.coordinates:
            values.append(x[:, problem.coordinates.index(name)])
        else:
            shape = (x.shape[0], *shapes.get(name, ()))  # not len(x), which no exported program could vary
            if generator is None:
                values.append(x.new_full(shape, STANDING))
            else:
                values.append(torch.randn(shape, generator=generator, dtype=torch.float64).to(x))
    return values


class Decided(Protocol):
    """What tells the parts of a problem apart: numbers (n, k) at points (n, d)."""

    @property
    def problem(self) -> Problem: ...

    @property
    def formulas(self) -> list[Formula]: ...

    def __call__(self, x: Tensor) -> Tensor: ...


@dataclass(frozen=True)
class Grid:
    """Nodes in the middle of equal cells of a domain's bounding box. shape: cells along each coordinate."""

    lower: Tensor
    step: Tensor
    shape: tuple[int, ...]

    @classmethod
    def of(cls, domain: Domain) -> "Grid":
        lower, upper = torch.tensor(list(domain.bounds.values()), dtype=torch.float64).T
        shape = (round(NODES ** (1.0 / len(lower))),) * len(lower)
        return cls(lower, (upper - lower) / shape[0], shape)

    @cached_property
    def nodes(self) -> Tensor:
        """(cells, d)."""
        axes = [low + h * (torch.arange(k) + 0.5) for low, h, k in zip(self.lower, self.step, self.shape, strict=True)]
        return torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).reshape(-1, len(axes)).double()

    def cell(self, x: Tensor) -> Tensor:
        """The number (n,) of the cell of points (n, d), the nearest one of those outside."""
        at = ((x - self.lower.to(x)) / self.step.to(x)).nan_to_num().long().clamp(0, self.shape[0] - 1)
        number = at[:, 0]
        for k in range(1, len(self.shape)):
            number = number * self.shape[k] + at[:, k]
        return number


class Parts:
    """The parts of a problem's domain: points (n, d) to the number (n,) of the part that they are in.

    keys: the decisions by which points differ. table: known ones (k, decisions). group: their number (k,) where those
    that no formula tells apart are one. places: group and cell of the grid -> part (groups, cells).
    boxes: (parts, d, 2), around each part. are_boxes: whether they hold nothing else.
    """

    reason = "coefficients jump or have kinks"

    def __init__(self, keys: "Decided", table: Tensor, group: Tensor, grid: Grid, places: Tensor) -> None:
        self.keys = keys
        self.table = table
        self.group = group
        self.grid = grid
        self.places = places
        self.count = int(places.max()) + 1
        domain = keys.problem.domain
        self.faces = find_faces(self, domain)
        self.boxes, self.are_boxes = _boxes(self, domain)

    def __call__(self, x: Tensor) -> Tensor:
        groups = nearest(self.keys(x.detach()), self.table, self.group)
        return self.places.to(x.device)[groups, self.grid.cell(x.detach())]

    def boxes_within(self, domain: Domain) -> Tensor:
        """The boxes in a window of time, or wherever a domain lies; that of the domain for parts outside."""
        bounds = torch.tensor(list(domain.bounds.values()), dtype=torch.float64)  # (d, 2)
        low = torch.maximum(self.boxes[..., 0], bounds[:, 0])
        high = torch.minimum(self.boxes[..., 1], bounds[:, 1])
        empty = high - low <= 1e-9 * (bounds[:, 1] - bounds[:, 0])
        return torch.stack([torch.where(empty, bounds[:, 0], low), torch.where(empty, bounds[:, 1], high)], -1)

    @property
    def told(self) -> str:
        """In words: how many, and where they meet."""
        places = list(dict.fromkeys(face.told(self.keys.problem.coordinates) for face in self.faces))
        shown = ", ".join(places[:3]) + (", ..." if len(places) > 3 else "")
        return f"{self.count} parts that meet at {shown}"


class BoxedParts(Parts):
    """Parts of a box whose borders lie at one place along a coordinate each, cut there into boxes.

    A part around another one has corners that point into it, where its fields are not smooth, and functions that fill
    its bounding box do not tell what is inside. cuts: places along each coordinate, rising.
    """

    def __init__(self, keys: Decided, cuts: Sequence[Tensor], grid: Grid) -> None:
        self.cuts = cuts
        self.shape = tuple(len(places) + 1 for places in cuts)
        none = torch.zeros(0, dtype=torch.long)
        super().__init__(keys, none, none, grid, torch.arange(math.prod(self.shape)))

    @classmethod
    def of(cls, parts: Parts, domain: Domain) -> "BoxedParts | None":
        """The boxes that the borders of these parts make; None where one is bent, or they are too many."""
        if not all(face.is_flat for face in parts.faces):
            return None
        cuts = []
        for along, (low, high) in enumerate(domain.bounds.values()):
            places = sorted(float(face.middle[along]) for face in parts.faces if face.along == along)
            apart = [b for a, b in zip([-math.inf, *places], places, strict=False) if b - a > SAME * (high - low)]
            cuts.append(torch.tensor(apart, dtype=torch.float64))
        if math.prod(len(places) + 1 for places in cuts) > MOST:
            return None
        return cls(parts.keys, cuts, parts.grid)

    def __call__(self, x: Tensor) -> Tensor:
        number = torch.zeros(len(x), dtype=torch.long, device=x.device)
        for k, places in enumerate(self.cuts):
            number = number * self.shape[k] + torch.bucketize(x[:, k].detach().contiguous(), places.to(x))
        return number


def nearest(keys: Tensor, table: Tensor, numbers: Tensor) -> Tensor:
    """The number of the nearest key of a table: on a border itself a sign is neither of those beside it."""
    table = table.to(keys)
    return numbers.to(keys.device)[(table.square().sum(1) - 2.0 * keys @ table.mT).argmin(1)]


def find_parts(problem: Problem) -> Parts | None:
    """The parts of a problem's domain; None where it is one, where they are too many, or its code cannot be asked.

    The same at each call, so that a solution's file need not hold them.
    """
    if any(own != problem.coordinates for own in problem.field_coordinates.values()):
        return None  # a piece in each part of another number of coordinates is not made
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return _found(problem)
    except UserError:
        return None  # told where the equations are evaluated
    except Exception as error:  # of the user's code, which is not asked with these values elsewhere
        logger.info("parts of the domain are not looked for: %s: %s", type(error).__name__, error)
        return None


def _found(problem: Problem) -> Parts | None:
    generator, domain = torch.Generator().manual_seed(0), problem.domain
    grid = Grid.of(domain)
    inside = torch.as_tensor(domain.contains(grid.nodes.numpy()))
    keys = Keys(problem, grid.nodes[inside], generator)
    if not keys.kept:
        return None
    table, own = torch.unique(keys(grid.nodes[inside]), dim=0, return_inverse=True)  # sorted: always the same
    if len(table) > MOST:
        logger.info("the equations have more than %d pieces: their borders are not treated", MOST)
        return None

    def by_key(x: Tensor) -> Tensor:
        return nearest(keys(x), table, torch.arange(len(table)))

    faces = find_faces(by_key, domain)
    group = _joined(len(table), [(face.parts, _matters(keys, domain, face)) for face in faces])
    places = _connected(group[own], inside, grid)
    parts = Parts(keys, table, group, grid, places)
    if domain.is_box and not parts.are_boxes:
        parts = BoxedParts.of(parts, domain) or parts
    return parts if 1 < parts.count <= MOST and parts.faces else None


def _joined(count: int, pairs: Iterable[tuple[tuple[int, int], bool]]) -> Tensor:
    """Number of the group of each of `count` keys, those that meet being one where nothing tells them apart."""
    divided: dict[tuple[int, int], bool] = {}
    for pair, matters in pairs:
        divided[pair] = divided.get(pair, False) or matters
    groups = [{k} for k in range(count)]
    for pair in divided:
        first, second = (next(g for g in groups if k in g) for k in pair)
        across = (d for (p, q), d in divided.items() if (p in first and q in second) or (q in first and p in second))
        if first is not second and not any(across):
            groups.remove(second)
            first |= second
    return torch.tensor([next(i for i, g in enumerate(groups) if k in g) for k in range(count)])


def _matters(keys: Keys, domain: Domain, face: Face) -> bool:
    """Whether a formula, or one of its first two derivatives in a coordinate, jumps across a face."""
    x = torch.stack([face.below, face.above])  # (2, n, d)
    half = torch.tensor([(b - a) / 2 for a, b in domain.bounds.values()], dtype=torch.float64)
    n, problem = len(face.below), keys.problem
    for k, formula in enumerate(keys.formulas):
        at = x.reshape(2 * n, -1).clone().requires_grad_()
        given = standing(problem, formula.equation.arguments, at[:n], torch.Generator().manual_seed(k))
        given = [
            at[:, problem.coordinates.index(name)] if name in problem.coordinates else torch.cat([one, one]).detach()
            for name, one in zip(formula.equation.arguments, given, strict=True)
        ]
        with torch.enable_grad():
            values = [torch.as_tensor(called(formula.equation.function, *given)).expand(2 * n)]
            for _ in range(1, ORDERS):
                values += _slopes(values[-1], at, half)
        size = max(float(v.detach().abs().max()) for v in values)
        for value in values:
            below, above = value.detach().nan_to_num().chunk(2)
            if float((below - above).abs().max()) > SMOOTH * size:
                return True
    return False


def _slopes(values: Tensor, x: Tensor, half: Tensor) -> list[Tensor]:
    """The derivative of values (n,) along all coordinates together, scaled to [-1, 1]; zero where there is none."""
    if not values.requires_grad:
        return [torch.zeros(len(x), dtype=x.dtype)]
    (slope,) = torch.autograd.grad(values.sum(), x, create_graph=True, allow_unused=True)
    return [torch.zeros(len(x), dtype=x.dtype) if slope is None else slope @ half]


def _connected(own: Tensor, inside: Tensor, grid: Grid) -> Tensor:
    """Part by group and cell (groups, cells): each connected region of a group's nodes is one, cells go to the nearest.

    own: groups of the nodes inside.
    """
    label = np.full(len(inside), -1)
    label[inside.numpy()] = own.numpy()
    label, count, places = label.reshape(grid.shape), 0, []
    for group in range(int(own.max()) + 1):
        regions, found = ndimage.label(label == group)
        sizes = np.bincount(regions.ravel(), minlength=found + 1)[1:]
        kept = [k + 1 for k in range(found) if sizes[k] >= max(FEW * sizes.sum(), 2)] or [int(sizes.argmax()) + 1]
        numbered = np.full(grid.shape, -1)
        for region in kept:
            numbered[regions == region] = count
            count += 1
        _, at = ndimage.distance_transform_edt(numbered < 0, return_indices=True)
        places.append(numbered[tuple(at)].ravel())
    return torch.as_tensor(np.stack(places))


def _boxes(parts: Parts, domain: Domain) -> tuple[Tensor, bool]:
    """Each part's bounding box (count, d, 2): of its nodes and of the faces around it, and of the domain where near.

    And whether none of them reaches into another part.
    """
    bounds = torch.tensor(list(domain.bounds.values()), dtype=torch.float64)
    nodes = parts.grid.nodes[torch.as_tensor(domain.contains(parts.grid.nodes.numpy()))]
    own, boxes, alone = parts(nodes), [], True
    for k in range(parts.count):
        around = [face.below for face in parts.faces if k in face.parts]
        points = torch.cat([nodes[own == k], *around])
        low, high = points.amin(0), points.amax(0)
        low = torch.where(low - bounds[:, 0] < parts.grid.step, bounds[:, 0], low)
        high = torch.where(bounds[:, 1] - high < parts.grid.step, bounds[:, 1], high)
        boxes.append(torch.stack([low, high], 1))
        alone &= bool((own[((nodes > low) & (nodes < high)).all(1)] == k).all())
    return torch.stack(boxes), alone
