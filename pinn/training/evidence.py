"""How smooth a field is, as the data tell it: the weight of a smoothness by their evidence.

In the linearization, and in units of the noise, what holds without data is a normal density of the parameters, with the
precision A = E + f P + ridge of the other terms E and the smoothness P, f times as heavy; with data D it is A + D. The
probability of the data, over all parameters, is greatest at the f that is sought:

    2 log p(f) = log det A - log det (A + D) - (the least squares with data - those without).

MacKay 1992, doi:10.1162/neco.1992.4.3.415.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pinn.linear_algebra.symmetric import gram
from pinn.residuals.protocol import Collocation
from pinn.residuals.residuals import Residuals

STEP, STEPS = 10**0.5, 8  # of the weight, and how many of them at once
GAIN = 0.5  # of the logarithm of evidence, from which another weight is taken
RIDGE = 1e-12  # over the sum of the squares of J
WIDEST = 3000  # parameters up to which matrices are factorized


@dataclass
class Quadratic:
    """||r + J delta||^2 for a change delta (p,), summed over rows: J^T J (p, p), J^T r (p,) and ||r||^2."""

    square: Tensor
    right: Tensor
    level: float = 0.0

    @classmethod
    def zero(cls, theta: Tensor) -> "Quadratic":
        return cls(theta.new_zeros(len(theta), len(theta)), torch.zeros_like(theta))

    def __add__(self, other: "Quadratic") -> "Quadratic":
        return Quadratic(self.square + other.square, self.right + other.right, self.level + other.level)

    @property
    def size(self) -> float:
        """The sum of the squares of J."""
        return float(self.square.diagonal().sum())

    def times(self, factor: float) -> "Quadratic":
        return Quadratic(factor * self.square, factor * self.right, factor * self.level)

    def add(self, r: Tensor, j: Tensor) -> None:
        """More rows."""
        self.square += gram(j)
        self.right += j.mT @ r
        self.level += float(r.square().sum())

    def least(self, ridge: float) -> tuple[float, float] | None:
        """The least value, and log det (J^T J + ridge); None where that is not positive definite to rounding."""
        damped = self.square + ridge * torch.eye(len(self.right)).to(self.square)
        factor, info = torch.linalg.cholesky_ex(damped)
        if int(info):
            return None
        moved = torch.linalg.solve_triangular(factor, self.right.unsqueeze(1), upper=False)
        return self.level - float(moved.square().sum()), 2.0 * float(factor.diagonal().log().sum())


def by_evidence(
    residuals: Residuals, least_squares: Collocation, theta: Tensor, noisy: Mapping[str, int]
) -> dict[str, float]:
    """The weights of blocks that are weighed by evidence, at theta (p,); none where there are none, or no noise.

    With equations that weigh as much as the data, however much they do by now: data that bend them at will tell nothing
    of a field that only equations join to them, and it is as smooth as can be; far heavier ones leave data to rounding.
    """
    terms = residuals.by_evidence
    if not terms or not noisy or len(theta) > WIDEST:
        return {}
    parts = _quadratics(residuals, least_squares, theta, [[*noisy, *residuals.known_before], *terms.values()])
    data, held, *smooth = (part.times(max(noisy.values())) for part in parts)
    held = held.times(data.size / held.size if held.size > 0 else 1.0)
    found = dict(residuals.weights)
    for number, blocks in enumerate(terms.values()):
        others = sum((one for k, one in enumerate(smooth) if k != number), start=held)
        factor = _best(data, others, smooth[number])
        smooth[number] = smooth[number].times(factor)
        found |= {block: found[block] * factor for block in blocks}
    return {block: found[block] for blocks in terms.values() for block in blocks}


def _best(data: Quadratic, others: Quadratic, smooth: Quadratic) -> float:
    """The factor on a smoothness at which the evidence is greatest, a few steps from here; 1 where hardly better."""
    ridge = RIDGE * (data + others + smooth).size
    here = _evidence(data, others + smooth, ridge)
    best, factor = here, 1.0
    for step in (STEP, 1.0 / STEP):
        for k in range(1, STEPS + 1):
            value = _evidence(data, others + smooth.times(step**k), ridge)
            if not value > best:
                break
            best, factor = value, step**k
        if factor != 1.0:
            break
    return factor if best > here + GAIN else 1.0


def _evidence(data: Quadratic, held: Quadratic, ridge: float) -> float:
    """log p of the data, up to a constant; -inf where it cannot be had."""
    without, with_data = held.least(ridge), (held + data).least(ridge)
    if without is None or with_data is None:
        return -float("inf")
    return 0.5 * (without[1] - with_data[1] - (with_data[0] - without[0]))


def _quadratics(
    residuals: Residuals, least_squares: Collocation, theta: Tensor, groups: Sequence[Sequence[str]]
) -> list[Quadratic]:
    """Those of the groups' blocks; after the first, that of all blocks that are in none."""
    owner = torch.zeros(least_squares.rows, dtype=torch.long, device=theta.device)
    which = {block: number for number, blocks in enumerate(groups) for block in blocks}
    for block, rows in residuals.rows(least_squares.points).items():
        owner[rows] = which.get(block, -1)
    found = {number: Quadratic.zero(theta) for number in range(-1, len(groups))}
    for indices, r, j in least_squares.pieces(theta):
        for number in owner[indices].unique().tolist():
            own = owner[indices] == number
            found[number].add(r[own], j[own])
    return [found[0], found[-1], *(found[number] for number in range(1, len(groups)))]
