"""Eigenvalue problems, recognized by what their residuals do, and an eigenpair from which training starts.

Equations that are linear and homogeneous in the fields, an unknown that multiplies fields, and one norm: least squares
from anywhere else fall to fields of zero, which all but the norm allows.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from pinn.basis.errors import UserError
from pinn.linear_algebra.pencil import Pencil
from pinn.residuals.protocol import LeastSquares
from pinn.residuals.residuals import Residuals
from pinn.sampling.sequences import anywhere
from pinn.terms.curves import curve_of
from pinn.terms.unknowns import Eigenvalue, equal

EXACT = 1e-9  # departure of a row from what makes an eigenvalue problem, by the root mean square of all rows
DEGREE = 4  # of the polynomial by which the unknown may enter: E, k^2, beta^4
NORMS = 64  # rows of a norm, at most, all of which say the same
OFFSET = 1e-5  # of the shift from the start, by the rows' sizes: the start may be an eigenvalue
GENUINE = (
    1e-3  # residual on fresh rows of an eigenvector, by what the eigenvalue's size and its neighbor's distance weigh
)
LOWER = 5  # looks below the lowest eigenvalue known
PLACES = 500  # where the sign of an eigenfunction is looked at
NEXT, BESIDE = 3, 1e-6  # neighbors that are told; distance beyond which an eigenvalue is another, by their reach


def eigenproblem(residuals: Residuals, least_squares: LeastSquares, theta: Tensor) -> "Bilinear | None":
    """These residuals as an eigenvalue problem in the last layer and the one unknown; None where they are none.

    Raises UserError where an eigenvalue is asked for and the equations are none that have one.
    """
    unknowns, layer = residuals.trial.problem.unknowns, least_squares.last_layer(theta)
    if len(unknowns) != 1 or layer is None or theta.dtype != torch.float64:
        return None
    ((name, wanted),) = unknowns.items()
    if not curve_of(wanted).is_itself:
        return None
    found = recognized(layer[1], float(wanted))
    if found is None and isinstance(wanted, Eigenvalue):
        raise UserError(
            f"{name} is no eigenvalue of these equations: they must be linear in the fields without a source, {name} "
            "must multiply a field, and one norm at most may set the fields' size; give it a number as a first guess"
        )
    return found


def eigenpair(
    residuals: Residuals, found: "Bilinear", least_squares: LeastSquares, fresh: LeastSquares, theta: Tensor
) -> "tuple[Tensor, Eigenpairs] | None":
    """theta (p,) with its last layer and the unknown at an eigenpair; None where none is resolved.

    found: as of `eigenproblem`, at the same points. fresh: the same least squares at other points.
    """
    trial = residuals.trial
    layer, fresh_layer = least_squares.last_layer(theta), fresh.last_layer(theta)
    assert layer is not None and fresh_layer is not None
    indices, (wanted,) = layer[0], trial.problem.unknowns.values()
    found = replace(found, least_squares=layer[1])
    pairs = eigenpairs(found, fresh_layer[1], wanted)
    if pairs is None:
        return None
    return upright(residuals, found, theta, indices, pairs.theta), pairs


def upright(residuals: Residuals, found: "Bilinear", theta: Tensor, indices: Tensor, layer: Tensor) -> Tensor:
    """theta (p,) with a last layer and unknown `layer` (q + 1,), whose eigenfunction has the sign that it is given."""
    trial = residuals.trial
    moved = theta.index_copy(0, indices, layer.to(theta))
    x = anywhere(trial, PLACES, torch.Generator().manual_seed(0))
    with torch.no_grad():
        u = trial.evaluate(trial.problem.vocabulary.fields[:1], x, residuals.unflatten(moved))
    return moved if _is_up(next(iter(u.values())), x) else _turned(moved, found, indices, layer)


def _is_up(u: Tensor, x: Tensor) -> bool:
    """The sign that an eigenfunction is given: a positive mean, or positive where the first coordinate is small."""
    mean, size = float(u.mean()), float(u.square().mean().sqrt())
    return mean > 0 if abs(mean) > 1e-3 * size else float((u * (x[:, 0].mean() - x[:, 0])).mean()) >= 0


def _turned(theta: Tensor, found: "Bilinear", indices: Tensor, layer: Tensor) -> Tensor:
    """The eigenpair with the other sign, where the norm allows it."""
    other = found.at(-layer[found.columns], float(layer[found.unknown]))
    before, after = (float(found.least_squares.loss(each)) for each in (layer, other))
    return theta.index_copy(0, indices, other.to(theta)) if after <= before * (1 + 1e-6) + 1e-12 else theta


@dataclass(frozen=True)
class Bilinear:
    """Rows  (A + f(E) B) c  of a last layer c and an unknown E, and rows that set the size of c.

    rows: which are of the first kind. factor: coefficients of f as numpy's polynomials have them, in E - start, with
    f = 0 at the start. a, b (n, q): A at the start, and B. size: of c along (q,), by which the norm holds best.
    """

    unknown: int
    columns: Tensor
    rows: Tensor
    start: float
    factor: np.ndarray
    least_squares: LeastSquares

    def at(self, c: Tensor, value: float) -> Tensor:
        """The vector of parameters (p,) of a last layer c and a value of the unknown."""
        theta = c.new_empty(len(c) + 1)
        theta[self.columns] = c
        theta[self.unknown] = value
        return theta

    def matrices(self, least_squares: LeastSquares) -> tuple[Tensor, Tensor]:
        """A at the start and B (n, q), at the points of these least squares."""
        zero, found = torch.zeros(len(self.columns)).to(self.columns.device, torch.float64), []
        for value in (self.start, self.start + _step(self.start)):
            _, j = least_squares.jacobian(self.at(zero, value))
            found.append(j[:, self.columns].double().clone())
        return found[0], (found[1] - found[0]) / float(np.polyval(self.factor, _step(self.start)))

    def values(self, mu: float) -> list[float]:
        """The E at which f(E) = mu, the nearest to the start first."""
        roots = np.roots(self.factor - np.eye(1, len(self.factor), len(self.factor) - 1)[0] * mu)
        real = [float(root.real) for root in roots if abs(root.imag) <= 1e-9 * max(abs(root), 1e-300)]
        largest = max(map(abs, real), default=0.0)
        near = [(round(abs(root) / largest, 9) if largest else 0.0, -root) for root in real]  # of k and -k the first
        return [self.start - root for _, root in sorted(near)]

    def sized(self, c: Tensor, value: float) -> Tensor | None:
        """c by the factor that meets the norm best; None where none but zero does."""
        others = ~self.rows
        g = [self.least_squares.residual(self.at(s * c, value))[others] for s in (0.0, 1.0, -1.0)]
        linear, square = 0.5 * (g[1] - g[2]), 0.5 * (g[1] + g[2]) - g[0]
        parts = [torch.stack((square, linear, g[0]))]
        gram = (parts[0] @ parts[0].mT).tolist()  # of ||s^2 q + s l + g||^2
        loss = np.array([gram[0][0], 2 * gram[0][1], gram[1][1] + 2 * gram[0][2], 2 * gram[1][2], gram[2][2]])
        roots = [float(z.real) for z in np.roots(np.polyder(loss)) if abs(z.imag) <= 1e-6 * abs(z)]
        best = min(roots, key=lambda s: (float(np.polyval(loss, s)), -s), default=0.0)
        return best * c if best and np.polyval(loss, best) < loss[-1] else None


def recognized(least_squares: LeastSquares, start: float) -> Bilinear | None:
    """The last layer's residuals as an eigenvalue problem; None where they are none.

    least_squares: of the last layer and one unknown alone. Measured at random: the rows that vanish with c, are linear
    in it, and change with the unknown by one polynomial; the others do not depend on it, and set one number.
    """
    position, end, unknown = {}, 0, -1
    for name, shape in least_squares.shapes.items():
        position[name], end = end, end + shape.numel()
        unknown = position[name] if name.startswith("unknowns.") else unknown
    columns = torch.tensor([k for k in range(end) if k != unknown])
    if unknown < 0 or least_squares.team.size > 1 or len(columns) < 2:
        return None
    like = least_squares.residual
    generator = torch.Generator().manual_seed(0)
    c, d = torch.randn(2, len(columns), generator=generator, dtype=torch.float64)
    probe = Bilinear(unknown, columns, torch.empty(0), start, np.zeros(1), least_squares)
    step = _step(start)

    def row(c: Tensor, k: int) -> Tensor:
        return like(probe.at(c, start + k * step))

    with torch.no_grad():
        at, other, both, zero = row(c, 0), row(d, 0), row(c + 2.0 * d, 0), row(0.0 * c, 0)
        changes = [row(c, k) - at for k in range(1, DEGREE + 2)]
        others = [row(d, 1) - other, row(d, 2) - other]
        still = row(0.0 * c, 1)
    level = EXACT * float((at.square() + other.square()).mean().sqrt())
    rows = ((zero.abs() + still.abs()) <= level) & ((both - at - 2.0 * other).abs() <= level)
    free = ~rows
    if not level > 0 or not bool(rows.any()) or not 1 <= int(free.sum()) <= NORMS:
        return None
    direction = changes[0] * rows
    square = float(direction @ direction)
    if not square > level**2 or any(float(change[free].abs().max()) > level for change in changes):
        return None
    shares = [0.0, *(float(change @ direction) / square for change in changes)]
    fits = [float((change - share * direction).abs().max()) for change, share in zip(changes, shares[1:], strict=True)]
    second = float((others[1] - shares[2] * others[0]).abs().max())
    factor = np.polyfit(np.arange(DEGREE + 2) * step, shares, DEGREE)
    missed = np.abs(np.polyval(factor, np.arange(DEGREE + 2) * step) - shares).max()
    largest = EXACT * max(map(abs, shares)) * 10.0
    if max(*fits, second) > 10.0 * level * max(map(abs, shares)) or missed > largest:
        return None
    factor[np.abs(factor) * step ** np.arange(DEGREE, -1, -1) < largest] = 0.0
    found = Bilinear(unknown, columns, rows, start, np.trim_zeros(factor, "f"), least_squares)
    return found if _sets_one_number(found, c) else None


def _sets_one_number(found: Bilinear, c: Tensor) -> bool:
    """Whether the rows of the norm all say the same, of one and of two times c."""
    least_squares = found.least_squares
    _, j = least_squares.jacobian(found.at(c, found.start))
    rows = j[~found.rows][:, found.columns].double()
    s = torch.linalg.svdvals(rows)
    with torch.no_grad():
        g = [least_squares.residual(found.at(k * c, found.start))[~found.rows] for k in (0.0, 1.0, 2.0, 3.0)]
    departure = (g[3] - 3.0 * g[2] + 3.0 * g[1] - g[0]).abs().max()  # of a polynomial of degree two, none
    return bool(s[0] > 0) and bool((s[1:] <= 1e-9 * s[0]).all()) and bool(departure <= EXACT * g[3].abs().max())


def _step(start: float) -> float:
    return abs(start) or 1.0


@dataclass(frozen=True)
class Eigenpairs:
    """Eigenvalues in their order, the wanted one's number among them, and its vector theta (p,), of the norm's size."""

    values: tuple[float, ...]
    chosen: int
    theta: Tensor
    order: str

    @property
    def value(self) -> float:
        return self.values[self.chosen]

    def __str__(self) -> str:
        value = self.value
        same = equal(self.values, value)
        others = [v for v in self.values if v not in same]
        beside = sorted(sorted(others, key=lambda v: abs(v - value))[: 2 * NEXT])
        multiple = f", {len(same)} times: any combination of its functions is one, too" if len(same) > 1 else ""
        return f"{value:.8g}, {self.order}{multiple}; its neighbors: {', '.join(f'{v:.6g}' for v in beside) or 'none'}"


def eigenpairs(found: Bilinear, fresh: LeastSquares, wanted: float) -> Eigenpairs | None:
    """Of a recognized problem: the one that is wanted, by its number or as the nearest to a start; None without any.

    fresh: the same at other points, which tell the eigenvalues of the problem from those of its discretization.
    """
    known = in_order(found, fresh, wanted)
    if known is None:
        return None
    pairs, first, order = known
    chosen = pairs[first]
    c = found.sized(chosen.c, chosen.value)
    if c is None:
        return None
    return Eigenpairs(tuple(pair.value for pair in pairs), first, found.at(c, chosen.value), order)


def in_order(found: Bilinear, fresh: LeastSquares, wanted: float) -> "tuple[list[Pair], int, str] | None":
    """All pairs that are known in their order, the place of the wanted one among them, and what order that is."""
    a, b = found.matrices(found.least_squares)
    a, b = a[found.rows], b[found.rows]
    offset = OFFSET * float(a.norm() / b.norm())
    pencil = Pencil(a + offset * b, b)
    judge = Judge(found, fresh, offset)
    number = wanted.number if isinstance(wanted, Eigenvalue) else None
    pairs, near, order = list(judge.of(*pencil.nearest())), found.start, f"the nearest to {found.start:g}"
    if not pairs:  # a start among eigenvalues of functions that are too fine; those near zero are of coarse ones
        shift = float(np.polyval(found.factor, -found.start)) - offset
        pairs, near = list(judge.of(*pencil.nearest(shift))), 0.0
        order = f"the nearest to zero, as none near {found.start:g} is resolved"
    if not pairs:
        return None
    if number is None:
        pairs.sort(key=lambda pair: abs(pair.value - near))
        return pairs, 0, order
    pairs, order = _counted(pencil, judge, pairs)
    first = min(number, len(pairs)) - 1
    return pairs, first, f"number {first + 1} {order}"


@dataclass(frozen=True, eq=False)
class Pair:
    """An eigenvalue E at f(E) = mu, and its vector c (q,)."""

    value: float
    mu: float
    c: Tensor


class Judge:
    """Tells genuine eigenvalues by their residuals on fresh rows. offset: of the shift from f = 0."""

    def __init__(self, found: Bilinear, fresh: LeastSquares, offset: float) -> None:
        self.found = found
        self.offset = offset
        a, b = found.matrices(fresh)
        with torch.no_grad():
            vanishing = fresh.residual(found.at(torch.zeros(len(found.columns)).double(), found.start)).abs() == 0
        self.a, self.b = a[vanishing], b[vanishing]

    def of(self, mu: Tensor, c: Tensor) -> Iterator[Pair]:
        """The genuine ones of mu (m,), relative to the offset, with c (q, m)."""
        ac, bc = self.a @ c, self.b @ c
        zero = float(np.polyval(self.found.factor, -self.found.start))  # f(0)
        for k, one in enumerate(mu.tolist()):
            at = one + self.offset
            left = float((ac[:, k] + at * bc[:, k]).norm())
            apart = (mu - one).abs()
            others = apart[apart > BESIDE * apart.max()]  # not those that are the same
            size = (abs(at - zero) + float(others.min() if len(others) else 1.0)) * float(bc[:, k].norm())
            for value in self.found.values(at)[:1]:
                if left <= GENUINE * size:
                    yield Pair(value, at, c[:, k])


def _counted(pencil: Pencil, judge: Judge, pairs: list[Pair]) -> tuple[list[Pair], str]:
    """All that is known of the spectrum from its beginning on, in order, and where it begins in words.

    The side on which the nearest eigenvalues end first is the beginning; looked beyond until nothing is there.
    """
    everything = pencil.nearest()[0]
    reach = float(everything.abs().max())
    down, up = -float(everything.min()), float(everything.max())
    sign = 1.0 if down <= up else -1.0  # a spectrum that goes to plus infinity has its beginning below
    if min(down, up) > 0.6 * reach:
        pairs.sort(key=lambda pair: (abs(pair.value), pair.value))
        return pairs, "by magnitude"
    for _ in range(LOWER):
        edge = min(sign * pair.mu for pair in pairs)
        shift = sign * (edge - reach) - judge.offset
        beyond = [pair for pair in judge.of(*pencil.nearest(shift)) if sign * pair.mu < edge - BESIDE * reach]
        if not beyond:
            break
        pairs += beyond
    pairs.sort(key=lambda pair: sign * pair.value)
    return pairs, "from the lowest on" if sign > 0 else "from the highest on"
