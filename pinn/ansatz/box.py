"""Transfinite interpolation of data on the ends of coordinates (Gordon & Hall 1973, doi:10.1007/BF01436298)."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor

from pinn.ansatz.blending import Functional, Polynomial, blending, vanishing
from pinn.ansatz.prescriptions import Columns, Place, Prescription
from pinn.derivatives.jets import Operand, Values
from pinn.derivatives.numpy_calls import called
from pinn.domains.box import Box

Lift = Callable[[Columns], Operand]


@dataclass(frozen=True)
class Axis:
    """A coordinate with what is prescribed of one field at its ends, bounds (lower, upper)."""

    coordinate: str
    bounds: tuple[float, float]
    prescriptions: tuple[Prescription, ...]

    @property
    def functionals(self) -> list[Functional]:
        """The value or derivative in s = (x - lower) / (upper - lower) that each prescription is of."""
        return [(float(p.place.end == "max"), p.order) for p in self.prescriptions]

    @property
    def length(self) -> float:
        return self.bounds[1] - self.bounds[0]

    def s(self, columns: Columns) -> Values:
        """The coordinate scaled to [0, 1]."""
        return (columns[self.coordinate] - self.bounds[0]) * (1.0 / self.length)

    def moved(self, columns: Columns, prescription: Prescription) -> Columns:
        """The points moved along the coordinate to the end of a prescription."""
        end = self.bounds[prescription.place.end == "max"]
        return {**columns, self.coordinate: 0.0 * columns[self.coordinate] + end}

    @property
    def vanishing(self) -> Polynomial:
        return vanishing(self.functionals)

    @property
    def power(self) -> int:
        """That of s in what vanishes where something is prescribed; 0 where that is more than a power of s."""
        *lower, highest = self.vanishing.coefficients
        return len(lower) if highest and not any(lower) else 0

    @property
    def has_derivatives(self) -> bool:
        return any(p.order for p in self.prescriptions)


def lift(axes: Sequence[Axis], base: Lift) -> Lift:
    """A function that has all the prescribed values and derivatives, where they agree in the corners.

    The Boolean sum of the interpolations along the axes: with P_1 that along the first and E the lift of the others,
    E f + P_1 (f - E f). base: the lift without any axis. Data may depend on a coordinate with prescribed derivatives
    only where its axis is the last (see `ordered`).
    """
    if not axes:
        return base
    axis, *others = axes
    below = lift(others, base)
    blends = list(zip(axis.prescriptions, blending(tuple(axis.functionals)), strict=True))

    def interpolated(columns: Columns) -> Operand:
        s, total = axis.s(columns), below(columns)
        for prescription, phi in blends:
            at = axis.moved(columns, prescription)
            # d E f / dx = 0 where a derivative is prescribed: the others' data do not depend on x
            datum = prescription(at) - below(at) if prescription.order == 0 else axis.length * prescription(at)
            total = total + phi(s) * datum
        return total

    return interpolated


@dataclass(frozen=True)
class _OfAll(Prescription):
    """The value that a function of all coordinates, in their order, has on a side."""

    def __call__(self, columns: Columns) -> Operand:
        assert callable(self.value)
        return called(self.value, *columns.values())


def transfinite(g: Callable[..., Tensor], domain: Box) -> Callable[..., Operand]:
    """The function that agrees with g on all sides of a box, and inside takes g's values there alone.

    g: of the box's coordinates in order, with torch operations, such as g(x, y). The result is called like it, for use
    in an ansatz: linear between the ends of x, plus linear between those of y, less both.
    """

    def at(name: str, end: str) -> Prescription:
        return _OfAll("", "", Place(f"{name}.{end}", name, end), 0, g)

    axes = [Axis(name, bounds, (at(name, "min"), at(name, "max"))) for name, bounds in domain.bounds.items()]
    lifted = lift(axes, lambda columns: 0.0)
    return lambda *x: lifted(dict(zip(domain.bounds, x, strict=True)))


def evaluations(axes: Sequence[Axis]) -> int:
    """How many values of the data one value of the lift takes."""
    return math.prod(1 + len(axis.prescriptions) for axis in axes) - 1
