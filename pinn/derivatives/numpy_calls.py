"""Calls of a user's functions: numbers made there are as precise as what they are given, and numpy's functions refused.

numpy's and math's functions have no derivatives: where one met a field, and what to write in its place.
"""

import re
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pinn.basis.errors import UserError

FOREIGN = re.compile(r"\b(?:np|numpy|math|scipy(?:\.\w+)*)\.(?!(?:float|int|array)\d*\b)\w+(?=\s*\()")
MARKS = (
    "call numpy()",
    "convert",
    "must be real number",
    "storage",
    "data pointer",
)  # of torch's and math's complaints
INSTEAD = {
    "interp": 'pinn.Table(x, values), made once in the constructor and called here (kind="cubic" is smooth)',
    "interp1d": 'pinn.Table(x, values, kind="cubic"), made once in the constructor and called here',
    "CubicSpline": 'pinn.Table(x, values, kind="cubic"), made once in the constructor and called here',
    "piecewise": "torch.where",
    "select": "torch.where",
    "power": "torch.pow",
    "fabs": "torch.abs",
    "polyval": "Horner's rule, a + x * (b + x * c)",
}
HOMES = tuple(str(Path(home).parent) for home in (np.__file__, torch.__file__, Path(__file__).parent))


def called(function: Callable, *arguments: Any) -> Any:
    """function(*arguments) of a user's function; raises UserError for numpy or math of derivatives, and for nothing.

    Numbers that become tensors there, as in torch.where(y < 1, 1.38, 400.0), have the arguments' type: in torch's own
    default, float32, 1.38 is 3.5e-9 off.
    """
    usual = torch.get_default_dtype()
    try:
        torch.set_default_dtype(next((a.dtype for a in arguments if _is_real(a)), usual))
        result = function(*arguments)
    except (RuntimeError, TypeError, ValueError) as error:
        place = _place(traceback.extract_tb(error.__traceback__))
        if place is not None and FOREIGN.search(place.line or "") and any(mark in str(error) for mark in MARKS):
            raise _refused(place) from error
        raise
    finally:
        torch.set_default_dtype(usual)
    if result is None:
        name = getattr(function, "__qualname__", repr(function))
        raise UserError(f"{name} returns nothing: is `return` missing?")
    return result


def _is_real(argument: Any) -> bool:
    return getattr(argument, "dtype", None) in (torch.float32, torch.float64)


def numpy_refused(name: str = "") -> UserError:
    """The error of a numpy function that has just met a jet. name: the function's, where it is known."""
    return _refused(_place(traceback.extract_stack()), name)


def _place(frames: Iterable[traceback.FrameSummary]) -> traceback.FrameSummary | None:
    """The innermost frame outside of pinn, numpy and torch."""
    return next((f for f in reversed(list(frames)) if not f.filename.startswith((*HOMES, "<__array"))), None)


def _refused(place: traceback.FrameSummary | None, name: str = "") -> UserError:
    names = list(dict.fromkeys(FOREIGN.findall(place.line or ""))) if place is not None else []
    names = names or [f"numpy's {name}" if name else "a numpy function"]
    short = [re.split(r"\W", name)[-1] for name in names]
    instead = [INSTEAD.get(n) or (f"torch.{n}" if hasattr(torch, n) else "") for n in short]
    use = ", ".join(filter(None, instead)) or "torch's functions (from torch import sin, exp, ...)"
    where = f"{Path(place.filename).name}, line {place.lineno}, in {place.name}: " if place is not None else ""
    return UserError(
        f"{where}{', '.join(names)} met a field or coordinate, whose derivatives it does not know; use {use}"
    )
