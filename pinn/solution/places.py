"""Where a solution is asked for: coordinates by name, as points."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pinn.basis.errors import UserError, require
from pinn.domains.base import Domain
from pinn.problem import Problem

ROUNDING = 1e-12
"""Of a domain's extent by which a point may lie outside."""


def points_of(problem: Problem, coordinates: Mapping[str, ArrayLike]) -> tuple[NDArray, tuple[int, ...]]:
    """Coordinates by name as points (n, d), and the shape that they broadcast to.

    Raises UserError where one is missing, unknown or no number, or they do not broadcast.
    """
    expected = problem.coordinates
    wrong = sorted(set(coordinates) ^ set(expected))
    got = ", ".join(coordinates) or "none"
    require(not wrong, f"the coordinates of {problem.name} are {', '.join(expected)}; got {got}")
    try:
        columns = np.broadcast_arrays(*(np.asarray(coordinates[name], dtype=np.float64) for name in expected))
    except (TypeError, ValueError) as error:
        raise UserError(f"coordinates must be numbers or arrays that broadcast: {error}") from error
    points = np.stack([column.reshape(-1) for column in columns], axis=1)
    return points, columns[0].shape


def near(domain: Domain, points: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether points (n, d) lie in the domain, or no farther outside than rounding in a user's linspace."""
    lowest, highest = np.array(list(domain.bounds.values())).T
    slack = ROUNDING * (highest - lowest)
    inside = ((points >= lowest - slack) & (points <= highest + slack)).all(axis=1)
    if not domain.is_box:
        doubtful = np.flatnonzero(inside & ~domain.contains(points))
        inside[doubtful] = domain.distance(points[doubtful]) <= float(slack.max())
    return inside


def outside(domain: Domain, points: NDArray[np.float64]) -> str:
    """What is to be said of points (n, d) outside the domain; empty where there are none."""
    count = len(points) - int(near(domain, points).sum())
    bounds = ", ".join(f"{name} in [{a:g}, {b:g}]" for name, (a, b) in domain.bounds.items())
    told = f"{count} of {len(points)} points lie outside the domain ({bounds}): the solution was not trained there"
    return told if count else ""
