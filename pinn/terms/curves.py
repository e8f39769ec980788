"""What is trained for an unknown: a number of no bounds, of which it is a smooth function."""

import math
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Curve:
    """A value between bounds, of which either may be None, as a smooth function of any number z.

    Of the value, or of its logarithm: a + (b - a) / (1 + exp(-z)) between two bounds a < b,
    a + (z + sqrt(z^2 + 4 h^2)) / 2 above one, with h = start - a, and z itself where there is none. size: where z has
    the value's unit, of which it is told: what is trained is z / size.
    """

    start: float
    lowest: float | None = None
    highest: float | None = None
    log: bool = False
    size: float = 1.0

    @property
    def is_itself(self) -> bool:
        """Whether what is trained is the value."""
        return not self.log and self.lowest is None and self.highest is None and self.size == 1.0

    @property
    def has_unit(self) -> bool:
        """Whether z has the unit of the value."""
        return not self.log and (self.lowest is None or self.highest is None)

    def value(self, z: Tensor) -> Tensor:
        """The value from what is trained, of any shape."""
        (a, b), start = self._ends, self._scaled(self.start)
        z = z if self.size == 1.0 else self.size * z
        if a is not None and b is not None:
            z = a + (b - a) * torch.sigmoid(z)
        elif a is not None:
            z = a + _above(z, start - a)
        elif b is not None:
            z = b - _above(-z, b - start)
        return torch.exp(z) if self.log else z

    def trained(self, value: float) -> float:
        """What is trained, from a value inside the bounds: the inverse of `value`."""
        (a, b), start, s = self._ends, self._scaled(self.start), self._scaled(value)
        if a is not None and b is not None:
            return math.log((s - a) / (b - s)) / self.size
        if a is not None:
            s = s - a - (start - a) ** 2 / (s - a)
        elif b is not None:
            s = (b - start) ** 2 / (b - s) - (b - s)
        return s / self.size

    def at(self, z: float) -> float:
        """The value of one number."""
        return float(self.value(torch.tensor(z, dtype=torch.float64)))

    def between(self, z: float, deviation: float) -> tuple[float, float]:
        """The values at z - deviation and z + deviation, the smaller first."""
        lower, upper = sorted((self.at(z - deviation), self.at(z + deviation)))
        return lower, upper

    def slope(self, z: float) -> float:
        """d value / dz."""
        at = torch.tensor(z, dtype=torch.float64, requires_grad=True)
        return float(torch.autograd.grad(self.value(at), at)[0])

    def _scaled(self, value: float) -> float:
        return math.log(value) if self.log else value

    @property
    def _ends(self) -> tuple[float | None, float | None]:
        """The bounds of the value, or of its logarithm."""
        if not self.log:
            return self.lowest, self.highest
        a, b = (None if end is None or end <= 0 else math.log(end) for end in (self.lowest, self.highest))
        return a, b


def _above(z: Tensor, h: float) -> Tensor:
    """A smooth function from all numbers to those above zero: h at zero, z far above, h^2 / |z| far below."""
    root = torch.sqrt(z * z + 4.0 * h * h)
    return torch.where(z > 0, 0.5 * (z + root), 2.0 * h * h / (root - torch.where(z > 0, 0.0, z)))


def curve_of(guess: Any, size: float = 1.0) -> Curve:
    """That of an unknown, told by its first guess alone or by more. size: of the unknown, where z has its unit."""
    curve = getattr(guess, "curve", None)
    found = curve if isinstance(curve, Curve) else Curve(float(guess))
    return replace(found, size=size) if found.has_unit else found
