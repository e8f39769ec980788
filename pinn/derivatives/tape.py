"""The parameter Jacobian from one reverse pass per residual component.

Where a residual r_i depends on its own point only, one reverse pass of sum_i r_i gives every point's cotangents. At a
linear layer z = W a with channels c, dr_i/dW = sum_c G[c, i] (x) A[c, i] with A the layer's input and G the cotangent
of its output. A parameter that enters otherwise (a gate, a scale, an unknown of the problem) is spread into one copy a
point, whose gradient is its column. A weight computed from parameters (W = diag(e^s) V) is pulled back to them.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from pinn.derivatives.channels import Channels
from pinn.derivatives.composition import FusedLinear, Kernel, Pass, blocked, slices
from pinn.derivatives.elementary import Derivatives

PART_BYTES = 2**19  # of J's columns that are computed at once


@dataclass
class LinearCapture:
    """A use of a linear layer: input a (c, n, in), output z (c, n, out)."""

    weight: Tensor
    bias: Tensor | None
    a: Tensor
    z: Tensor


@dataclass
class SpreadCapture:
    """A use of a parameter outside linear layers: `copies` (n, ...) holds one copy a point."""

    parameter: Tensor
    copies: Tensor


@dataclass
class SeparateCapture:
    """A use of weights of products of functions of different coordinates: z (c, n, out) sums w_k times the k-th.

    f, g: channel -> values (n, p), (n, q), without those that are zero. places: (width,), where the k-th product is
    among all p q, g's functions running fastest. products: of each channel of z the (factor, i, j) of sum f_i g_j.
    """

    weight: Tensor
    f: dict[int, Tensor]
    g: dict[int, Tensor]
    places: Tensor
    products: Sequence[Sequence[tuple[float, int, int]]]
    z: Tensor

    def __post_init__(self) -> None:
        self._first, self._second = torch.stack(list(self.f.values()), 1), torch.stack(list(self.g.values()), 1)
        number_f, number_g = {i: k for k, i in enumerate(self.f)}, {j: k for k, j in enumerate(self.g)}
        self._rule = self._first.new_zeros(len(self.products), len(self.g), len(self.f))
        for channel, products in enumerate(self.products):
            for factor, i, j in products:
                if i in self.f and j in self.g:
                    self._rule[channel, number_g[j], number_f[i]] += factor

    def rows(self, cotangent: Tensor, rows: slice) -> Tensor:
        """dr/dw (k, out, width) for the cotangents (c, n, out) of z: sum_j (sum_i h_ij f_i) g_j by the product rule."""
        h = torch.einsum("cko,cji->koji", cotangent[:, rows], self._rule)  # (k, out, of g, of f)
        left = (h.flatten(1, 2) @ self._first[rows]).unflatten(1, h.shape[1:3]).mT.flatten(1, 2)  # (k, out p, of g)
        whole = (left @ self._second[rows]).unflatten(1, (h.shape[1], -1)).flatten(2)  # (k, out, p q)
        return whole.index_select(-1, self.places)


class Columns(NamedTuple):
    """What the rows of a residual component have in the columns of J for a tensor q on the tape.

    rows(s): those of a slice s of the n rows, of shape (k, *q.shape).
    """

    tensor: Tensor
    rows: Callable[[slice], Tensor]


class Tape(Pass):
    """What one forward pass over n points must remember.

    per_row: points of a residual row; row i of n / per_row uses the points i, i + n / per_row, ... .
    """

    def __init__(self, n: int, per_row: int = 1, kernels: Callable[[Channels, Derivatives], Kernel] = blocked) -> None:
        super().__init__(kernels)
        self.n = n
        self.per_row = per_row
        self.linears: list[LinearCapture] = []
        self.spreads: list[SpreadCapture] = []
        self.separate: list[SeparateCapture] = []
        self.others: list[Tape] = []  # of passes over other places of the same rows

    def elsewhere(self, count: int) -> "Tape":
        self.others.append(Tape(count * self.n, count * self.per_row, self.kernels))
        return self.others[-1]

    def linear(self, a: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """W a + b with a (c, n, in), remembered; a logical shape with more axes is flattened into rows of a point.

        A layer whose parameters are held, needing no gradient, is not remembered.
        """
        z = FusedLinear.apply(a, weight.detach(), None if bias is None else bias.detach())
        if not weight.requires_grad and (bias is None or not bias.requires_grad):
            return z
        if not z.requires_grad:
            z.requires_grad_()
        self.linears.append(LinearCapture(weight, bias, a.detach(), z))
        return z

    def products(self, capture: SeparateCapture) -> Tensor:
        """The sum of weighted products that a capture holds, remembered where its weights are not held."""
        if capture.weight.requires_grad:
            capture.z = capture.z.detach().requires_grad_()
            self.separate.append(capture)
        return capture.z

    def spread(self, parameter: Tensor, ndim: int) -> Tensor:
        """`parameter` as one copy a point, shaped to broadcast against a jet of `ndim` logical axes."""
        copies = parameter.detach().expand(self.n, *parameter.shape).clone().requires_grad_()
        self.spreads.append(SpreadCapture(parameter, copies))
        missing = ndim - 1 - parameter.ndim
        return copies.reshape(self.n, *[1] * missing, *parameter.shape)

    def columns(self, residual: Tensor, scale: Tensor | float) -> list[Columns]:
        """scale_i dr_i/dq for each tensor q on the tape.

        residual: one entry a row, from this tape's pass; its graph is kept for more components.
        """
        taps = [c.z for c in self.linears] + [c.copies for c in self.spreads] + [c.z for c in self.separate]
        seed = torch.as_tensor(scale, dtype=residual.dtype, device=residual.device).expand_as(residual)
        if not residual.requires_grad:
            return []
        cotangents = torch.autograd.grad(residual, taps, seed, retain_graph=True, allow_unused=True)
        columns: list[Columns] = []
        for capture, g in zip(self.linears, cotangents, strict=False):
            if g is not None:
                columns += self._linear_columns(capture, g)
        for spread, g in zip(self.spreads, cotangents[len(self.linears) :], strict=False):
            if g is not None:
                columns.append(Columns(spread.parameter, g.unflatten(0, (self.per_row, -1)).sum(0).__getitem__))
        for separate, g in zip(self.separate, cotangents[len(taps) - len(self.separate) :], strict=True):
            if g is not None:
                columns.append(self._separate_columns(separate, g))
        return columns + [column for other in self.others for column in other.columns(residual, scale)]

    def _separate_columns(self, capture: SeparateCapture, g: Tensor) -> Columns:
        n = self.n // self.per_row

        def rows(some: slice) -> Tensor:
            shifted = [slice(some.start + k * n, min(some.stop, n) + k * n) for k in range(self.per_row)]
            parts = [capture.rows(g, part) for part in shifted]
            return sum(parts[1:], start=parts[0])

        return Columns(capture.weight, rows)

    def _linear_columns(self, capture: LinearCapture, g: Tensor) -> list[Columns]:
        a, value, g = self._by_row(capture.a), self._by_row(g[:1]).sum(0), self._by_row(g)
        columns = []
        if capture.weight.requires_grad:
            left, right = g.permute(1, 2, 0), a.permute(1, 0, 2)  # (n, out, c), (n, c, in)
            columns.append(Columns(capture.weight, lambda rows: torch.bmm(left[rows], right[rows])))
        if capture.bias is not None and capture.bias.requires_grad:
            columns.append(Columns(capture.bias, value.__getitem__))
        return columns

    def _by_row(self, values: Tensor) -> Tensor:
        """(c, per_row n, ..., w) -> (c', n, w): what shares a row and a weight is summed in the end, like channels."""
        values = values.unflatten(1, (self.per_row, -1))  # (c, per_row, n, ..., w)
        inner = values.ndim - 4
        if inner > 0:
            values = values.permute(0, 1, *range(3, 3 + inner), 2, values.ndim - 1)
        return values.flatten(0, -3)


def assemble(columns: list[Columns], parameters: dict[str, Tensor], out: Tensor) -> None:
    """Sum the columns into `out` (n, p), parameters in their order; computed tensors are pulled back to parameters.

    parameters: the leaf tensors that the forward pass used, by name; their order is that of the columns of `out`.
    """
    leaves = list(parameters.values())
    blocks = dict(zip(map(id, leaves), out.split([leaf.numel() for leaf in leaves], 1), strict=True))
    written: set[int] = set()
    for leaf, rows in _of_leaves(columns, leaves):
        block = blocks[id(leaf)]
        for part in slices(block, PART_BYTES):
            values = rows(part).reshape(-1, leaf.numel())
            if id(leaf) in written:
                block[part] += values
            else:
                block[part] = values
        written.add(id(leaf))
    for key in blocks.keys() - written:
        blocks[key].zero_()


def _of_leaves(columns: list[Columns], leaves: list[Tensor]) -> Iterator[Columns]:
    """The columns by leaf; those of a computed tensor by a reverse pass from it, batched over the rows."""
    known = {id(leaf) for leaf in leaves}
    for column in columns:
        if id(column.tensor) in known:
            yield column
            continue
        rows = column.rows(slice(None))
        pulled = torch.autograd.grad(
            column.tensor, leaves, rows, retain_graph=True, allow_unused=True, is_grads_batched=True
        )
        for leaf, g in zip(leaves, pulled, strict=True):
            if g is not None:
                yield Columns(leaf, g.__getitem__)
