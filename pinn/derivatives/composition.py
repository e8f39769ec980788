"""The chain rule on stacked channels, s(z) for z (c, n, ...), with a hand-made backward pass.

An elementwise function of jets is bound by memory traffic: plain operations under autograd make one pass over memory
an operation and as many again backwards. Here both directions write into one output each.
"""

from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from pinn.derivatives.channels import Channels
from pinn.derivatives.elementary import Derivatives

BLOCK_BYTES = 2**17  # of one channel: with some ten of them at work a block stays in a core's second-level cache
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
    """`compose`, for one reverse pass that is not differentiated again.

    Works through the points in blocks that fit the cache, and computes the derivatives of s anew on the way back:
    that costs less than writing them to memory and reading them again.
    """

    @staticmethod
    def forward(ctx: Any, z: Tensor, channels: Channels, derivatives: Derivatives) -> Tensor:
        ctx.channels, ctx.derivatives = channels, derivatives
        ctx.save_for_backward(z)
        out = torch.empty_like(z)
        for rows in _blocks(z):
            _forward(z[:, rows], out[:, rows], channels, derivatives)
        return out

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, None, None]:
        (z,) = ctx.saved_tensors
        gz = torch.empty_like(z)
        for rows in _blocks(z):
            _backward(z[:, rows], g[:, rows], gz[:, rows], ctx.channels, ctx.derivatives)
        return gz, None, None


def _blocks(z: Tensor) -> list[slice]:
    """Slices of the points of z (c, n, ...), each about `BLOCK_BYTES` a channel; one on a GPU."""
    n = z.shape[1] if z.ndim > 1 else 1
    row = z[0].numel() // max(n, 1) * z.element_size()
    size = n if z.is_cuda else max(1, BLOCK_BYTES // max(row, 1))
    return [slice(start, start + size) for start in range(0, n, size)]


def _forward(z: Tensor, out: Tensor, channels: Channels, derivatives: Derivatives) -> None:
    s = derivatives(z[0], channels.order)
    out[0] = s[0]
    if len(channels) > 1:
        torch.mul(s[1], z[1:], out=out[1:])
    for c, terms in _nonlinear(channels):
        for k, coefficient, factors in terms:
            _add_product(out[c], coefficient, s[k], [z[i] for i in factors])


def _backward(z: Tensor, g: Tensor, gz: Tensor, channels: Channels, derivatives: Derivatives) -> None:
    s = derivatives(z[0], channels.order + 1)
    torch.mul(s[1], g, out=gz)
    if len(channels) > 1:
        gz[0].addcmul_(s[2], (g[1:] * z[1:]).sum(0))
    for c, terms in _nonlinear(channels):
        for k, coefficient, factors in terms:
            scaled = s[k] * g[c]
            for i in dict.fromkeys(factors):  # a repeated factor counts as often as it occurs
                rest = list(factors)
                rest.remove(i)
                _add_product(gz[i], coefficient * factors.count(i), scaled, [z[j] for j in rest])
            _add_product(gz[0], coefficient, s[k + 1] * g[c], [z[i] for i in factors])


@lru_cache(maxsize=256)
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


def compose_fused(z: Tensor, channels: Channels, derivatives: Derivatives) -> Tensor:
    """`compose` by `FusedComposition`."""
    return FusedComposition.apply(z, channels, derivatives)
