"""Residuals r(theta) of a trial function at points, and their parameter Jacobian.

The waist of the solver: every optimizer sees r with each block scaled by sqrt(weight / n), so that the loss is
exactly ||r||^2, the weighted sum over the terms of the mean square residual.
"""

import sys
from collections.abc import Iterator, Mapping
from functools import cached_property
from hashlib import blake2b

import torch
from torch import Tensor
from torch.func import jacrev, jvp, vjp, vmap

from pinn.blocks import Block, RegionBlocks, group_by_region, largest_addend, row_values, weights_of
from pinn.derivatives.composition import blocked, compiled
from pinn.derivatives.jets import NoJetRule
from pinn.derivatives.tape import Pass, Tape, assemble
from pinn.distributed import Alone, Team, share
from pinn.errors import require
from pinn.linear_algebra import gram
from pinn.logs import logger
from pinn.sampling import Points, PointSet
from pinn.trial import TrialFunction

CACHE_BYTES = 2**21  # of one layer in all channels: fits the last-level cache with its neighbours
JACOBIAN_BYTES = 2**29  # automatic chunks keep one piece of J below 512 MiB


class Residuals:
    """The residuals of a trial function's problem.

    weights: block or term name -> positive weight, 1 where not named. engine `captured` builds the parameter Jacobian
    from one reverse pass a component, `reference` by vmap(jacrev) over functional_call. chunk: points whose rows of J
    are held at once; None keeps them below 512 MiB. skip: terms left out, such as those that hold exactly.
    compile: elementwise functions by torch.compile, which takes seconds at first.
    `team`: the processes that share the rows; one, unless it is set to others.
    Raises UserError for unknown names in equations and weights.
    """

    def __init__(
        self,
        trial: TrialFunction,
        *,
        weights: Mapping[str, float] | None = None,
        jacobian: str = "captured",
        chunk: int | None = None,
        skip: tuple[str, ...] = (),
        compile: bool = False,
    ) -> None:
        require(jacobian in ("captured", "reference"), f"jacobian must be captured or reference, got {jacobian!r}")
        require(chunk is None or chunk >= 1, f"jacobian_chunk must be >= 1 or null, got {chunk}")
        self.trial = trial
        self.jacobian_engine = jacobian
        self.chunk = chunk
        self.kernels = compiled if compile else blocked
        self.shapes = {name: tensor.shape for name, tensor in trial.parameters().items()}
        self.regions = group_by_region(trial, skip)
        require(bool(self.regions), f"{trial.problem.name} has no terms to minimize")
        self.blocks = tuple(block.name for group in self.regions.values() for block in group.blocks)
        self.weights = self._resolve(weights or {})
        self.team: Team = Alone()
        self._coupled: dict[str, bool] = {}
        self._workspace: Tensor | None = None

    def _resolve(self, weights: Mapping[str, float]) -> dict[str, float]:
        terms = {block.name: block.term for group in self.regions.values() for block in group.blocks}
        unknown = [name for name in weights if name not in terms and name not in terms.values()]
        known = ", ".join(terms)
        require(
            not unknown,
            f"weights name no term of {self.trial.problem.name}: {unknown}; the terms are {known}",
        )
        for name, weight in weights.items():
            require(0 < weight < float("inf"), f"the weight of {name} must be positive and finite, got {weight}")
        return {block: float(weights.get(block, weights.get(term, 1.0))) for block, term in terms.items()}

    @property
    def p(self) -> int:
        """The number of parameters."""
        return sum(shape.numel() for shape in self.shapes.values())

    def theta(self) -> Tensor:
        """The trial function's parameters as one vector (p,)."""
        return torch.cat([parameter.reshape(-1) for parameter in self.trial.parameters().values()])

    def unflatten(self, theta: Tensor) -> dict[str, Tensor]:
        """Named parameters as views of theta (p,)."""
        return unflatten(theta, self.shapes)

    def load(self, theta: Tensor) -> None:
        """Put theta (p,) into the trial function."""
        self.trial.load_parameters(self.unflatten(theta.detach()))

    def at(self, points: PointSet) -> "BoundResiduals":
        """These residuals at given points, by region label: what an optimizer minimizes."""
        return BoundResiduals(self, points)

    def chosen(self, points: PointSet, theta: Tensor) -> "tuple[BoundResiduals, Tensor]":
        """These residuals at given points, and the parameters among theta that the solution will have: all."""
        return self.at(points), theta

    def pointwise(self, x: Tensor, theta: Tensor | None = None) -> dict[str, Tensor]:
        """The unweighted residuals of the interior blocks at any points x (n, d): block -> (n,)."""
        parameters = self.trial.parameters() if theta is None else self.unflatten(theta)
        found: dict[str, Tensor] = {}
        for group in self.regions.values():
            if group.region.is_whole:
                with torch.no_grad():
                    values = self.region_values(group, Points(x), parameters)
                found |= {block.name: v.detach() for block, v in zip(group.blocks, values, strict=True)}
        return found

    def mean_squares(self, theta: Tensor, points: PointSet) -> dict[str, float]:
        """The unweighted mean square of each block at the points."""
        parameters = self.unflatten(theta)
        sums = {block: theta.new_zeros(()) for block in self.blocks}
        with torch.no_grad():
            for label, own in self.share(points).items():
                group, n = self.regions[label], len(points[label])
                for block, values in zip(group.blocks, self.region_values(group, own, parameters), strict=True):
                    sums[block.name] = (weights_of(own) * values.square()).sum() / n
            (means,) = self.team.summed(torch.stack(list(sums.values())))
        return dict(zip(sums, means.tolist(), strict=True))

    def share(self, points: PointSet) -> PointSet:
        """The points whose rows this process takes; all of them unless there is a team."""
        return share(points, self.team, lambda label: self.is_coupled(label, self.trial.parameters(), points[label]))

    def largest_addends(self, theta: Tensor, points: PointSet) -> dict[str, float]:
        """What each interior block is to balance: the mean square of the equation's largest term, 0 where it is 0.

        A term is |q df/dq| for an argument q of the equation f, of a Laplacian the largest second derivative.
        """
        found: dict[str, float] = {}
        parameters = self.unflatten(theta)
        space = self.trial.domain.space_coordinates
        for label, group in self.regions.items():
            at = points[label]
            if not group.region.is_interior:
                continue
            with torch.no_grad():
                values = self.trial.evaluate_with(group.request, at.x, parameters, at.normal)
                sums = [name for name in values if name.startswith("laplacian_")]
                seconds = {name: [f"{name.removeprefix('laplacian_')}_{c}{c}" for c in space] for name in sums}
                derivatives = self.trial.evaluate(sorted(set().union(*seconds.values())), at.x, parameters)
            parts = {name: torch.zeros_like(values[name]) for name in self.trial.problem.coordinates if name in values}
            parts |= {name: torch.stack([derivatives[n] for n in of]).abs().amax(0) for name, of in seconds.items()}
            for block in group.blocks:
                addend = largest_addend(block.equation, values, parts)
                found[block.name] = float((weights_of(at) * addend.square()).mean())
        return found

    def is_coupled(self, label: str, parameters: Mapping[str, Tensor], points: Points) -> bool:
        """Whether a row of the region depends on other rows' points (a mean, an integral): measured once.

        Away from the parameters, where the residual may be down to rounding.
        """
        if label not in self._coupled:
            group = self.regions[label]
            few = points[slice(0, min(3, len(points)))]
            generator = torch.Generator().manual_seed(0)
            shaken = {k: v.detach() + torch.randn(v.shape, generator=generator).to(v) for k, v in parameters.items()}
            with torch.no_grad():
                together = self.region_values(group, points, shaken)
                alone = self.region_values(group, few, shaken)
            rounding = max(1e4 * torch.finfo(together[0].dtype).eps, 1e-6)
            self._coupled[label] = any(
                float((a[: len(few)] - b).abs().max()) > rounding * float(a.abs().max())
                for a, b in zip(together, alone, strict=True)
                if bool(a.isfinite().all())
            )
            if self._coupled[label]:
                logger.info("%s: residuals that depend on all points take one reverse pass a row", label)
        return self._coupled[label]

    def workspace(self, theta: Tensor, rows: int) -> Tensor:
        """Memory for J (rows, p): fresh memory of that size costs as much as filling it."""
        shape = (rows, len(theta))
        held = self._workspace
        if held is None or held.shape != shape or held.dtype != theta.dtype or held.device != theta.device:
            self._workspace = held = theta.new_empty(shape)
        return held

    def cached_points(self, group: RegionBlocks) -> int:
        """How many points at once keep a layer's channels in the cache; all of them on a GPU."""
        if self.trial.device.type != "cpu":
            return sys.maxsize
        width = max(max(shape, default=1) for shape in self.shapes.values())
        return max(256, CACHE_BYTES // (8 * width * len(group.request.field_channels)))

    def region_values(
        self, group: RegionBlocks, points: Points, parameters: Mapping[str, Tensor], tape: Pass | None = None
    ) -> list[Tensor]:
        """The unweighted residual of each block of one region, each (n,)."""
        values = self.trial.evaluate_with(group.request, points.x, parameters, points.normal, tape)
        values |= points.columns
        return [row_values(block.equation, values, points) for block in group.blocks]


def unflatten(theta: Tensor, shapes: Mapping[str, torch.Size]) -> dict[str, Tensor]:
    """The tensors of these shapes, by name, as views of their concatenation theta."""
    pieces = theta.split([shape.numel() for shape in shapes.values()])
    return {name: piece.view(shape) for (name, shape), piece in zip(shapes.items(), pieces, strict=True)}


class BoundResiduals:
    """Residuals at fixed points: a least-squares problem in theta (p,). All rows carry their scale.

    Where a team shares the rows, r and J are of this process's rows; losses, gradients and J^T w are of all.
    held: parameters that keep their values, by name; theta then holds the others only.
    """

    def __init__(self, residuals: Residuals, points: PointSet, held: Mapping[str, Tensor] | None = None) -> None:
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

    def residual(self, theta: Tensor, tape: Pass | None = None) -> Tensor:
        """r (N,), region by region, block by block; through `tape` where only one reverse pass follows."""
        parameters = self._parameters(theta)
        rows = []
        for label, group in self._regions():
            points, n = self.own[label], len(self.points[label])
            values = self.residuals.region_values(group, points, parameters, tape)
            rows += [self._scale(b, points, n) * v for b, v in zip(group.blocks, values, strict=True)]
        return torch.cat(rows)

    def loss(self, theta: Tensor) -> float:
        """||r||^2."""
        with torch.no_grad():
            (loss,) = self.team.summed(sum(self._losses(self._parameters(theta)), start=theta.new_zeros(())))
        return float(loss)

    def loss_and_gradient(self, theta: Tensor) -> tuple[float, Tensor]:
        """||r||^2 and its gradient 2 J^T r (p,)."""
        theta = theta.detach().requires_grad_()
        loss, gradient = theta.new_zeros(()), torch.zeros_like(theta)
        for part in self._losses(self._parameters(theta)):
            gradient += torch.autograd.grad(part, theta)[0]
            loss = loss + part.detach()
        gradient, loss = self.team.summed(gradient, loss)
        return float(loss), gradient

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
        return jvp(self.residual, (theta,), (v,))[1]

    def vjp(self, theta: Tensor, w: Tensor) -> Tensor:
        """J^T w (p,) for w (N,), without J."""
        return self.team.summed(vjp(self.residual, theta)[1](w)[0])[0]

    def jacobian(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        """r (N,) and J = dr/dtheta (N, p), rows in the order of `residual`.

        J lies in memory of the Residuals that the next call writes again; clone it to keep it.
        """
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
        product, right = theta.new_zeros(len(theta), len(theta)), torch.zeros_like(theta)
        loss = theta.new_zeros(())
        for _, r, j in self.pieces(theta):
            product += gram(j)
            right += j.mT @ r
            loss += r.square().sum()
        product, right, loss = self.team.summed(product, right, loss)
        return product, right, float(loss)

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
