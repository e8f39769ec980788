"""Integrals over a cube with bounds of their errors: Gauss-Legendre rules in cells that are cut where it is needed."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pinn.basis.errors import require
from pinn.domains.rules import gauss_legendre, grid, tensor_grid

COARSE, FINE = 4, 6  # nodes along each direction of a cell
SAFETY = 4.0  # times the difference of the two rules, though the fine one is far nearer to the integral
CLOSE = 0.05  # of an integral: what its error's bound may be for no more cells to be cut
OVERSHOOT = 0.25  # of a function's variation over a cell's nodes: what it may exceed their largest by; linear ones 0.04
MOST = 600_000  # points
AT_ONCE = 20_000  # points: as many fit into a processor's cache

# Points (n, k) of the unit cube to integrands (n, q), and quantities whose upper bounds are asked for (n, g).
Integrands = Callable[[Tensor], tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Integrals:
    """Of each of b first cells: integrals (b, q), bounds of their errors (b, q), and upper bounds of others (b, g)."""

    values: Tensor
    errors: Tensor
    highest: Tensor

    @property
    def upper(self) -> Tensor:
        """Upper bounds of the integrals."""
        return self.values + self.errors


def integrate(
    integrands: Integrands, counts: Sequence[int], deadline: float = math.inf, negligible: float = 0.0
) -> Integrals:
    """Integrals over the cells of a grid of so many along each direction of the unit cube, the last one fastest.

    Where both rules differ a cell is cut in halves along all directions, until the first integral has a small error
    or the time is over (`time.perf_counter()`). Raises UserError where half of it or more is uncertain then, and it is
    not negligible.
    """
    lower = torch.as_tensor(grid(*(torch.arange(count).double().numpy() / count for count in counts)))
    width = (1.0 / torch.tensor(counts, dtype=torch.float64)).expand_as(lower)
    owner = torch.arange(len(lower))
    values, errors, highest = _measured(integrands, lower, width)
    points = 0
    while True:
        error, total = errors[:, 0].sum(), values[:, 0].sum()
        points += len(lower) * (COARSE ** len(counts) + FINE ** len(counts))
        if error <= CLOSE * total or points > MOST or time.perf_counter() > deadline:
            break
        cut = _worst(errors[:, 0])
        kept = torch.ones(len(lower), dtype=torch.bool)
        kept[cut] = False
        new = _halves(lower[cut], width[cut])
        measured = _measured(integrands, *new)
        parts = [(lower, new[0]), (width, new[1]), (owner, owner[cut].repeat_interleave(2 ** len(counts)))]
        parts += list(zip((values, errors, highest), measured, strict=True))
        lower, width, owner, values, errors, highest = (torch.cat([old[kept], more]) for old, more in parts)
    resolved = bool(error <= 0.5 * total) or bool(total + error <= negligible)
    told = f"{float(total):.1e}, uncertain by {float(error):.1e} on {points} points"
    require(resolved, f"the mean square is not resolved by quadrature: {told}")
    cells = math.prod(counts)
    total_values, total_errors = (v.new_zeros(cells, v.shape[1]).index_add_(0, owner, v) for v in (values, errors))
    above = highest.new_full((cells, highest.shape[1]), -math.inf)
    above = above.scatter_reduce(0, owner[:, None].expand_as(highest), highest, "amax")
    return Integrals(total_values, total_errors, above)


def _measured(integrands: Integrands, lower: Tensor, width: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Of cells (c, k): the fine rule's integrals (c, q), their errors' bounds, the highest values (c, g)."""
    rules = [tensor_grid(*gauss_legendre(n), lower.shape[1]) for n in (COARSE, FINE)]
    nodes = torch.cat([torch.as_tensor(x) for x, _ in rules])
    coarse, fine = (torch.as_tensor(weights) for _, weights in rules)
    x = (lower[:, None] + width[:, None] * nodes).flatten(0, 1)
    found = [integrands(some) for some in x.split(AT_ONCE)]
    f, bounded = (torch.cat(parts).double().cpu().unflatten(0, (len(lower), -1)) for parts in zip(*found, strict=True))
    volume = width.prod(1)[:, None]
    first, second = (
        volume * torch.einsum("cnq,n->cq", part, weights)
        for part, weights in zip(f.split([len(coarse), len(fine)], 1), (coarse, fine), strict=True)
    )
    top = bounded.amax(1)
    return second, SAFETY * (second - first).abs(), top + OVERSHOOT * (top - bounded.amin(1))


def _worst(errors: Tensor) -> Tensor:
    """The numbers of the cells that together have nearly all of the error."""
    ordered, order = errors.sort(descending=True)
    before = ordered.cumsum(0) - ordered
    return order[before < 0.9 * errors.sum()]


def _halves(lower: Tensor, width: Tensor) -> tuple[Tensor, Tensor]:
    """The 2^k parts of each cell (c, k)."""
    corners = torch.as_tensor(grid(*[[0.0, 0.5]] * lower.shape[1]))
    parts = lower[:, None] + width[:, None] * corners
    return parts.flatten(0, 1), (width / 2).repeat_interleave(len(corners), 0)
