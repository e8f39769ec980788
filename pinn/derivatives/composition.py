"""The chain rule on stacked channels, s(z) and W z for z (c, n, ...), and its reverse pass.

An elementwise function of jets is bound by memory traffic: plain operations under autograd make one pass over memory
an operation and as many again backwards. Here each direction is one function of tensors, which runs either through
blocks of points that stay in the cache, or compiled into one loop.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
import torch.fx
import torch.nn.functional as F
from torch import Tensor

from pinn.derivatives.channels import Channels
from pinn.derivatives.elementary import Derivatives

BLOCK_BYTES = 2**17  # of one channel: with some ten of them at work a block stays in a core's second-level cache
Term = tuple[int, float, tuple[int, ...]]  # (k, coefficient, factors): coefficient s^(k) times those channels of z


@dataclass(frozen=True)
class Composition:
    """s(z) channel by channel, and the cotangents of z from those of s(z).

    derivatives: s and its derivatives. order: highest order of derivative carried. terms: for each channel those with
    two factors or more; each channel c > 0 has s'(z_0) z_c besides.
    """

    derivatives: Derivatives
    order: int
    terms: tuple[tuple[Term, ...], ...]

    def forward(self, z: Tensor) -> Tensor:
        """s(z) (c, n, ...) of z (c, n, ...)."""
        s = self.derivatives(z[0], self.order)
        channels = [s[0]]
        for c in range(1, len(self.terms)):
            total = s[1] * z[c]
            for k, coefficient, (*head, last) in self.terms[c]:
                total = torch.addcmul(total, _product(s[k], z, head), z[last], value=coefficient)
            channels.append(total)
        return torch.stack(channels)

    def backward(self, z: Tensor, g: Tensor) -> Tensor:
        """The cotangent of z from g, that of s(z), all (c, n, ...); the derivatives of s are computed anew.

        That costs less than writing them to memory on the way forwards and reading them again.
        """
        s = self.derivatives(z[0], self.order + 1)
        cotangents = [s[1] * g[c] for c in range(len(self.terms))]
        for c in range(1, len(self.terms)):
            cotangents[0] = torch.addcmul(cotangents[0], s[2] * g[c], z[c])
            for k, coefficient, factors in self.terms[c]:
                scaled = s[k] * g[c]
                for i in dict.fromkeys(factors):  # a repeated factor counts as often as it occurs
                    *head, last = _without(factors, i)
                    weight = coefficient * factors.count(i)
                    cotangents[i] = torch.addcmul(cotangents[i], _product(scaled, z, head), z[last], value=weight)
                *head, last = factors
                cotangents[0] = torch.addcmul(
                    cotangents[0], _product(s[k + 1] * g[c], z, head), z[last], value=coefficient
                )
        return torch.stack(cotangents)


def _product(scale: Tensor, z: Tensor, factors: list[int]) -> Tensor:
    for i in factors:
        scale = scale * z[i]
    return scale


def _without(factors: tuple[int, ...], i: int) -> list[int]:
    rest = list(factors)
    rest.remove(i)
    return rest


@lru_cache(maxsize=256)
def composition(channels: Channels, derivatives: Derivatives) -> Composition:
    """The composition with an elementary function on a set of channels."""
    terms = tuple(tuple(term for term in rules if term[0] > 1) for rules in channels.composition)
    return Composition(derivatives, channels.order, terms)


def compose(z: Tensor, channels: Channels, derivatives: Derivatives) -> Tensor:
    """s(z) in every channel, by operations that any transform of torch.func can see through."""
    return composition(channels, derivatives).forward(z)


Kernel = tuple[Callable[[Tensor], Tensor], Callable[[Tensor, Tensor], Tensor]]  # forward and backward


@lru_cache(maxsize=256)
def blocked(channels: Channels, derivatives: Derivatives) -> Kernel:
    """Both directions by plain operations, through blocks of points that stay in the cache."""
    rule = composition(channels, derivatives)
    return _in_blocks(rule.forward), _in_blocks(rule.backward)


def _in_blocks(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def through_blocks(*tensors: Tensor) -> Tensor:
        out = torch.empty_like(tensors[0])
        for rows in slices(out[0], BLOCK_BYTES):
            out[:, rows] = function(*(tensor[:, rows] for tensor in tensors))
        return out

    return through_blocks


def slices(rows: Tensor, size_in_bytes: int) -> list[slice]:
    """Slices of the rows (n, ...), each of about that size, to stay in the cache; one on a GPU."""
    n = len(rows)
    row = rows.numel() // max(n, 1) * rows.element_size()
    size = n if rows.is_cuda else max(1, size_in_bytes // max(row, 1))
    return [slice(start, start + size) for start in range(0, n, size)]


@lru_cache(maxsize=256)
def compiled(channels: Channels, derivatives: Derivatives) -> Kernel:
    """Both directions by torch.compile, each one loop over memory; compiled at the first use, in seconds."""
    rule = composition(channels, derivatives)
    return _compile(lambda z: rule.forward(z)), _compile(lambda z, g: rule.backward(z, g))


def _compile(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    # Traced first: the compiler then sees one flat graph, and no limit on the variants of one piece of code applies.
    return torch.compile(torch.fx.symbolic_trace(function), dynamic=True, fullgraph=True)


class FusedComposition(torch.autograd.Function):
    """`compose` by a kernel, for one reverse pass that is not differentiated again."""

    @staticmethod
    def forward(ctx: Any, z: Tensor, kernel: Kernel) -> Tensor:
        ctx.kernel = kernel
        ctx.save_for_backward(z)
        return kernel[0](z.detach())

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, None]:
        (z,) = ctx.saved_tensors
        return ctx.kernel[1](z.detach(), g), None


def linear_coefficients(a: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """W a, plus the bias in the value's channel: (c, n, in) -> (c, n, out)."""
    z = a @ weight.mT  # F.linear takes a path several times slower for three axes without a bias
    if bias is None:
        return z
    if len(a) == 1:
        return z + bias
    padded = F.pad(bias.reshape(1, -1), (0, 0, 0, len(a) - 1))
    return z + padded.reshape(len(a), *[1] * (z.ndim - 2), -1)


class FusedLinear(torch.autograd.Function):
    """`linear_coefficients`, the bias added in place, for one reverse pass that is not differentiated again."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(a, weight)
        z = a @ weight.mT  # F.linear takes a path several times slower for three axes without a bias
        if bias is not None:
            z[0] += bias
        return z

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        a, weight = ctx.saved_tensors
        needs_a, needs_weight, needs_bias = ctx.needs_input_grad
        return (
            g @ weight if needs_a else None,
            g.flatten(0, -2).mT @ a.flatten(0, -2) if needs_weight else None,
            g[0].flatten(0, -2).sum(0) if needs_bias else None,
        )


class Pass:
    """How jets are propagated where one reverse pass follows: elementwise functions with a hand-made backward.

    kernels: `blocked` or `compiled`, what makes the elementwise functions of the hidden layers.
    """

    def __init__(self, kernels: Callable[[Channels, Derivatives], Kernel] = blocked) -> None:
        self.kernels = kernels

    def compose(self, z: Tensor, channels: Channels, derivatives: Derivatives) -> Tensor:
        """s(z), z (c, n, ...); columns of few numbers a point and values alone are not worth compiling."""
        kernels = self.kernels if z.ndim > 2 and len(channels) > 1 else blocked
        return FusedComposition.apply(z, kernels(channels, derivatives))

    def linear(self, a: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """W a, plus the bias in the value's channel: (c, n, in) -> (c, n, out)."""
        return FusedLinear.apply(a, weight, bias)

    def elsewhere(self, count: int) -> "Pass":
        """The pass over `count` places for each point, on which the points' rows depend, too."""
        return self

    def spread(self, parameter: Tensor, ndim: int) -> Tensor:
        """A parameter that meets a jet of `ndim` logical axes."""
        return parameter
