"""Interior points that follow the residual while training."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from pinn.basis.configurable import Configurable
from pinn.basis.errors import require

# magnitude(points (n, d)) -> |r| (n,), what adaptive sampling looks at.
Magnitude = Callable[[Tensor], Tensor]
# fields(points (n, d)) -> the trained fields (n, m).
Fields = Callable[[Tensor], Tensor]
# What an adaptation remembers from one draw to the next: tensors and numbers that a checkpoint holds.
State = dict[str, Any]


@dataclass(frozen=True)
class Volume:
    """The interior of a region, to be sampled.

    fresh(n): n points (n, d) of the sampler's sequence. inside(x): whether points lie in it, (n,). bounds (d, 2): its
    box, lower and upper. fields: that are trained there. space: how many of the coordinates are of space, the first.
    """

    fresh: Callable[[int], Tensor]
    inside: Callable[[Tensor], Tensor]
    bounds: Tensor
    fields: Fields
    space: int


class Adaptation(Configurable, ABC):
    """Chooses the interior points from the residual's magnitude, at each redraw but the first."""

    @abstractmethod
    def redraw(
        self, n: int, volume: Volume, magnitude: Magnitude, state: State, generator: torch.Generator
    ) -> tuple[Tensor, Tensor | None, State]:
        """About n points (n', d), the weights of their squares (n',) of mean 1 or None for all alike, the next state.

        state: what the last call returned, {} at first. generator: of random choices.
        """


class RAD(Adaptation):
    """Density |r|^exponent / mean |r|^exponent + 1 / strength (RAD, Wu et al. 2023, arXiv 2207.10289).

    strength: c > 0; a share c / (1 + c) of the points follows the residual, the others are uniform. exponent: > 0.
    The points are drawn without replacement from four times as many.
    """

    POOL = 4

    def __init__(self, *, strength: float = 1.0, exponent: float = 1.0) -> None:
        require(
            0 < strength < math.inf,
            f"adaptation.strength must be > 0 and finite, got {strength}; for none, adaptation=null",
        )
        require(0 < exponent < math.inf, f"adaptation.exponent must be > 0 and finite, got {exponent}")
        self.strength = strength
        self.exponent = exponent

    def redraw(
        self, n: int, volume: Volume, magnitude: Magnitude, state: State, generator: torch.Generator
    ) -> tuple[Tensor, Tensor | None, State]:
        pool = volume.fresh(self.POOL * n)
        size = sizes(magnitude, pool) ** self.exponent
        density = self.strength * size / size.mean().clamp_min(1e-300) + 1.0
        return pool[torch.multinomial(density, min(n, len(pool)), generator=generator)], None, state


class RAR(Adaptation):
    """At each redraw the worst of fresh points join the others (RAR, Lu et al. 2021, doi:10.1137/19M1274067).

    added: how many join, >= 1, of 10 times as many. kept: how many of them are kept, the newest, >= added. The points
    of the sampler's own number are fresh ones, since fixed sets of points are learnt by heart.
    """

    def __init__(self, *, added: int = 100, kept: int = 1000) -> None:
        require(added >= 1, f"adaptation.added must be >= 1, got {added}")
        require(kept >= added, f"adaptation.kept must be >= added, which is {added}, got {kept}")
        self.added = added
        self.kept = kept

    def redraw(
        self, n: int, volume: Volume, magnitude: Magnitude, state: State, generator: torch.Generator
    ) -> tuple[Tensor, Tensor | None, State]:
        pool = volume.fresh(10 * self.added)
        worst = pool[sizes(magnitude, pool).topk(min(self.added, len(pool))).indices]
        joined = torch.cat([state["joined"], worst])[-self.kept :] if state else worst
        return torch.cat([volume.fresh(n), joined]), None, {"joined": joined}


class R3(Adaptation):
    """Points with |r| above the mean stay, the others are drawn afresh (R3, Daw et al. 2023, arXiv 2207.02338)."""

    def redraw(
        self, n: int, volume: Volume, magnitude: Magnitude, state: State, generator: torch.Generator
    ) -> tuple[Tensor, Tensor | None, State]:
        x = state["x"] if state else volume.fresh(n)
        size = sizes(magnitude, x)
        stay = x[size > size.mean()]
        x = torch.cat([stay, volume.fresh(n)[: n - len(stay)]])
        return x, None, {"x": x}


class ResidualAttention(Adaptation):
    """Weights of the points that grow with the residual (vRBA, Toscano et al. 2025, arXiv 2509.14198).

    lambda <- memory lambda + (1 - memory) q / max q,  q = exp(beta |r|),  beta = log(k + 2) / max |r|, at the k-th
    redraw; the loss holds lambda r^2. memory: in [0, 1). renewed: share of the points that are replaced by fresh ones
    at each redraw, in [0, 1]; a fresh point starts with lambda = q / max q.
    """

    def __init__(self, *, memory: float = 0.1, renewed: float = 1.0) -> None:
        require(0 <= memory < 1, f"adaptation.memory must be in [0, 1), got {memory}")
        require(0 <= renewed <= 1, f"adaptation.renewed must be in [0, 1], got {renewed}")
        self.memory = memory
        self.renewed = renewed

    def redraw(
        self, n: int, volume: Volume, magnitude: Magnitude, state: State, generator: torch.Generator
    ) -> tuple[Tensor, Tensor | None, State]:
        count, kept = state.get("count", 0), self._kept(n, state, generator)
        x = torch.cat([state["x"][kept], volume.fresh(n)[: n - len(kept)]]) if state else volume.fresh(n)
        size = sizes(magnitude, x)
        attention = (count + 2.0) ** (size / size.max().clamp_min(1e-300) - 1.0)  # q / max q
        weight = attention.clone()
        weight[: len(kept)] *= 1 - self.memory
        if len(kept):
            weight[: len(kept)] += self.memory * state["weight"][kept]
        return x, weight / weight.mean(), {"x": x, "weight": weight, "count": count + 1}

    def _kept(self, n: int, state: State, generator: torch.Generator) -> Tensor:
        """Which of the last points stay."""
        if not state:
            return torch.empty(0, dtype=torch.long)
        return torch.randperm(n, generator=generator)[: n - round(self.renewed * n)]


def sizes(magnitude: Magnitude, x: Tensor) -> Tensor:
    """|r| (n,) in double precision on the CPU; zero where it is not finite."""
    return torch.nan_to_num(magnitude(x).detach().double().cpu(), nan=0.0, posinf=0.0)
