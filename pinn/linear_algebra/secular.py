"""The secular equation: which damping makes a step of damped least squares as long as a given radius.

With J = U S V^T and c = V^T J^T r, delta(lam) = -V c / (S^2 + lam) falls in length as lam grows.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

ITERATIONS = 200  # of Newton's method, at most; it takes ten to forty
CLOSE = 1e-10  # of a step's length to its radius, relative


@dataclass(frozen=True)
class Step:
    """delta (p,), its damping, and the decrease of ||r||^2 that the linear model predicts of it."""

    delta: Tensor
    damping: float
    predicted: float


@dataclass(frozen=True)
class Spectrum:
    """J^T J's eigenvalues S^2 (k,), the components c (k,) of J^T r along its eigenvectors V, and V as a product.

    lift: columns (k, q) -> V times them (p, q).
    """

    values: Tensor
    components: Tensor
    lift: Callable[[Tensor], Tensor]

    def steps(self, radii: Tensor, least: float) -> Iterator[Step]:
        """Steps as long as radii (q,), of damping `least` where all are shorter.

        The predicted decrease is sum c^2 (S^2 + 2 lam) / (S^2 + lam)^2.
        """
        dampings = self.dampings(radii, least)
        column = dampings.unsqueeze(1)
        shifted = self.values + column
        scaled = self.components / shifted  # (q, k)
        deltas = -self.lift(scaled.mT).mT
        predicted = (scaled.square() * (shifted + column)).sum(1)
        for delta, damping, decrease in zip(deltas, dampings.tolist(), predicted.tolist(), strict=True):
            yield Step(delta, damping, decrease)

    def dampings(self, radii: Tensor, least: float) -> Tensor:
        """The dampings >= least of steps as long as radii (q,); `least` where such a step is shorter.

        Newton's method on 1 / ||delta|| = 1 / radius, which is concave in the damping: from `least` it rises to the
        solution and never passes it (More & Sorensen 1983, doi:10.1137/0904038).
        """
        dampings = torch.full_like(radii, least)
        for _ in range(ITERATIONS):
            shifted = self.values + dampings.unsqueeze(1)
            squares = (self.components / shifted).square()
            length = squares.sum(1).sqrt()
            excess = length / radii - 1.0
            too_long = excess > CLOSE
            if not bool(too_long.any()):
                break
            raised = dampings + excess * length.square() / (squares / shifted).sum(1)
            dampings = torch.where(too_long, raised, dampings)
        return dampings
