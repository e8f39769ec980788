"""Methods of many numbered coordinates: one argument for all of x1, ..., xd, whatever d is."""

import inspect
from collections.abc import Callable, Sequence
from functools import wraps
from itertools import islice
from typing import Any, Protocol

import numpy as np
import torch

from pinn.basis.arguments import argument_names
from pinn.basis.errors import require


class HasCoordinates(Protocol):
    """What a method of it is stacked by."""

    @property
    def coordinates(self) -> tuple[str, ...]: ...


class Stacked:
    """A method whose named arguments are stacks of columns; on an instance, the function that names each column."""

    def __init__(self, method: Callable, names: tuple[str, ...]) -> None:
        self.method, self.names = method, names
        self.__doc__ = method.__doc__

    def __get__(self, problem: HasCoordinates | None, owner: type | None = None) -> Any:
        return self if problem is None else self._of(problem)

    def _of(self, problem: HasCoordinates) -> Callable:
        method = self.method.__get__(problem)
        asked = argument_names(method)
        unknown = [name for name in self.names if name not in asked]
        require(not unknown, f"{method.__qualname__} has no argument {', '.join(unknown)} that could be stacked")
        columns = {name: _columns(name, problem.coordinates, method.__qualname__) for name in self.names}

        @wraps(method)
        def spread(*values: Any) -> Any:
            rest = iter(values)
            return method(*(_stack(list(islice(rest, len(columns[a])))) if a in columns else next(rest) for a in asked))

        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        names = [column for a in asked for column in columns.get(a, (a,))]
        spread.__signature__ = inspect.Signature([inspect.Parameter(name, kind) for name in names])  # type: ignore[attr-defined]
        return spread


def stacked(*names: str) -> Callable[[Callable], Any]:
    """Mark arguments of a problem's method as stacks: `@pinn.stacked("x")` is x1, ..., xd, of shape (n, d).

    `@pinn.stacked("x", "u_x")`: also u_x1, ..., u_xd, the gradient. Of the coordinates x1, x2, ... that the domain has,
    in its order; so that a problem's dimension may be an argument of its constructor.
    Raises UserError where the method is used and there is no such argument or coordinate.
    """
    return lambda method: Stacked(method, names)


def _columns(name: str, coordinates: Sequence[str], where: str) -> tuple[str, ...]:
    base, _, stem = name.rpartition("_")
    numbered = [c for c in coordinates if c.startswith(stem) and c.removeprefix(stem).isdigit()]
    told = f"{name!r} in {where} stands for {stem}1, {stem}2, ...; the coordinates are {', '.join(coordinates)}"
    require(bool(numbered), told)
    return tuple(f"{base}_{c}" if base else c for c in numbered)


def _stack(columns: list[Any]) -> Any:
    """Columns (n,), of numpy, of torch or jets, as (n, d)."""
    return np.stack(columns, -1) if isinstance(columns[0], np.ndarray) else torch.stack(columns, -1)
