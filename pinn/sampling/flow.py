"""Interior points from a normalizing flow that learns the density of the residual."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from pinn.basis.errors import require
from pinn.sampling.adaptation import Adaptation, Magnitude, State, Volume, sizes

POOL = 4  # uniform points that the flow learns from, of the number that is drawn
TRIES = 20  # rounds of drawing from the flow, where it has mass outside the domain


class Flow(torch.nn.Module):
    """A bijection u = F(x) of the unit cube [0, 1]^d, one coordinate after the other: the density is |det dF/dx|.

    u_i = F_i(x_i | x_1 ... x_(i-1)) is piecewise linear on equal bins, its slopes made by a small network from the
    coordinates before; the Jacobian is triangular, so that log |det dF/dx| = sum_i log (dF_i / dx_i). Piecewise-linear
    warps as in Müller et al. 2019, doi:10.1145/3341156. It starts as the identity, whose density is uniform.
    d: coordinates. bins: of each, >= 2. width: of the hidden layers.
    """

    def __init__(self, d: int, bins: int, width: int, generator: torch.Generator) -> None:
        super().__init__()
        self.bins = bins
        self.hidden, self.last = torch.nn.ParameterList(), torch.nn.ParameterList()
        for i in range(d):
            weight = torch.randn(width, i + 1, generator=generator, dtype=torch.float64)
            self.hidden.append(torch.nn.Parameter(2.0 * weight))
            self.last.append(torch.nn.Parameter(torch.zeros(bins, width, dtype=torch.float64)))

    def forward(self, x: Tensor) -> Tensor:
        """log |det dF/dx| at points x (n, d) of the unit cube: the log-density (n,)."""
        total = x.new_zeros(len(x))
        for i in range(x.shape[1]):
            bin_of = (x[:, i] * self.bins).long().clamp(0, self.bins - 1)
            log_slopes = self._log_slopes(i, x[:, :i])
            total = total + log_slopes.gather(1, bin_of[:, None])[:, 0]
        return total

    def inverse(self, u: Tensor) -> Tensor:
        """x = F^-1(u): uniform points (n, d) become points of the flow's density."""
        x = u.new_empty(len(u), 0)
        for i in range(u.shape[1]):
            slopes = self._log_slopes(i, x).exp()
            ends = slopes.cumsum(1) / self.bins  # F_i at the bins' upper ends
            bin_of = torch.searchsorted(ends, u[:, i : i + 1].contiguous()).clamp(max=self.bins - 1)
            slope = slopes.gather(1, bin_of)[:, 0]
            before = ends.gather(1, bin_of)[:, 0] - slope / self.bins
            column = bin_of[:, 0] / self.bins + (u[:, i] - before) / slope
            x = torch.cat([x, column.clamp(0.0, 1.0)[:, None]], 1)
        return x

    def _log_slopes(self, i: int, before: Tensor) -> Tensor:
        """log dF_i/dx_i on each bin (n, bins), from the coordinates before (n, i); slopes have the mean 1."""
        ones = before.new_ones(len(before), 1)
        features = torch.tanh(F.linear(torch.cat([2 * before - 1, ones], 1), self.hidden[i]))
        return F.linear(features, self.last[i]).log_softmax(1) + math.log(self.bins)


class FlowSampling(Adaptation):
    """A share of the points from a normalizing flow that learns |r|^2 as a density (Tang et al., arXiv 2112.14038).

    At each redraw the flow goes on learning: it maximizes the sum of w_k log p(x_k) over uniform points x_k, whose
    weights w_k are their share of |r|^2; log p is the flow's log-determinant. The other points are uniform.
    share: of the flow's points, in (0, 1]. bins: of each coordinate, >= 2. width: of its hidden layers, >= 1. steps:
    of Adam at a redraw, >= 1. learning_rate: > 0.
    """

    def __init__(
        self,
        *,
        share: float = 0.5,
        bins: int = 32,
        width: int = 32,
        steps: int = 50,
        learning_rate: float = 0.02,
    ) -> None:
        require(0 < share <= 1, f"adaptation.share must be in (0, 1], got {share}")
        require(bins >= 2, f"adaptation.bins must be >= 2, got {bins}")
        require(width >= 1, f"adaptation.width must be >= 1, got {width}")
        require(steps >= 1, f"adaptation.steps must be >= 1, got {steps}")
        require(0 < learning_rate < math.inf, f"adaptation.learning_rate must be > 0, got {learning_rate}")
        self.share = share
        self.bins = bins
        self.width = width
        self.steps = steps
        self.learning_rate = learning_rate

    def redraw(
        self, n: int, volume: Volume, magnitude: Magnitude, state: State, generator: torch.Generator
    ) -> tuple[Tensor, Tensor | None, State]:
        lower, upper = volume.bounds.T
        flow = Flow(len(lower), self.bins, self.width, generator)
        if state:
            flow.load_state_dict(state)
        pool = volume.fresh(POOL * n)
        self.learn(flow, (pool - lower) / (upper - lower), sizes(magnitude, pool).square())
        drawn = self._draw(flow, round(self.share * n), volume, generator)
        x = torch.cat([drawn, volume.fresh(n)[: n - len(drawn)]])
        return x, None, {name: values.detach() for name, values in flow.state_dict().items()}

    def learn(self, flow: Flow, x: Tensor, density: Tensor) -> None:
        """Bring the flow nearer to a density, known up to a factor at uniform points x (n, d) of the unit cube."""
        weights = density / density.sum().clamp_min(1e-300)
        optimizer = torch.optim.Adam(flow.parameters(), self.learning_rate)
        for _ in range(self.steps):
            optimizer.zero_grad()
            with torch.enable_grad():
                loss = -(weights @ flow(x))
            loss.backward()
            optimizer.step()

    def _draw(self, flow: Flow, n: int, volume: Volume, generator: torch.Generator) -> Tensor:
        """n points of the flow's density inside the domain, fewer where most of its mass lies outside."""
        lower, upper = volume.bounds.T
        inside: list[Tensor] = []
        for _ in range(TRIES):
            u = torch.rand(n, len(lower), generator=generator, dtype=torch.float64)
            with torch.no_grad():
                x = lower + (upper - lower) * flow.inverse(u)
            inside.append(x[volume.inside(x)])
            if sum(map(len, inside)) >= n:
                break
        return torch.cat(inside)[:n]
