"""The chain rule on stacked channels, s(z) for z (c, n, ...), with a hand-made backward pass.

An elementwise function of jets is bound by memory traffic: plain operations under autograd make one pass over memory
an operation and as many again backwards. Here both directions write into one output each.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from pinn.derivatives.channels import Channels
from pinn.derivatives.elementary import Derivatives

Term = tuple[int, float, tuple[int, ...]]  # (k, coefficient, factors): coefficient s^(k) times those channels of z


def compose(z: Tensor, channels: Channels, derivatives: Derivatives) -> Tensor:
    """s(z) in every channel, by operations that any transform of torch.func can see through."""
    s = derivatives(z[0], channels.order)
    if len(channels) == 1:
        return s[0].unsqueeze(0)
    linear = s[1] * z[1:]
    if channels.order == 1:
        return torch.cat([s[0].unsqueeze(0), linear])
    rest = []
    for c, terms in enumerate(channels.composition[1:]):
        total = linear[c]
        for k, coefficient, factors in terms:
            if k > 1:
                total = total + _product(s[k], coefficient, [z[i] for i in factors])
        rest.append(total)
    return torch.stack([s[0], *rest])


def _product(scale: Tensor, coefficient: float, factors: list[Tensor]) -> Tensor:
    product = scale * factors[0] if coefficient == 1.0 else (coefficient * scale) * factors[0]
    for factor in factors[1:]:
        product = product * factor
    return product


class FusedComposition(torch.autograd.Function):
    """`compose`, for one reverse pass that is not differentiated again."""

    @staticmethod
    def forward(ctx: Any, z: Tensor, channels: Channels, derivatives: Derivatives) -> Tensor:
        needs_backward = ctx.needs_input_grad[0]
        s = derivatives(z[0], channels.order + needs_backward)
        out = torch.empty_like(z)
        out[0] = s[0]
        if len(channels) > 1:
            torch.mul(s[1], z[1:], out=out[1:])
        for c, terms in _nonlinear(channels):
            for k, coefficient, factors in terms:
                _add_product(out[c], coefficient, s[k], [z[i] for i in factors])
        if needs_backward:
            ctx.channels = channels
            ctx.save_for_backward(z, *s[1:])
        return out

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, None, None]:
        z, *s = ctx.saved_tensors
        s = [None, *s]
        channels: Channels = ctx.channels
        gz = s[1] * g
        if len(channels) > 1:
            gz[0] += s[2] * (g[1:] * z[1:]).sum(0)
        for c, terms in _nonlinear(channels):
            for k, coefficient, factors in terms:
                weighted = g[c] if coefficient == 1.0 else coefficient * g[c]
                scaled = s[k] * weighted
                for position, i in enumerate(factors):
                    _add_product(gz[i], 1.0, scaled, [z[j] for p, j in enumerate(factors) if p != position])
                _add_product(gz[0], 1.0, s[k + 1] * weighted, [z[i] for i in factors])
        return gz, None, None


def _nonlinear(channels: Channels) -> list[tuple[int, list[Term]]]:
    """The terms with two factors or more, by channel."""
    found = []
    for c, terms in enumerate(channels.composition):
        products = [term for term in terms if term[0] > 1]
        if products:
            found.append((c, products))
    return found


def _add_product(out: Tensor, coefficient: float, scale: Tensor, factors: list[Tensor]) -> None:
    """out += coefficient scale f_1 f_2 ..., the last product fused into the sum."""
    *head, last = factors
    for factor in head:
        scale = scale * factor
    out.addcmul_(scale, last, value=coefficient)


Compose = Callable[[Tensor, Channels, Derivatives], Tensor]


def compose_fused(z: Tensor, channels: Channels, derivatives: Derivatives) -> Tensor:
    """`compose` by `FusedComposition`."""
    return FusedComposition.apply(z, channels, derivatives)
