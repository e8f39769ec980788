"""How a network sees the coordinates: scaled to [-1, 1], mirrored at an end, or through the harmonics of a period."""

import math
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import nn

from pinn.derivatives.jets import Jet, Values, cat, linear, stack


class Embedding(nn.Module):
    """Maps each coordinate from its bounds (lower, upper) to [-1, 1], or to cos and sin of 2 pi k (x - lower) / L.

    bounds: a pair for each of the d coordinates. harmonics: number of a periodic coordinate -> K >= 1; its L is the
    length of its interval and k = 1 ... K. Maps (n, d) to (n, outputs): the scaled coordinates, then the harmonics.
    mirrored: number of a coordinate -> its ends, `min` or `max` or both, at which no function of the outputs has a
    slope: the scaled coordinate 2 s - 1 becomes 2 s^2 - 1, 1 - 2 (1 - s)^2 or -cos(pi s).
    coordinates: the number of the coordinate of which each output is a function.
    """

    lower: torch.Tensor
    factor: torch.Tensor
    waves: torch.Tensor

    def __init__(
        self,
        bounds: Sequence[tuple[float, float]],
        harmonics: Mapping[int, int] | None = None,
        mirrored: Mapping[int, Sequence[str]] | None = None,
    ) -> None:
        super().__init__()
        harmonics = harmonics or {}
        lower, upper = torch.tensor(bounds, dtype=torch.float64).T
        self.scaled = [i for i in range(len(bounds)) if i not in harmonics]
        self.mirrored = {self.scaled.index(i): tuple(ends) for i, ends in (mirrored or {}).items() if i in self.scaled}
        numbers = [2.0 * math.pi * k / (upper[i] - lower[i]) for i in harmonics for k in range(1, harmonics[i] + 1)]
        which = [i for i in harmonics for _ in range(harmonics[i])]
        waves = torch.zeros(len(numbers), len(bounds), dtype=torch.float64)
        for row, (i, number) in enumerate(zip(which, numbers, strict=True)):
            waves[row, i] = number
        self.coordinates = (*self.scaled, *which, *which)
        self.outputs = len(self.coordinates)
        self.register_buffer("lower", lower, persistent=False)
        self.register_buffer("factor", (2.0 / (upper - lower))[self.scaled], persistent=False)
        self.register_buffer("waves", waves, persistent=False)

    def forward(self, x: Values) -> Values:
        x = x - self.lower
        if not len(self.waves):
            return self._mirror(x * self.factor - 1.0)
        phase = linear(x, self.waves)
        columns = [x[:, i : i + 1] for i in self.scaled]  # a list for an index would be copied to a GPU at every call
        scaled = self._mirror((cat(columns, -1) if columns else x[:, :0]) * self.factor - 1.0)
        return cat([scaled, phase.cos(), phase.sin()], -1)

    def _mirror(self, x: Values) -> Values:
        """The scaled coordinates (n, k) with those that are mirrored mapped."""
        if not self.mirrored:
            return x
        columns = [_without_slope(x[:, k], self.mirrored.get(k, ())) for k in range(len(self.scaled))]
        return stack(columns, -1)


def _without_slope(x: Values, ends: Sequence[str]) -> Values:
    """A monotonic map of [-1, 1] to itself without slope at the named ends."""
    if set(ends) == {"min", "max"}:
        return -((x + 1.0) * (0.5 * math.pi)).cos()
    if "min" in ends:
        return 0.5 * (x + 1.0) ** 2 - 1.0
    return 1.0 - 0.5 * (1.0 - x) ** 2 if "max" in ends else x


class FeaturedEmbedding(nn.Module):
    """An embedding, and beside it features of the coordinates that a solution is known to be made of.

    features: coordinates (n, d) to a list of `count` columns (n,), of the size of 1 or so, by torch functions.
    coordinates: as of `Embedding`; None for a feature.
    """

    def __init__(self, embedding: Embedding, features: Callable[[Values], list[Values]], count: int) -> None:
        super().__init__()
        self.embedding = embedding
        self.features = features
        self.coordinates: tuple[int | None, ...] = (*embedding.coordinates, *[None] * count)
        self.outputs = len(self.coordinates)

    def forward(self, x: Values) -> Values:
        return cat([self.embedding(x), stack(self.features(x), -1)], -1)


class PartedEmbedding(nn.Module):
    """An embedding that scales the coordinates of each part of a domain to [-1, 1] by themselves, and marks the part.

    embedding: of the whole domain; its scaled coordinates are scaled again, other columns stay. part: points (n, d) to
    the number (n,) of their part. boxes: (parts, d, 2), the parts' bounding boxes. Maps (n, d) to the embedding's
    columns, then `parts` columns, one at the part of a point and zero else: they have no derivatives.
    """

    shift: torch.Tensor
    factor: torch.Tensor

    def __init__(
        self,
        embedding: Embedding | FeaturedEmbedding,
        part: Callable[[torch.Tensor], torch.Tensor],
        boxes: torch.Tensor,
    ) -> None:
        super().__init__()
        self.embedding = embedding
        self.part = part
        self.parts = len(boxes)
        self.coordinates: tuple[int | None, ...] = (*embedding.coordinates, *[None] * self.parts)
        self.outputs = len(self.coordinates)
        own = embedding.coordinates
        scaled = torch.tensor([i is not None and own.count(i) == 1 for i in own])
        with torch.no_grad():
            low, high = (embedding.to(torch.float64)(boxes[..., end].double()) for end in (0, 1))  # monotonic
        factor = torch.where(scaled, 2.0 / (high - low), 1.0)
        self.register_buffer("factor", factor, persistent=False)  # (parts, columns)
        self.register_buffer("shift", torch.where(scaled, 1.0 + low * factor, 0.0), persistent=False)

    def forward(self, x: Values) -> Values:
        part = self.part(x.value if isinstance(x, Jet) else x)
        own = self.embedding(x) * self.factor[part] - self.shift[part]
        marks = (part[:, None] == torch.arange(self.parts, device=part.device)).to(self.factor.dtype)
        return cat([own, own.constant(marks) if isinstance(own, Jet) else marks], -1)
