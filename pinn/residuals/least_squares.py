"""Residuals bound to points: the least-squares problem that an optimizer minimizes.

Every block is scaled by sqrt(weight / n), so that the loss is exactly ||r||^2, the weighted sum over the terms of the
mean square residual: first-order, quasi-Newton and Gauss-Newton methods see the same object.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from hashlib import blake2b
from typing import ClassVar

import torch
from torch import Tensor
from torch.func import jacrev, jvp, vjp, vmap

from pinn.basis.logs import logger
from pinn.derivatives.composition import blocked, compiled
from pinn.derivatives.jets import NoJetRule
from pinn.derivatives.tape import Pass, Tape, assemble
from pinn.distributed.team import Alone, Team
from pinn.linear_algebra.symmetric import gram
from pinn.residuals.assembly import Assembly, Workspace
from pinn.residuals.blocks import Block, RegionBlocks, weights_of
from pinn.residuals.residuals import Named, Residuals, unflatten
from pinn.sampling.points import Points, PointSet

JACOBIAN_BYTES = 2**29  # automatic chunks keep one piece of J below 512 MiB
CACHE_BYTES = 2**21  # of one layer in all channels: fits the last-level cache with its neighbours
MANY = 2**16  # rows of a region that are evaluated at once


class CollocationLeastSquares:
    """Residuals at fixed points: a least-squares problem in theta (p,). All rows carry their scale.

    own: the points whose rows are computed here, of which `points` are all (`pinn.residuals.shared`).
    held: parameters that keep their values, by name; theta then holds the others only.
    """

    team: ClassVar[Team] = Alone()

    def __init__(
        self,
        residuals: Residuals,
        points: PointSet,
        assembly: Assembly,
        *,
        own: PointSet | None = None,
        held: Mapping[str, Tensor] | None = None,
        workspace: Workspace | None = None,
    ) -> None:
        self.residuals = residuals
        self.points = points
        self.assembly = assembly
        self._own = points if own is None else own
        self.held = dict(held or {})
        self.workspace = workspace or Workspace(assembly.jacobian)
        self.shapes = {name: shape for name, shape in residuals.shapes.items() if name not in self.held}

    def at(self, points: PointSet, own: PointSet | None = None) -> "CollocationLeastSquares":
        """The same at other points."""
        return CollocationLeastSquares(
            self.residuals, points, self.assembly, own=own, held=self.held, workspace=self.workspace
        )

    @cached_property
    def own(self) -> PointSet:
        """The points whose rows are computed here, with what is looked up once."""
        return self.residuals.prepared(self._own)

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
        """The number of rows N, of all points."""
        return sum(len(self.points[label]) * len(g.blocks) for label, g in self.residuals.regions.items())

    @property
    def rows(self) -> int:
        """The number of rows that are computed here."""
        return sum(len(self.own[label]) * len(group.blocks) for label, group in self._regions())

    def _regions(self) -> Iterator[tuple[str, RegionBlocks]]:
        """The regions of the own points."""
        return ((label, group) for label, group in self.residuals.regions.items() if label in self.own)

    def _parameters(self, theta: Tensor) -> dict[str, Tensor]:
        """All parameters by name."""
        return unflatten(theta, self.shapes) | self.held

    def last_layer(self, theta: Tensor) -> "tuple[Tensor, CollocationLeastSquares] | None":
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
        return indices, CollocationLeastSquares(
            self.residuals, self.points, self.assembly, own=self.own, held=held, workspace=self.workspace
        )

    def _scale(self, block: Block, points: Points, n: int) -> Tensor:
        """The factors of a block's rows at some of the region's n points: (len(points),) or (1,)."""
        return (weights_of(points) * (self.residuals.weights[block.name] / n)).sqrt()

    def residual(self, theta: Tensor) -> Tensor:
        """r (N,), region by region, block by block."""
        parameters = self._parameters(theta)
        rows = []
        for label, group in self._regions():
            points, n = self.own[label], len(self.points[label])
            values = self.residuals.region_values(group, points, parameters)
            rows += [self._scale(b, points, n) * v for b, v in zip(group.blocks, values, strict=True)]
        return torch.cat(rows)

    def loss(self, theta: Tensor) -> Tensor:
        """||r||^2, a number where the parameters are: nothing waits for it."""
        with torch.no_grad():
            return sum(self._losses(self._parameters(theta)), start=theta.new_zeros(()))

    def loss_and_gradient(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        """||r||^2 and its gradient 2 J^T r (p,)."""
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
            if not self.is_coupled(label):
                size = self._cached_points(group)
            for start in range(0, len(points), size):
                chunk = points[slice(start, start + size)] if size < len(points) else points
                values = self.residuals.region_values(group, chunk, parameters, Pass(self._kernels))
                rows = [self._scale(b, chunk, n) * v for b, v in zip(group.blocks, values, strict=True)]
                yield torch.cat(rows).square().sum()

    def jvp(self, theta: Tensor, v: Tensor) -> Tensor:
        """J v (N,) for v (p,), without J."""
        return jvp(self.residual, (theta,), (v,))[1]

    def vjp(self, theta: Tensor, w: Tensor) -> Tensor:
        """J^T w (p,) for w (N,), without J."""
        return vjp(self.residual, theta)[1](w)[0]

    def jacobian(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        """r (N,) and J = dr/dtheta (N, p), rows in the order of `residual`.

        J lies in memory that the next call writes again; clone it to keep it.
        """
        r, j = theta.new_empty(self.rows), self.workspace.rows(theta, self.rows)
        end = 0
        for label, group in self._regions():
            k, n = len(group.blocks), len(self.own[label])
            rows = slice(end, end + k * n)
            self._fill(theta, label, r[rows].view(k, n), j[rows].view(k, n, -1))
            end += k * n
        return r, j

    def _fill(self, theta: Tensor, label: str, r: Tensor, j: Tensor) -> None:
        """Write a region's rows into r (k, n) and j (k, n, p), chunk by chunk."""
        size = self._chunk_size(label, len(r))
        for start in range(0, r.shape[1], size):
            chunk = slice(start, start + size)
            self._rows(theta, label, chunk, r[:, chunk], j[:, chunk])

    def pieces(self, theta: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """All rows chunk by chunk: their indices (m,), r (m,) and J (m, p), which the next chunk overwrites."""
        end = 0
        for label, group in self._regions():
            k, n = len(group.blocks), len(self.own[label])
            indices = torch.arange(end, end + k * n, device=theta.device).view(k, n)
            size = min(self._chunk_size(label, k), n)
            held_r, held_j = theta.new_empty(k * size), theta.new_empty(k * size, len(theta))
            for start in range(0, n, size):
                count = min(size, n - start)
                chunk, r, j = slice(start, start + count), held_r[: k * count], held_j[: k * count]
                self._rows(theta, label, chunk, r.view(k, count), j.view(k, count, -1))
                yield indices[:, chunk].reshape(-1), r, j
            end += k * n

    def normal_equations(self, theta: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """J^T J (p, p), J^T r (p,) and ||r||^2, summed chunk by chunk: J is never held whole."""
        product, right = theta.new_zeros(len(theta), len(theta)), torch.zeros_like(theta)
        loss = theta.new_zeros(())
        for _, r, j in self.pieces(theta):
            product += gram(j)
            right += j.mT @ r
            loss += r.square().sum()
        return product, right, loss

    @property
    def _kernels(self) -> Callable:
        return compiled if self.assembly.compile else blocked

    def _cached_points(self, group: RegionBlocks) -> int:
        """How many points at once keep a layer's channels in the cache; all of them on a GPU, or without layers."""
        trial = self.residuals.trial
        if trial.device.type != "cpu" or not getattr(trial.network.core, "has_layers", True):
            return sys.maxsize
        width = max(max(shape, default=1) for shape in self.residuals.shapes.values())
        channels = len(group.request.field_channels) * group.request.places
        return max(256, CACHE_BYTES // (8 * width * channels))

    def is_coupled(self, label: str) -> bool:
        """Whether a row of the region depends on other rows' points (a mean, an integral): measured once.

        Away from the parameters, where the residual may be down to rounding.
        """
        coupled = self.workspace.coupled
        if label not in coupled:
            group, points = self.residuals.regions[label], self.points[label]
            points = points[slice(0, MANY)] if len(points) > MANY else points
            few = points[slice(0, min(3, len(points)))]
            generator = torch.Generator().manual_seed(0)
            parameters = self.residuals.trial.parameters()
            shaken = {k: v.detach() + torch.randn(v.shape, generator=generator).to(v) for k, v in parameters.items()}
            with torch.no_grad():
                together = self.residuals.region_values(group, points, shaken)
                alone = self.residuals.region_values(group, few, shaken)
            rounding = max(1e4 * torch.finfo(together[0].dtype).eps, 1e-6)
            coupled[label] = any(
                float((a[: len(few)] - b).abs().max()) > rounding * float(a.abs().max())
                for a, b in zip(together, alone, strict=True)
                if len(few) and bool(a.isfinite().all())  # parts may meet in other windows of time
            )
            if coupled[label]:
                logger.info("%s: residuals that depend on all points take one reverse pass a row", label)
        return coupled[label]

    def mean_squares(self, theta: Tensor) -> Named:
        """The unweighted mean square of each block."""
        return self.balances(theta, terms=False)[0]

    def balances(self, theta: Tensor, terms: bool = True) -> tuple[Named, Named]:
        """`mean_squares`, and those of the largest terms of the equations of interior blocks: what they balance."""
        regions, parameters = self.residuals.regions, self._parameters(theta)
        interior = [block.name for group in regions.values() if group.region.is_interior for block in group.blocks]
        means = {name: theta.new_zeros(()) for name in self.residuals.blocks}
        largest = {name: theta.new_zeros(()) for name in interior if terms}
        with torch.no_grad():
            for label, points in self.own.items():
                group, n = regions[label], len(self.points[label])
                for own in self._parts(label, points):
                    if terms:
                        rows, addends = self.residuals.rows_and_terms(group, own, parameters)
                    else:
                        values = self.residuals.region_values(group, own, parameters)
                        rows, addends = {b.name: v for b, v in zip(group.blocks, values, strict=True)}, {}
                    for kept, of_rows in ((means, rows), (largest, addends)):
                        for name, v in of_rows.items():
                            kept[name] = kept[name] + (weights_of(own) * v.square()).sum() / n
        return means, largest

    def _parts(self, label: str, points: Points) -> Iterator[Points]:
        """The points of a region, MANY rows at a time where rows do not couple: a layer's values at all take memory."""
        if len(points) <= MANY or self.is_coupled(label):
            yield points
            return
        for start in range(0, len(points), MANY):
            yield points[slice(start, start + MANY)]

    def _chunk_size(self, label: str, blocks: int) -> int:
        if self.assembly.chunk is not None:
            return self.assembly.chunk
        p = sum(shape.numel() for shape in self.shapes.values())
        places = self.residuals.regions[label].request.places
        return max(64, JACOBIAN_BYTES // (8 * p * blocks * places))

    def _rows(self, theta: Tensor, label: str, chunk: slice, r: Tensor, j: Tensor) -> None:
        """Write r (k, chunk) and J (k, chunk, p) of the region's k blocks at some of its points."""
        group, points = self.residuals.regions[label], self.own[label]
        scales = [self._scale(block, points[chunk], len(self.points[label])) for block in group.blocks]
        theta = theta.detach()
        if self.is_coupled(label):
            return self._coupled(theta, group, points, chunk, scales, r, j)
        if self.workspace.jacobian == "captured" and self.residuals.trial.derivatives == "taylor":
            try:
                return self._captured(theta, group, points[chunk], scales, r, j)
            except NoJetRule as missing:
                logger.info("parameter Jacobian: reference path, because %s", missing)
                self.workspace.jacobian = "reference"
        return self._reference(theta, group, points[chunk], scales, r, j)

    def _captured(
        self, theta: Tensor, group: RegionBlocks, points: Points, scales: list[Tensor], r: Tensor, j: Tensor
    ) -> None:
        leaves = {k: v.detach().requires_grad_() for k, v in unflatten(theta, self.shapes).items()}
        tape = Tape(len(points.x), points.per_row, self._kernels)
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
        values = self.residuals.region_values(group, points, parameters, Pass(self._kernels))
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
            point = Points(
                row["x"],
                row.get("normal"),
                points.per_row,
                columns=columns,
                past=row.get("past"),
                directions=row.get("directions"),
            )
            values = self.residuals.region_values(group, point, self._parameters(theta))
            of_row = scales * torch.stack([value[0] for value in values])
            return of_row, of_row

        # (per_row n, ...) -> (n, per_row, ...)
        by_row = {name: points.by_row(v).transpose(0, 1) for name, v in points.tensors().items() if name != "weight"}
        each = torch.stack([scale.expand(len(points)) for scale in scales], 1)  # (n, k)
        rows = vmap(jacrev(at_row, has_aux=True), (None, 0, 0))
        each_j, each_r = rows(theta, by_row, each)  # (n, k, p), (n, k)
        r.copy_(each_r.mT)
        j.copy_(each_j.transpose(0, 1))


def bind(residuals: Residuals, points: PointSet, assembly: Assembly | None = None) -> CollocationLeastSquares:
    """These residuals at given points, by region label: what an optimizer minimizes."""
    return CollocationLeastSquares(residuals, points, assembly or Assembly())


def linearized(
    residuals: Residuals, points: PointSet, start: Tensor, held: Mapping[str, Tensor]
) -> tuple[Tensor, Tensor]:
    """The residual (n,) at points and its Jacobian (n, p) by the parameters `start` (p,), on the processor."""
    known = Workspace(Assembly().jacobian, coupled=dict.fromkeys(points, False))
    r, j = CollocationLeastSquares(residuals, points, Assembly(), held=held, workspace=known).jacobian(start)
    return r.double().cpu(), j.double().cpu()
