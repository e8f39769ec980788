"""Second-order operators estimated from a few random directions, for many coordinates.

sum_ij a_ij d_i d_j u is the mean of the second derivative of u along the random vector B z, with A = B B^T and
E z z^T = I: of V directions a jet carries V + 2 channels instead of d + 2. Hutchinson's estimate (z_i = +-1; Hu, Shi,
Karniadakis & Kawaguchi 2024, arXiv:2312.14499, eq. 7) errs by what is off the diagonal of B^T H B, with the variance
2 sum_(i != j) (B^T H B)_ij^2 / V; the sparse stochastic Taylor derivative estimator (z = sqrt(d) e_i, no i twice; Shi,
Hu, Lin & Kawaguchi 2024, arXiv:2412.00088, section 4.2) by how its diagonal varies.

A square of an estimate is too large by its variance on average: what is minimized is the mean square of the residual
plus that variance.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

import torch
from torch import Generator, Tensor

from pinn.basis.errors import require
from pinn.derivatives.names import Operator, Vocabulary

Draw = Callable[[int, int, int, Generator], Tensor]  # (n, probes, d, generator) -> z (n, probes, d), E z z^T = I


def signs(n: int, probes: int, d: int, generator: Generator) -> Tensor:
    """z_i = +-1, independent: the least variance of independent entries (Hutchinson 1989)."""
    return 2.0 * torch.randint(2, (n, probes, d), generator=generator).double() - 1.0


def axes(n: int, probes: int, d: int, generator: Generator) -> Tensor:
    """sqrt(d) e_i with distinct i for each point: `probes` of the d derivatives, times d / probes."""
    order = torch.rand(n, d, generator=generator, dtype=torch.float64).argsort(1)[:, :probes]
    return d**0.5 * torch.nn.functional.one_hot(order, d).double()


DRAWS: dict[str, Draw] = {"hutchinson": signs, "stde": axes}


@dataclass(frozen=True)
class Estimator:
    """An estimate from so many random directions a point, >= 2."""

    draw: Draw
    probes: int

    def __post_init__(self) -> None:
        require(self.probes >= 2, f"probes must be >= 2, got {self.probes}")


@dataclass(frozen=True)
class Estimation:
    """How some names are estimated. factors: B (d, d) of each operator. vocabulary: that of the estimates."""

    estimator: Estimator
    factors: tuple[Tensor, ...]
    vocabulary: Vocabulary

    @classmethod
    def of(cls, estimator: Estimator, vocabulary: Vocabulary, names: Sequence[str]) -> "Estimation | None":
        """That of the operators among the names that are definite; None where there is none."""
        known, estimates = vocabulary, dict(vocabulary.operators)
        factors: list[Tensor] = []
        asked = {quantity.partition("_")[0] for quantity in names}
        twice = "biharmonic" in asked and "laplacian" in known.operators
        halves: tuple[Operator, ...] = ()
        for name, operator in known.operators.items():
            factor = root(operator, len(known.coordinates))
            if factor is None or not (name in asked or (twice and name == "laplacian")):
                continue
            first = len(known.coordinates) + len(factors) * estimator.probes
            estimates[name] = _mean(range(first, first + estimator.probes))
            if name == "laplacian":  # its square is the product of two that are independent
                middle = first + estimator.probes // 2
                halves = _mean(range(first, middle)), _mean(range(middle, first + estimator.probes))
            factors.append(factor)
        if not factors:
            return None
        directions = len(factors) * estimator.probes
        own = replace(known, operators=estimates, directions=directions, laplacians=halves)
        return cls(estimator, tuple(factors), own)

    def directions(self, x: Tensor) -> Tensor:
        """B z (n, directions, d) at points x (n, d), the same at the same points."""
        n = len(x)
        seed = blake2b(x.detach().contiguous().cpu().numpy().data, digest_size=8).digest()
        generator = Generator().manual_seed(int.from_bytes(seed) >> 1)
        drawn = []
        for factor in self.factors:
            along = factor.abs().sum(1) > 0  # not along time
            z = self.estimator.draw(n, self.estimator.probes, int(along.sum()), generator)
            drawn.append(z @ factor[:, along].mT)
        return torch.cat(drawn, 1).to(x)


def root(operator: Operator, d: int) -> Tensor | None:
    """B (d, d) with B B^T = A, symmetric; None where the operator is not definite (>= 0)."""
    a = torch.zeros(d, d, dtype=torch.float64)
    for i, j, weight in operator:
        a[i, j] += weight / 2
        a[j, i] += weight / 2
    values, vectors = torch.linalg.eigh(a)
    least, largest = float(values[0]), float(values[-1])
    if least < -1e-12 * largest or largest <= 0:  # rounding of eigenvalues
        return None
    return (vectors * values.clamp_min(0.0).sqrt()) @ vectors.mT


def _mean(directions: range) -> Operator:
    return tuple((k, k, 1.0 / len(directions)) for k in directions)
