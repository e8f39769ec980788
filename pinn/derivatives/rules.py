"""The registry of jet rules, and the rules that only move entries about, channel by channel."""

from collections.abc import Callable, Sequence, Sized
from typing import Any, Protocol, Self, TypeVar

import torch
from torch import Tensor

RULES: dict[Callable, Callable] = {}


class NoJetRule(NotImplementedError):
    """An operation that Taylor mode does not know; `derivatives=auto` falls back to reverse mode."""


def rule(*functions: Callable) -> Callable:
    """Register the decorated function as the jet rule of the given torch functions."""

    def register(implementation: Callable) -> Callable:
        RULES.update(dict.fromkeys(functions, implementation))
        return implementation

    return register


class Stacked(Protocol):
    """What the rules below need of a jet: coefficients (c, n, ...), with as many channels c, of `ndim` logical axes."""

    channels: Sized
    coefficients: Tensor

    @property
    def ndim(self) -> int: ...

    def with_coefficients(self, coefficients: Tensor) -> Self: ...


J = TypeVar("J", bound=Stacked)
Axes = int | Sequence[int] | None


@rule(torch.sum, torch.Tensor.sum)
def _sum(jet: J, dim: Axes = None, keepdim: bool = False) -> J:
    return jet.with_coefficients(jet.coefficients.sum(_axes(jet, dim), keepdim=keepdim))


@rule(torch.mean, torch.Tensor.mean)
def _mean(jet: J, dim: Axes = None, keepdim: bool = False) -> J:
    return jet.with_coefficients(jet.coefficients.mean(_axes(jet, dim), keepdim=keepdim))


def _axes(jet: Stacked, dim: Axes) -> tuple[int, ...]:
    if dim is None:
        return tuple(range(1, jet.ndim + 1))
    dims = (dim,) if isinstance(dim, int) else dim
    return tuple(k % jet.ndim + 1 for k in dims)


@rule(torch.reshape, torch.Tensor.reshape, torch.Tensor.view)
def _reshape(jet: J, *shape: Any) -> J:
    sizes = shape[0] if len(shape) == 1 and not isinstance(shape[0], int) else shape
    return jet.with_coefficients(jet.coefficients.reshape(len(jet.channels), *sizes))


@rule(torch.unsqueeze, torch.Tensor.unsqueeze)
def _unsqueeze(jet: J, dim: int) -> J:
    return jet.with_coefficients(jet.coefficients.unsqueeze(dim + 1 if dim >= 0 else dim))


@rule(torch.squeeze, torch.Tensor.squeeze)
def _squeeze(jet: J, dim: int) -> J:
    return jet.with_coefficients(jet.coefficients.squeeze(dim % jet.ndim + 1))


@rule(torch.flatten, torch.Tensor.flatten)
def _flatten(jet: J, start_dim: int = 0, end_dim: int = -1) -> J:
    return jet.with_coefficients(jet.coefficients.flatten(start_dim % jet.ndim + 1, end_dim % jet.ndim + 1))


@rule(torch.unbind, torch.Tensor.unbind)
def _unbind(jet: J, dim: int = 0) -> tuple[J, ...]:
    parts = jet.coefficients.unbind(dim % jet.ndim + 1)
    return tuple(jet.with_coefficients(part) for part in parts)


@rule(torch.zeros_like)
def _zeros_like(jet: Stacked, **kwargs: Any) -> Tensor:
    return torch.zeros_like(jet.coefficients[0], **kwargs)


@rule(torch.ones_like)
def _ones_like(jet: Stacked, **kwargs: Any) -> Tensor:
    return torch.ones_like(jet.coefficients[0], **kwargs)
