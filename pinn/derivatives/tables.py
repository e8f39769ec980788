"""Tabulated functions of one to three coordinates or fields, with the exact derivatives of their interpolation."""

import inspect
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from torch import Tensor
from torch.overrides import TorchFunctionMode, handle_torch_function, has_torch_function

from pinn.basis.columns import beside_page
from pinn.basis.errors import UserError, require
from pinn.basis.gridded import read_grid
from pinn.derivatives.jets import Jet, Values
from pinn.derivatives.rules import rule

KINDS = {"linear": 2, "cubic": 4}  # coefficients of a cell along each axis
OUTSIDE = ("error", "clamp")
SLACK = 1e-9  # of an axis: rounding at its ends
MOST_AXES = 3


class Table:
    """A tabulated function: `k = Table(x, values)` in a constructor, `k(u)` or `k(x)` in an equation or a condition.

    x: its axis (k,), >= 2 distinct numbers in any order; or up to three by name, {"x": x, "y": y}, a table of which
    is a value by itself: `Initial(u=table)`. values: (k,) or (k_1, ..., k_d). kind: `linear`, or `cubic`, a spline
    (not a knot) whose second derivatives are continuous. Derivatives are those of the interpolation, of a linear one
    the slope of the cell. outside: where the domain leaves the range of the table pre-flight says so (`error`), or the
    last value is taken (`clamp`), as is wherever a field leaves it.
    """

    def __init__(
        self, x: Any, values: Any, kind: str = "linear", *, outside: str = "error", name: str = "table"
    ) -> None:
        require(kind in KINDS, f"kind of a table must be one of {', '.join(KINDS)}, got {kind!r}")
        require(outside in OUTSIDE, f"outside of a table must be one of {', '.join(OUTSIDE)}, got {outside!r}")
        self.names = tuple(x) if isinstance(x, Mapping) else ()
        self.kind, self.outside, self.name = kind, outside, name
        axes = list(x.values()) if isinstance(x, Mapping) else [x]
        require(1 <= len(axes) <= MOST_AXES, f"a table has one to {MOST_AXES} axes, got {len(axes)}")
        self.knots, numbers = _sorted(axes, values, name)
        self._coefficients = _pieces(self.knots, numbers, kind)
        self._placed: dict[tuple[torch.dtype, torch.device], list[Tensor]] = {}

    @classmethod
    def read(
        cls, path: str | Path, kind: str = "linear", *, value: str | None = None, outside: str = "error"
    ) -> "Table":
        """From a text with a header (`x,k`: coordinates, then the value), NetCDF or HDF5 with dimension scales.

        path: a relative one starts at the folder of the page. value: the column or variable, where there are several.
        """
        place = beside_page(path)
        read = read_grid(place, value)
        return cls(read.axes, read.values, kind, outside=outside, name=place.name)

    @property
    def bounds(self) -> list[tuple[float, float]]:
        """The range of each axis."""
        return [(float(knots[0]), float(knots[-1])) for knots in self.knots]

    @property
    def __signature__(self) -> inspect.Signature:
        told = 'Table({"x": x}, values), or write lambda x: table(x)'
        require(bool(self.names), f"{self.name} is asked for as a value and its axis has no name; try {told}")
        return inspect.Signature([inspect.Parameter(name, inspect.Parameter.POSITIONAL_ONLY) for name in self.names])

    def __call__(self, *at: Any) -> Any:
        """Values at coordinates or fields of a shape (n,), one an axis."""
        d = len(self.knots)
        require(len(at) == d, f"{self.name} is a function of {d} quantit{'y' if d == 1 else 'ies'}, got {len(at)}")
        model = next((q for q in at if isinstance(q, (Tensor, Jet))), torch.zeros((), dtype=torch.float64))
        given = [q if isinstance(q, (Tensor, Jet)) else torch.as_tensor(q, dtype=model.dtype) for q in at]
        return interpolate(given, self)

    def decisions(self, at: Sequence[Tensor]) -> Iterator[Tensor]:
        """The cell along each axis, between which slopes jump; none of a spline."""
        if self.kind == "linear":
            yield from (cell for cell, _ in self._cells(at))

    def _cells(self, at: Sequence[Any]) -> list[tuple[Tensor, Tensor]]:
        """Of each axis the cell's number and where the cell begins, of the shape of the values."""
        found = []
        for q, knots in zip(at, self._on(at[0])[1:], strict=True):
            value = (q.value if isinstance(q, Jet) else q).detach().contiguous()
            cell = (torch.bucketize(value, knots, right=True) - 1).clamp(0, len(knots) - 2)
            found.append((cell, knots.index_select(0, cell.reshape(-1)).reshape(cell.shape)))
        return found

    def _on(self, model: Values) -> list[Tensor]:
        """The coefficients and the axes' knots in the type and on the device of a quantity."""
        key = (model.dtype, model.device)
        if key not in self._placed:
            axes = [torch.as_tensor(knots) for knots in self.knots]
            self._placed[key] = [q.to(*key[::-1]) for q in (torch.as_tensor(self._coefficients), *axes)]
        return self._placed[key]

    def evaluate(self, at: Sequence[Any]) -> Any:
        """The polynomial of the cell by Horner's rule, of tensors or of jets, which so have its derivatives."""
        inside = []
        for q, (low, high) in zip(at, self.bounds, strict=True):
            slack = SLACK * (high - low)
            inside.append(torch.clamp(q, low - slack, high + slack))
        cells, coefficients = self._cells(inside), self._on(inside[0])[0]
        number = cells[0][0]
        for (cell, _), knots in zip(cells[1:], self.knots[1:], strict=True):
            number = number * (len(knots) - 1) + cell
        own = coefficients.index_select(0, number.reshape(-1))  # (n, q, ..., q)
        total: list[Any] = list(own.reshape(*number.shape, math.prod(own.shape[1:])).unbind(-1))
        q = KINDS[self.kind]
        for offset in reversed([x - start for x, (_, start) in zip(inside, cells, strict=True)]):
            total = [_horner(total[k : k + q], offset) for k in range(0, len(total), q)]
        return total[0]


def _horner(coefficients: Sequence[Any], s: Any) -> Any:
    """c_0 s^(q-1) + ... + c_(q-1), the highest power first."""
    total = coefficients[0]
    for coefficient in coefficients[1:]:
        total = s * total + coefficient
    return total


def interpolate(at: Sequence[Values], table: Table) -> Values:
    """A table's values at quantities: a torch function, which jets have a rule for and modes see as one."""
    if has_torch_function(tuple(at)):
        return handle_torch_function(interpolate, tuple(at), at, table)
    return table.evaluate(at)


@rule(interpolate)
def _of_jets(at: Sequence[Values], table: Table) -> Values:
    return table.evaluate(at)


def _sorted(axes: Sequence[Any], values: Any, name: str) -> tuple[list[NDArray[np.float64]], NDArray[np.float64]]:
    """Axes that rise with the values over them; raises UserError where they are no table."""
    try:
        knots, numbers = [np.array(axis, dtype=np.float64) for axis in axes], np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise UserError(f"{name} must be made of numbers, got {type(values).__name__}") from None
    shape = tuple(axis.size for axis in knots)
    fits = numbers.shape == shape and all(axis.ndim == 1 for axis in knots)
    require(fits, f"the values of {name} must have the shape {shape} of its axes, got {numbers.shape}")
    for i, axis in enumerate(knots):
        order = np.argsort(axis, kind="stable")
        knots[i], numbers = axis[order], np.take(numbers, order, i)
        require(axis.size >= 2, f"an axis of {name} needs two numbers or more, got {axis.size}")
        same = knots[i][:-1][np.diff(knots[i]) <= 0]
        require(
            not len(same), f"an axis of {name} has {same[0] if len(same) else 0:g} twice; a table has one value at each"
        )
        require(bool(np.isfinite(axis).all()), f"an axis of {name} has numbers that are not finite")
    bad = int((~np.isfinite(numbers)).sum())
    require(not bad, f"{bad} of the {numbers.size} values of {name} are not finite; a table needs each")
    return knots, numbers


def _pieces(knots: Sequence[NDArray[np.float64]], values: NDArray[np.float64], kind: str) -> NDArray[np.float64]:
    """The polynomials of the cells (cells, q, ..., q), the highest power of the offset in the cell first."""
    d, pieces = len(knots), values
    for i, axis in enumerate(knots):  # axis i becomes that of cells, its powers come last
        if kind == "cubic":
            c = CubicSpline(axis, pieces, axis=i).c  # (4, cells, others)
            c = np.moveaxis(c, 1, 1 + i)
        else:
            lower = np.take(pieces, range(len(axis) - 1), i)
            width = np.diff(axis).reshape([-1 if k == i else 1 for k in range(pieces.ndim)])
            c = np.stack([np.diff(pieces, axis=i) / width, lower])
        pieces = np.moveaxis(c, 0, -1)
    q = KINDS[kind]
    return np.ascontiguousarray(pieces).reshape(-1, *[q] * d)


Asked = tuple[Table, int, float, float]  # table, axis, least, most


@dataclass
class RangeRecorder(TorchFunctionMode):
    """Records which range of which table is asked for while torch functions run: `with RangeRecorder() as ranges:`."""

    asked: list[Asked] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def __torch_function__(self, func: Callable, types: Sequence, args: tuple = (), kwargs: Any = None) -> Any:
        if func is interpolate:
            at, table = args
            for i, q in enumerate(at):
                self.asked.append((table, i, float(q.min()), float(q.max())))
        return func(*args, **(kwargs or {}))
