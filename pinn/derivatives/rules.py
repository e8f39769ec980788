"""The registry of jet rules, and the rules that only move entries about, channel by channel."""

from collections.abc import Callable
from typing import Any

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


# A jet below is anything with coefficients (c, n, ...), channels and with_coefficients: see pinn.derivatives.jets.


@rule(torch.sum, torch.Tensor.sum)
def _sum(jet: Any, dim: Any = None, keepdim: bool = False) -> Any:
    return jet.with_coefficients(jet.coefficients.sum(_axes(jet, dim), keepdim=keepdim))


@rule(torch.mean, torch.Tensor.mean)
def _mean(jet: Any, dim: Any = None, keepdim: bool = False) -> Any:
    return jet.with_coefficients(jet.coefficients.mean(_axes(jet, dim), keepdim=keepdim))


def _axes(jet: Any, dim: Any) -> tuple[int, ...]:
    if dim is None:
        return tuple(range(1, jet.ndim + 1))
    dims = dim if isinstance(dim, (tuple, list)) else (dim,)
    return tuple(k % jet.ndim + 1 for k in dims)


@rule(torch.reshape, torch.Tensor.reshape, torch.Tensor.view)
def _reshape(jet: Any, *shape: Any) -> Any:
    sizes = shape[0] if len(shape) == 1 and not isinstance(shape[0], int) else shape
    return jet.with_coefficients(jet.coefficients.reshape(len(jet.channels), *sizes))


@rule(torch.unsqueeze, torch.Tensor.unsqueeze)
def _unsqueeze(jet: Any, dim: int) -> Any:
    return jet.with_coefficients(jet.coefficients.unsqueeze(dim + 1 if dim >= 0 else dim))


@rule(torch.squeeze, torch.Tensor.squeeze)
def _squeeze(jet: Any, dim: int) -> Any:
    return jet.with_coefficients(jet.coefficients.squeeze(dim % jet.ndim + 1))


@rule(torch.flatten, torch.Tensor.flatten)
def _flatten(jet: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    return jet.with_coefficients(jet.coefficients.flatten(start_dim % jet.ndim + 1, end_dim % jet.ndim + 1))


@rule(torch.unbind, torch.Tensor.unbind)
def _unbind(jet: Any, dim: int = 0) -> tuple[Any, ...]:
    parts = jet.coefficients.unbind(dim % jet.ndim + 1)
    return tuple(jet.with_coefficients(part) for part in parts)


@rule(torch.zeros_like)
def _zeros_like(jet: Any, **kwargs: Any) -> Tensor:
    return torch.zeros_like(jet.value, **kwargs)


@rule(torch.ones_like)
def _ones_like(jet: Any, **kwargs: Any) -> Tensor:
    return torch.ones_like(jet.value, **kwargs)
