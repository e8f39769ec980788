"""Checks of what a user gives a domain: each raises UserError that names the argument."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pinn.basis.errors import UserError, require


def checked_coordinates(d: int, coordinates: Sequence[str] | None) -> tuple[str, ...]:
    """d names, x, y, z (x1, x2, ... for more than three) where none are given; raises UserError for another number."""
    if coordinates is None:
        return ("x", "y", "z")[:d] if d <= 3 else tuple(f"x{i + 1}" for i in range(d))
    names = tuple(coordinates)
    distinct = len(set(names)) == len(names) == d and all(isinstance(name, str) for name in names)
    require(distinct, f"coordinates must be {d} different names, got {names}")
    return names


def checked_name(name: str) -> str:
    """The name of a side; raises UserError for an empty one, or one kept for the faces of boxes and time."""
    require(isinstance(name, str) and bool(name), f"name must be a word such as 'hole', got {name!r}")
    kept = name.endswith((".min", ".max"))
    require(not kept, f"the name {name!r} is kept for the faces of boxes; choose one without .min and .max")
    return name


def checked_vector(name: str, values: ArrayLike, d: int | None = None) -> NDArray[np.float64]:
    """A finite vector (d,); raises UserError that names the argument."""
    try:
        vector = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise UserError(f"{name} must be numbers, got {values!r}") from None
    fits = vector.ndim == 1 and (d is None or len(vector) == d)
    require(fits, f"{name} must be {'some' if d is None else d} numbers, got the shape {vector.shape}")
    require(bool(np.isfinite(vector).all()), f"{name} must be finite, got {values!r}")
    return vector


def checked_points(name: str, values: ArrayLike, d: int | None = None) -> NDArray[np.float64]:
    """Finite points (k, d); raises UserError that names the argument."""
    try:
        points = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise UserError(f"{name} must be points, rows of numbers, got {values!r}") from None
    fits = points.ndim == 2 and points.shape[1] >= 1 and (d is None or points.shape[1] == d)
    require(fits, f"{name} must be points of shape (k, {d or 'd'}), got the shape {points.shape}")
    require(bool(np.isfinite(points).all()), f"{name} must be finite")
    return points


def checked_length(name: str, value: float) -> float:
    """A finite length > 0; raises UserError that names the argument."""
    number = isinstance(value, (int, float, np.number)) and bool(np.isfinite(value))
    require(number and value > 0, f"{name} must be finite and > 0, got {value}")
    return float(value)


def checked_center(about: Sequence[float] | None, d: int) -> NDArray[np.float64]:
    """The point (d,) about which is turned or scaled, the origin for None."""
    return np.zeros(d) if about is None else checked_vector("about", about, d)
