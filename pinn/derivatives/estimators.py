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
    """How names are estimated. draws: (B (d, d), so many directions), each independent. vocabulary: of estimates."""

    estimator: Estimator
    draws: tuple[tuple[Tensor, int], ...]
    vocabulary: Vocabulary

    @classmethod
    def of(cls, estimator: Estimator, vocabulary: Vocabulary, names: Sequence[str]) -> "Estimation | None":
        """That of the operators among the names that are definite; None where there is none.

        A biharmonic is the product of two Laplacians from half of the directions each, which are independent.
        """
        asked = {name.partition("_")[0] for name in names}
        asked |= {"laplacian"} if "biharmonic" in asked else set()
        estimates, draws, first = dict(vocabulary.operators), [], len(vocabulary.coordinates)
        laplacians: tuple[Operator, ...] = ()
        for name in sorted(asked & estimates.keys()):
            factor = root(estimates[name], len(vocabulary.coordinates))
            if factor is None:
                continue
            end, middle = first + estimator.probes, first + estimator.probes // 2
            estimates[name] = _mean(range(first, end))
            halved = name == "laplacian" and "biharmonic" in asked
            if halved:
                laplacians = _mean(range(first, middle)), _mean(range(middle, end))
            draws += [(factor, middle - first), (factor, end - middle)] if halved else [(factor, estimator.probes)]
            first = end
        if not draws:
            return None
        directions = first - len(vocabulary.coordinates)
        own = replace(vocabulary, operators=estimates, directions=directions, laplacians=laplacians)
        return cls(estimator, tuple(draws), own)

    def directions(self, x: Tensor) -> Tensor:
        """B z (n, directions, d) at points x (n, d), the same at the same points."""
        seed = blake2b(x.detach().contiguous().cpu().numpy().data, digest_size=8).digest()
        generator = Generator().manual_seed(int.from_bytes(seed) >> 1)
        drawn = []
        for factor, probes in self.draws:
            along = factor.abs().sum(1) > 0  # not along time
            z = self.estimator.draw(len(x), probes, int(along.sum()), generator)
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
