"""Jet rules of piecewise functions: comparisons, choices by them, bounds, steps.

Each piece has its own derivatives. What a derivative has at a break besides, a Dirac where the function jumps or its
slope does, is not represented, as it is not in torch's own derivatives: collocation points never meet it.
"""

import operator
from collections.abc import Callable
from typing import Any, Protocol, Self

import torch
from torch import Tensor

from pinn.derivatives.rules import Stacked, rule

Number = Tensor | float


class Chosen(Stacked, Protocol):
    """What the rules below need of a jet besides; their other operands are tensors and numbers, which are constant."""

    @property
    def value(self) -> Tensor: ...

    @property
    def shape(self) -> torch.Size: ...

    def constant(self, other: Number) -> Self: ...

    def __add__(self, other: Any) -> Self: ...

    def __mul__(self, other: Any) -> Self: ...


Part = Chosen | Number


def _value(part: Part) -> Number:
    return part if isinstance(part, (Tensor, int, float)) else part.value


def _make_comparison(compare: Callable[[Any, Any], Tensor]) -> Callable[[Any, Any], Tensor]:
    """Of the values: a bool tensor (n, ...)."""

    def compared(a: Part, b: Part) -> Tensor:
        return compare(_value(a), _value(b))

    return compared


COMPARISONS = {name: _make_comparison(getattr(operator, name)) for name in ("lt", "le", "gt", "ge", "eq", "ne")}
LONG = {"lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal", "ne": "not_equal"}  # numpy's, too
for _name, _compared in COMPARISONS.items():
    rule(getattr(torch, _name), getattr(Tensor, _name), getattr(Tensor, f"__{_name}__"))(_compared)
    if _name in LONG:
        rule(getattr(torch, LONG[_name]), getattr(Tensor, LONG[_name]))(_compared)


def _chosen(condition: Tensor, a: Part, b: Part) -> Chosen:
    """a where the condition (n, ...) holds, else b, in every channel; one of the two is a jet."""
    jet: Any = next(part for part in (a, b) if not isinstance(part, (Tensor, int, float)))
    pair = [jet.constant(part) if isinstance(part, (Tensor, int, float)) else part for part in (a, b)]
    ndim = max(condition.ndim, *(part.ndim for part in pair))
    x, y = (part.coefficients.reshape(-1, *[1] * (ndim - part.ndim), *part.shape) for part in pair)
    return jet.with_coefficients(torch.where(condition, x, y))


@rule(torch.where)
def _where(condition: Tensor, a: Part, b: Part) -> Chosen:
    if not isinstance(condition, Tensor):  # the method of a jet, a.where(condition, b)
        condition, a = a, condition
    return _chosen(condition, a, b)


@rule(Tensor.where)
def _where_method(a: Part, condition: Tensor, b: Part) -> Chosen:
    return _chosen(condition, a, b)


def _larger(sign: float) -> Callable[[Part, Part], Chosen]:
    """The larger of two (sign 1) or the smaller (-1), half of each where they are equal, as torch's derivatives are."""

    def larger(a: Any, b: Any) -> Chosen:
        above = torch.as_tensor(sign * (_value(a) - _value(b)))
        return _chosen(above == 0, (a + b) * 0.5, _chosen(above > 0, a, b))

    return larger


rule(torch.maximum, Tensor.maximum)(_larger(1.0))
rule(torch.minimum, Tensor.minimum)(_larger(-1.0))


@rule(torch.clamp, Tensor.clamp, torch.clip, Tensor.clip)
def _clamp(x: Any, min: Part | None = None, max: Part | None = None) -> Chosen:
    if min is not None:
        x = _chosen(COMPARISONS["lt"](x, min), min, x)
    if max is not None:
        x = _chosen(COMPARISONS["gt"](x, max), max, x)
    return x


@rule(torch.clamp_min, Tensor.clamp_min)
def _clamp_min(x: Any, min: Part) -> Chosen:
    return _clamp(x, min)


@rule(torch.clamp_max, Tensor.clamp_max)
def _clamp_max(x: Any, max: Part) -> Chosen:
    return _clamp(x, None, max)


def _make_constant(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Of a function whose pieces are constant: its values, a plain tensor."""

    def constant(jet: Chosen) -> Tensor:
        return function(jet.value)

    return constant


for _name in ("sign", "sgn", "floor", "ceil", "round", "trunc"):
    rule(getattr(torch, _name), getattr(Tensor, _name))(_make_constant(getattr(torch, _name)))
