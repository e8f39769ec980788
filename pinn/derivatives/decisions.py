"""Decisions that torch code takes: booleans and integers that become numbers, and pieces of piecewise functions.

Where they are the same at two places, the code is one and the same smooth formula there.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

FARTHEST = 1e6  # whole numbers beyond which decisions are not told apart
SIGNED = ("abs", "absolute", "sign", "sgn", "relu", "heaviside")  # of the argument's sign
WHOLE = ("floor", "ceil", "round", "trunc", "fix")  # whose value is the decision
LARGER = ("maximum", "minimum", "max", "min", "fmax", "fmin")  # of two
DIVIDED = {"mod": torch.floor, "remainder": torch.floor, "fmod": torch.trunc}  # by the second argument, on the piece


class DecisionRecorder(TorchFunctionMode):
    """Records the decisions of n points while torch functions run: `with DecisionRecorder(n) as recorder: ...`.

    A boolean or integer tensor (n,) is a decision where it meets numbers: as the condition of `where`, as an index of a
    table, as a factor; functions of booleans alone are none, so that `(x < a) & (y < b)` is one and not two. Functions
    that are piecewise by themselves, such as abs, floor or clamp, are decisions by the piece. Values only: jets do not
    pass.
    """

    def __init__(self, n: int) -> None:
        super().__init__()
        self.n = n
        self.decisions: list[Tensor] = []  # (n,), whole numbers

    def __torch_function__(self, func: Callable, types: Sequence, args: tuple = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        name = getattr(func, "__name__", "").strip("_")
        inputs = list(_tensors([*args, *kwargs.values()]))
        becomes_number = result is None or (isinstance(result, Tensor) and result.is_floating_point())
        if becomes_number:
            for each in inputs:
                if not each.is_floating_point():
                    self._note(each)
            for piece in _pieces(name, args, kwargs, result):
                self._note(piece)
        return result

    def _note(self, decision: Tensor) -> None:
        if decision.ndim == 0 or decision.shape[0] != self.n or decision.is_complex():
            return
        whole = decision.detach().double().nan_to_num().clamp(-FARTHEST, FARTHEST)
        self.decisions += whole.unsqueeze(-1).flatten(1).unbind(1)


def _tensors(values: Any) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from _tensors(value)


def _pieces(name: str, args: tuple, kwargs: dict[str, Any], result: Any) -> Iterator[Tensor]:
    """On which piece a function that is piecewise by itself was evaluated, in whole numbers."""
    if name == "interpolate":  # of a table, which knows its cells
        yield from (cell.double() for cell in args[1].decisions(args[0]))
        return
    if not args or not isinstance(args[0], Tensor) or not args[0].is_floating_point():
        return
    x, second = args[0], args[1] if len(args) > 1 else None
    if name in SIGNED:
        yield x.sign()
    elif name in WHOLE:
        yield result
    elif name == "frac":
        yield x.trunc()
    elif name in DIVIDED and second is not None:
        yield DIVIDED[name](x / second)
    elif name in LARGER and isinstance(second, Tensor):
        yield (x - second).sign()
    elif name.startswith(("clamp", "clip")):
        bounds = {"min": second, "max": args[2] if len(args) > 2 else None} | kwargs
        if name.endswith("_max"):
            bounds = {"max": bounds["min"] if kwargs.get("max") is None else kwargs["max"]}
        below, above = bounds.get("min"), bounds.get("max")
        if below is not None:
            yield (x < below).double()
        if above is not None:
            yield (x > above).double()
