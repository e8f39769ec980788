"""Steps in random subspaces, for networks of many parameters."""

from collections.abc import Iterator, Mapping
from typing import SupportsFloat

import torch
from torch import Size, Tensor

from pinn.basis.errors import require
from pinn.linear_algebra.symmetric import gram
from pinn.optimizers.base import Optimizer, Reparameterized, Report, State
from pinn.optimizers.gauss_newton import GaussNewton, LeastDamping
from pinn.optimizers.natural_gradient import NaturalGradient
from pinn.optimizers.trust_region import TrustRegion
from pinn.residuals.protocol import LeastSquares


class Subspace(Reparameterized):
    """||r(theta + S^T y)||^2 as a problem in y (q,), at y = 0 that in theta (p,).

    S (q, p) is a CountSketch (Charikar, Chen & Farach-Colton 2004, doi:10.1016/S0304-3975(03)00400-6) with evenly
    filled buckets: each parameter, with a random sign, goes to one of the q, each of which takes p / q of them rounded
    up or down. Its rows are orthonormal, so that ||S^T y|| = ||y||, and J S^T costs one pass over J.
    """

    def __init__(self, least_squares: LeastSquares, theta: Tensor, q: int, generator: torch.Generator) -> None:
        super().__init__(least_squares)
        self.theta = theta
        self.shapes: Mapping[str, Size] = {"y": Size((q,))}
        p = len(theta)
        layers = -(-p // q)
        order = torch.zeros(layers * q, dtype=torch.long)
        order[:p] = torch.randperm(p, generator=generator)
        weights = torch.zeros(layers * q)
        weights[:p] = 2.0 * torch.randint(0, 2, (p,), generator=generator) - 1.0
        self.order = order.view(layers, q).to(theta.device)
        weights = weights.view(layers, q).to(theta)
        self.weights = weights / weights.square().sum(0).sqrt()

    def lifted(self, y: Tensor) -> Tensor:
        """theta + S^T y."""
        return self.theta + self._spread(y)

    def _spread(self, y: Tensor) -> Tensor:
        """S^T y (p,)."""
        spread = torch.zeros_like(self.theta)
        return spread.index_add_(0, self.order.reshape(-1), (self.weights * y).reshape(-1))

    def _gathered(self, rows: Tensor) -> Tensor:
        """rows S^T: (..., p) -> (..., q)."""
        gathered = rows[..., self.order[0]] * self.weights[0]
        for order, weights in zip(self.order[1:], self.weights[1:], strict=True):
            gathered.addcmul_(rows[..., order], weights)
        return gathered

    def residual(self, y: Tensor) -> Tensor:
        return self.inner.residual(self.lifted(y))

    def loss(self, y: Tensor) -> SupportsFloat:
        return self.inner.loss(self.lifted(y))

    def loss_and_gradient(self, y: Tensor) -> tuple[SupportsFloat, Tensor]:
        loss, gradient = self.inner.loss_and_gradient(self.lifted(y))
        return loss, self._gathered(gradient)

    def jacobian(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """r and J S^T, J itself piece by piece."""
        r, j = y.new_empty(self.rows), y.new_empty(self.rows, len(y))
        for indices, r_piece, j_piece in self.pieces(y):
            r[indices], j[indices] = r_piece, j_piece
        return r, j

    def pieces(self, y: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        for indices, r, j in self.inner.pieces(self.lifted(y)):
            yield indices, r, self._gathered(j)

    def normal_equations(self, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        product, right, loss = y.new_zeros(len(y), len(y)), torch.zeros_like(y), y.new_zeros(())
        for _, r, j in self.pieces(y):
            product += gram(j)
            right += j.mT @ r
            loss += r @ r
        product, right, loss = self.team.summed(product, right, loss)
        return product, right, loss

    def jvp(self, y: Tensor, v: Tensor) -> Tensor:
        return self.inner.jvp(self.lifted(y), self._spread(v))

    def vjp(self, y: Tensor, w: Tensor) -> Tensor:
        return self._gathered(self.inner.vjp(self.lifted(y), w))


class Sketched(Optimizer):
    """Gauss-Newton steps in random subspaces of the parameters, another one at each step.

    Column sketches as in DSGNAR (Webb, Jerad & Cartis 2026, arXiv 2607.02194), by CountSketch: with q = share p the
    product J^T J costs share^2 and its factorization share^3 of the whole. J has far fewer directions that count than
    parameters, so that most of them have their image in the subspace. The reported gradient norm is the subspace's.

    method: the optimizer inside, of the Gauss-Newton family, TrustRegion or NaturalGradient; LeastDamping by default.
    share: q / p, in (0, 1]. seed: of the subspaces, >= 0.
    """

    default_steps = 3000
    redraw_every = 10

    def __init__(self, method: Optimizer | None = None, *, share: float = 0.5, seed: int = 0) -> None:
        method = method or LeastDamping()
        require(
            isinstance(method, (GaussNewton, TrustRegion, NaturalGradient)),
            "optimizer.method must keep no vectors from step to step (least_damping, levenberg_marquardt, "
            f"trust_region or natural_gradient), got {method!r}",
        )
        require(0 < share <= 1, f"optimizer.share must be in (0, 1], got {share}")
        require(seed >= 0, f"optimizer.seed must be >= 0, got {seed}")
        self.method = method
        self.share = share
        self.seed = seed

    def init(self, theta: Tensor) -> State:
        return {"count": 0, "method": self.method.init(theta)}

    def step(self, theta: Tensor, state: State, least_squares: LeastSquares) -> tuple[Tensor, State, Report]:
        generator = torch.Generator().manual_seed(self.seed + state["count"])
        q = max(1, round(self.share * len(theta)))
        subspace = Subspace(least_squares, theta, q, generator)
        y, inner, report = self.method.step(theta.new_zeros(q), state["method"], subspace)
        return subspace.lifted(y), {"count": state["count"] + 1, "method": inner}, report
