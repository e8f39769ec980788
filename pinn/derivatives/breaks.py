"""Where a function jumps, or has a kink: jumps of its derivatives along lines, found by bisection.

Points never meet a break, so that no residual sees the Dirac that a derivative has there.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

CELLS = 256  # of a line, in which breaks are looked for
BISECTIONS = 24  # of a cell: what still jumps over 1e-9 of a line is no steep slope
TOLERANCE = 1e-4  # of the function's range: a break that is none
ROUNDING = 1e-12  # of a function's level: a range that is none, thousands of what a sum of as many numbers rounds by
OFFSET = 0.381966  # of a cell: nodes are off the simple numbers at which people put breaks

BESIDE = torch.tensor([1.0, 2.0, 3.0, 4.0], dtype=torch.float64)  # places beside a break, in widths of the last cell
CERTAIN = 5.0  # times what values on one side differ: a jump is more

KINDS = ("jump", "kink", "jump of the second derivative", "jump of the third derivative")


@dataclass(frozen=True)
class Break:
    """A jump of a derivative along a line. order: of the derivative, 0 of the function itself.

    place: (d,). size: of the jump over the function's range, in a derivative along the line scaled to [-1, 1].
    """

    order: int
    place: tuple[float, ...]
    size: float

    @property
    def kind(self) -> str:
        """In words."""
        return KINDS[self.order] if self.order < len(KINDS) else f"jump of derivative {self.order}"


def lines_along(
    bounds: Sequence[tuple[float, float]], coordinate: int, count: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Where lines across a box along one of its coordinates start and end, each (count, d), at random places."""
    lower, upper = torch.tensor(list(bounds), dtype=torch.float64).T
    start = lower + (upper - lower) * torch.rand(count, len(lower), generator=generator, dtype=torch.float64)
    end = start.clone()
    start[:, coordinate], end[:, coordinate] = lower[coordinate], upper[coordinate]
    return start, end


def largest_break(f: Callable[[Tensor], Tensor], start: Tensor, end: Tensor, orders: int) -> Break | None:
    """The largest break of f along k lines from `start` to `end`, each (k, d), in its derivatives of order < orders.

    f: points (n, d) to values (n,), differentiable by autograd piece by piece. None where it has no break.
    """
    t = (2.0 * (torch.arange(CELLS, dtype=torch.float64) + OFFSET) / CELLS - 1.0).expand(len(start), -1)
    nodes = _derivatives(f, start, end, t, orders)
    extent, level = float(nodes[0].max() - nodes[0].min()), float(nodes[0].abs().max())
    extent = extent if extent > ROUNDING * level else level  # of a constant
    if not extent > 0 or not all(bool(q.isfinite().all()) for q in nodes):
        return None
    found = []
    for order, q in enumerate(nodes):
        steps = q.diff(dim=1)
        departure = (steps[:, 1:-1] - 0.5 * (steps[:, :-2] + steps[:, 2:])).abs()  # (k, cells - 3)
        if float(departure.max()) > 0.5 * TOLERANCE * extent:  # else there is no break of that size
            cell = departure.argmax(1, keepdim=True) + 1
            found.append(_break(f, start, end, t.gather(1, cell), t.gather(1, cell + 1), order))
    largest = max(found, key=lambda one: one.size, default=None)
    if largest is None or largest.size <= TOLERANCE * extent:
        return None
    return Break(largest.order, largest.place, largest.size / extent)


def _break(f: Callable[[Tensor], Tensor], start: Tensor, end: Tensor, a: Tensor, b: Tensor, order: int) -> Break:
    """The largest jump of the derivative of one order between a and b, each (k, 1), its place to rounding."""
    a, b, at_a, at_b = _bisected(f, start, end, a, b, order)
    sides = [at + sign * (b - a) * BESIDE for at, sign in ((a, -1.0), (b, 1.0))]  # (k, 4) each, on either side alone
    near = [_derivatives(f, start, end, side, order + 1)[order] for side in sides]
    spread = torch.maximum(*(values.amax(1) - values.amin(1) for values in near))  # of a slope, and of rounding
    jumps = (at_b - at_a).abs().squeeze(1) - CERTAIN * spread
    line = int(jumps.argmax())
    own = slice(line, line + 1)
    at = _bisected(f, start[own], end[own], a[own], b[own], order)[1].squeeze(1)
    place = start[line] + 0.5 * (1.0 + at) * (end[line] - start[line])
    return Break(order, tuple(place.tolist()), max(float(jumps[line]), 0.0))


def _bisected(
    f: Callable[[Tensor], Tensor], start: Tensor, end: Tensor, a: Tensor, b: Tensor, order: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Nearer a and b between which the derivative of one order jumps, and its values there; each (k, 1)."""
    at_a, at_b = (_derivatives(f, start, end, t, order + 1)[order] for t in (a, b))
    for _ in range(BISECTIONS):
        middle = 0.5 * (a + b)
        at_middle = _derivatives(f, start, end, middle, order + 1)[order]
        left = (at_middle - at_a).abs() >= (at_b - at_middle).abs()
        a, at_a = torch.where(left, a, middle), torch.where(left, at_a, at_middle)
        b, at_b = torch.where(left, middle, b), torch.where(left, at_middle, at_b)
    return a, b, at_a, at_b


def _derivatives(f: Callable[[Tensor], Tensor], start: Tensor, end: Tensor, t: Tensor, count: int) -> list[Tensor]:
    """f and its derivatives in t of order < count, each as t (k, n), at start + (1 + t) / 2 (end - start)."""
    with torch.enable_grad():
        t = t.detach().clone().requires_grad_()
        x = start[:, None] + 0.5 * (1.0 + t[..., None]) * (end - start)[:, None]  # (k, n, d)
        values = [f(x.reshape(-1, x.shape[-1])).reshape(t.shape)]
        for _ in range(1, count):
            slope = None
            if values[-1].requires_grad:
                (slope,) = torch.autograd.grad(values[-1].sum(), t, create_graph=True, allow_unused=True)
            values.append(torch.zeros_like(t) if slope is None else slope)
    return [value.detach() for value in values]
