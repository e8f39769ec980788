"""Residuals at fixed points: the least-squares problem that an optimizer minimizes."""

import copy
from collections.abc import Iterator, Mapping
from functools import cached_property
from hashlib import blake2b
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.func import jacrev, jvp, vjp, vmap

from pinn.basis.logs import logger
from pinn.derivatives.jets import NoJetRule
from pinn.derivatives.tape import Pass, Tape, assemble
from pinn.linear_algebra.symmetric import gram
from pinn.residuals.blocks import Block, RegionBlocks, weights_of
from pinn.residuals.recording import Evaluation
from pinn.sampling.points import Points, PointSet

if TYPE_CHECKING:
    from pinn.residuals.residuals import Residuals

JACOBIAN_BYTES = 2**29  # automatic chunks keep one piece of J below 512 MiB


def unflatten(theta: Tensor, shapes: Mapping[str, torch.Size]) -> dict[str, Tensor]:
    """The tensors of these shapes, by name, as views of their concatenation theta."""
    pieces = theta.split([shape.numel() for shape in shapes.values()])
    return {name: piece.view(shape) for (name, shape), piece in zip(shapes.items(), pieces, strict=True)}


class BoundResiduals:
    """Residuals at fixed points: a least-squares problem in theta (p,). All rows carry their scale.

    Where a team shares the rows, r and J are of this process's rows; losses, gradients and J^T w are of all.
    held: parameters that keep their values, by name; theta then holds the others only.
    """

    def __init__(self, residuals: "Residuals", points: PointSet, held: Mapping[str, Tensor] | None = None) -> None:
        self.residuals = residuals
        self.points = points
        self.own = residuals.share(points)
        self.team = residuals.team
        self.held = dict(held or {})
        self.shapes = {name: shape for name, shape in residuals.shapes.items() if name not in self.held}

    @cached_property
    def identity(self) -> int:
        """A number made from the points, weights and held parameters: where it is equal, so is r(theta)."""
        digest = blake2b(repr(sorted(self.residuals.weights.items())).encode(), digest_size=8)
        named = {**self.held}
        for label, points in self.points.items():
            named |= {f"{label}/{name}": values for name, values in points.tensors().items()}
        for name, values in named.items():
            digest.update(name.encode())
            digest.update(values.detach().contiguous().cpu().numpy().data)
        return int.from_bytes(digest.digest()) >> 1  # a signed integer of 64 bits

    def __len__(self) -> int:
        """The number of rows N, all processes' together."""
        return sum(len(self.points[label]) * len(g.blocks) for label, g in self.residuals.regions.items())

    @property
    def rows(self) -> int:
        """The number of this process's rows."""
        return sum(len(self.own[label]) * len(group.blocks) for label, group in self._regions())

    def _regions(self) -> Iterator[tuple[str, RegionBlocks]]:
        """The regions in which this process has rows."""
        return ((label, group) for label, group in self.residuals.regions.items() if label in self.own)

    def _parameters(self, theta: Tensor) -> dict[str, Tensor]:
        """All parameters by name."""
        return unflatten(theta, self.shapes) | self.held

    def last_layer(self, theta: Tensor) -> "tuple[Tensor, BoundResiduals] | None":
        """Which entries of theta (p,) are the last linear layer's and the unknowns, and the problem in them alone.

        Returns indices (q,) and the least-squares problem in theta[indices], the other parameters held at theta;
        None where the network does not say which parameters its outputs are affine in.
        """
        names = self.residuals.trial.linear_parameters
        if names is None:
            return None
        position = unflatten(torch.arange(len(theta), device=theta.device), self.shapes)
        indices = torch.cat([where.reshape(-1) for name, where in position.items() if name in names])
        held = {name: values for name, values in self._parameters(theta.detach()).items() if name not in names}
        return indices, BoundResiduals(self.residuals, self.points, held)

    def _scale(self, block: Block, points: Points, n: int) -> Tensor:
        """The factors of a block's rows at some of the region's n points: (len(points),) or (1,)."""
        return (weights_of(points) * (self.residuals.weights[block.name] / n)).sqrt()

    def own_tensors(self) -> list[Tensor]:
        """All that this process's rows are computed from beside theta."""
        of_points = [values for points in self.own.values() for values in points.tensors().values()]
        return [*of_points, *self.held.values()]

    def signature(self, theta: Tensor) -> tuple:
        """What two problems have in common that differ in nothing but the values of points and theta."""
        counts = {label: len(points) for label, points in self.points.items()}
        shapes = {
            label: {name: values.shape for name, values in points.tensors().items()}
            for label, points in self.own.items()
        }
        held = {name: values.shape for name, values in self.held.items()}
        return theta.shape, theta.dtype, theta.device, counts, shapes, held, dict(self.residuals.weights)

    def copied(self) -> "BoundResiduals":
        """The same problem at points, and with held parameters, of its own memory."""
        found = copy.copy(self)
        found.held = {name: values.clone() for name, values in self.held.items()}
        found.own = {label: points.copied() for label, points in self.own.items()}
        return found

    def _evaluated(self, function: Evaluation, theta: Tensor) -> tuple[Tensor, ...]:
        """function(self, theta), which waits for nothing: from its recording, where the residuals have a recorder."""
        recorder = self.residuals.recorder
        return function(self, theta) if recorder is None else recorder(function, self, theta)

    def residual(self, theta: Tensor) -> Tensor:
        """r (N,), region by region, block by block."""
        if torch.is_grad_enabled():
            return self._residual(theta)
        return self._evaluated(BoundResiduals._own_residual, theta)[0]

    def _own_residual(self, theta: Tensor) -> tuple[Tensor]:
        return (self._residual(theta),)

    def _residual(self, theta: Tensor) -> Tensor:
        parameters = self._parameters(theta)
        rows = []
        for label, group in self._regions():
            points, n = self.own[label], len(self.points[label])
            values = self.residuals.region_values(group, points, parameters)
            rows += [self._scale(b, points, n) * v for b, v in zip(group.blocks, values, strict=True)]
        return torch.cat(rows)

    def loss(self, theta: Tensor) -> float:
        """||r||^2."""
        (loss,) = self.team.summed(*self._evaluated(BoundResiduals._own_loss, theta))
        return float(loss)

    def _own_loss(self, theta: Tensor) -> tuple[Tensor]:
        with torch.no_grad():
            return (sum(self._losses(self._parameters(theta)), start=theta.new_zeros(())),)

    def loss_and_gradient(self, theta: Tensor) -> tuple[float, Tensor]:
        """||r||^2 and its gradient 2 J^T r (p,)."""
        loss, gradient = self.team.summed(*self._evaluated(BoundResiduals._own_loss_and_gradient, theta))
        return float(loss), gradient

    def _own_loss_and_gradient(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        theta = theta.detach().requires_grad_()
        loss, gradient = theta.new_zeros(()), torch.zeros_like(theta)
        for part in self._losses(self._parameters(theta)):
            gradient += torch.autograd.grad(part, theta)[0]
            loss = loss + part.detach()
        return loss, gradient

    def _losses(self, parameters: dict[str, Tensor]) -> Iterator[Tensor]:
        """||r||^2 as a sum over chunks of points whose channels stay in the cache; one a region where rows couple."""
        for label, group in self._regions():
            points, n = self.own[label], len(self.points[label])
            size = len(points)
            if not self.residuals.is_coupled(label, parameters, points):
                size = self.residuals.cached_points(group)
            for start in range(0, len(points), size):
                chunk = points[slice(start, start + size)] if size < len(points) else points
                values = self.residuals.region_values(group, chunk, parameters, Pass(self.residuals.kernels))
                rows = [self._scale(b, chunk, n) * v for b, v in zip(group.blocks, values, strict=True)]
                yield torch.cat(rows).square().sum()

    def jvp(self, theta: Tensor, v: Tensor) -> Tensor:
        """J v (N,) for v (p,), without J."""
        return jvp(self._residual, (theta,), (v,))[1]

    def vjp(self, theta: Tensor, w: Tensor) -> Tensor:
        """J^T w (p,) for w (N,), without J."""
        return self.team.summed(vjp(self._residual, theta)[1](w)[0])[0]

    def jacobian(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        """r (N,) and J = dr/dtheta (N, p), rows in the order of `residual`.

        J lies in memory of the Residuals that the next call writes again; clone it to keep it.
        """
        r, j = self._evaluated(BoundResiduals._own_jacobian, theta)
        return r, j

    def _own_jacobian(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        r, j = theta.new_empty(self.rows), self.residuals.workspace(theta, self.rows)
        end = 0
        for label, group in self._regions():
            k, n = len(group.blocks), len(self.own[label])
            rows = slice(end, end + k * n)
            self._fill(theta, label, r[rows].view(k, n), j[rows].view(k, n, -1))
            end += k * n
        return r, j

    def _fill(self, theta: Tensor, label: str, r: Tensor, j: Tensor) -> None:
        """Write a region's rows into r (k, n) and j (k, n, p), chunk by chunk."""
        size = self._chunk_size(len(r))
        for start in range(0, r.shape[1], size):
            chunk = slice(start, start + size)
            self._rows(theta, label, chunk, r[:, chunk], j[:, chunk])

    def pieces(self, theta: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """All rows chunk by chunk: their indices (m,), r (m,) and J (m, p), which the next chunk overwrites."""
        end = 0
        for label, group in self._regions():
            k, n = len(group.blocks), len(self.own[label])
            indices = torch.arange(end, end + k * n, device=theta.device).view(k, n)
            size = min(self._chunk_size(k), n)
            held_r, held_j = theta.new_empty(k * size), theta.new_empty(k * size, len(theta))
            for start in range(0, n, size):
                count = min(size, n - start)
                chunk, r, j = slice(start, start + count), held_r[: k * count], held_j[: k * count]
                self._rows(theta, label, chunk, r.view(k, count), j.view(k, count, -1))
                yield indices[:, chunk].reshape(-1), r, j
            end += k * n

    def normal_equations(self, theta: Tensor) -> tuple[Tensor, Tensor, float]:
        """J^T J (p, p), J^T r (p,) and ||r||^2, summed chunk by chunk: J is never held whole."""
        product, right, loss = self.team.summed(*self._evaluated(BoundResiduals._own_normal_equations, theta))
        return product, right, float(loss)

    def _own_normal_equations(self, theta: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        product, right = theta.new_zeros(len(theta), len(theta)), torch.zeros_like(theta)
        loss = theta.new_zeros(())
        for _, r, j in self.pieces(theta):
            product += gram(j)
            right += j.mT @ r
            loss += r.square().sum()
        return product, right, loss

    def _chunk_size(self, blocks: int) -> int:
        if self.residuals.chunk is not None:
            return self.residuals.chunk
        p = sum(shape.numel() for shape in self.shapes.values())
        return max(64, JACOBIAN_BYTES // (8 * p * blocks))

    def _rows(self, theta: Tensor, label: str, chunk: slice, r: Tensor, j: Tensor) -> None:
        """Write r (k, chunk) and J (k, chunk, p) of the region's k blocks at some of its points."""
        group, points = self.residuals.regions[label], self.own[label]
        scales = [self._scale(block, points[chunk], len(self.points[label])) for block in group.blocks]
        theta = theta.detach()
        if self.residuals.is_coupled(label, self._parameters(theta), points):
            return self._coupled(theta, group, points, chunk, scales, r, j)
        if self.residuals.jacobian_engine == "captured" and self.residuals.trial.derivatives == "taylor":
            try:
                return self._captured(theta, group, points[chunk], scales, r, j)
            except NoJetRule as missing:
                logger.info("parameter Jacobian: reference path, because %s", missing)
                self.residuals.jacobian_engine = "reference"
        return self._reference(theta, group, points[chunk], scales, r, j)

    def _captured(
        self, theta: Tensor, group: RegionBlocks, points: Points, scales: list[Tensor], r: Tensor, j: Tensor
    ) -> None:
        leaves = {k: v.detach().requires_grad_() for k, v in unflatten(theta, self.shapes).items()}
        tape = Tape(len(points.x), points.per_row, self.residuals.kernels)
        values = self.residuals.region_values(group, points, leaves | self.held, tape)
        for k, (value, scale) in enumerate(zip(values, scales, strict=True)):
            assemble(tape.columns(value, scale), leaves, j[k])
            torch.mul(value.detach(), scale, out=r[k])

    def _coupled(
        self,
        theta: Tensor,
        group: RegionBlocks,
        points: Points,
        chunk: slice,
        scales: list[Tensor],
        r: Tensor,
        j: Tensor,
    ) -> None:
        """Rows that depend on all the points: one vector-Jacobian product each, over the whole region."""
        leaf = theta.clone().requires_grad_()
        parameters = self._parameters(leaf)
        values = self.residuals.region_values(group, points, parameters, Pass(self.residuals.kernels))
        for k, (value, scale) in enumerate(zip(values, scales, strict=True)):
            rows = scale * value[chunk]
            r[k] = rows.detach()
            for row in range(r.shape[1]):
                (j[k, row],) = torch.autograd.grad(rows[row], leaf, retain_graph=True)

    def _reference(
        self, theta: Tensor, group: RegionBlocks, points: Points, scales: list[Tensor], r: Tensor, j: Tensor
    ) -> None:
        def at_row(theta: Tensor, row: dict[str, Tensor], scales: Tensor) -> tuple[Tensor, Tensor]:
            columns = {name: row[name] for name in points.columns}
            point = Points(row["x"], row.get("normal"), points.per_row, columns=columns)
            values = self.residuals.region_values(group, point, self._parameters(theta))
            found = scales * torch.stack([value[0] for value in values])
            return found, found

        # (per_row n, ...) -> (n, per_row, ...)
        by_row = {name: points.by_row(v).transpose(0, 1) for name, v in points.tensors().items() if name != "weight"}
        each = torch.stack([scale.expand(len(points)) for scale in scales], 1)  # (n, k)
        rows = vmap(jacrev(at_row, has_aux=True), (None, 0, 0))
        found_j, found_r = rows(theta, by_row, each)  # (n, k, p), (n, k)
        r.copy_(found_r.mT)
        j.copy_(found_j.transpose(0, 1))
