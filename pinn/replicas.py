"""Several networks of one shape, trained at the same points in one batched program.

A parameter vector more is a batch more: `torch.func.vmap` over the parameters turns the residual of one network into
that of all, so that a small network, whose operations are too small to keep a processor busy, costs little more than
its arithmetic. The Jacobian comes from one reverse pass as in `pinn.derivatives.tape`, by probes: zeros that are added
to the outputs of the linear layers, whose cotangents are the columns.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.func import jvp, vjp, vmap

from pinn.basis.errors import UserError, require
from pinn.derivatives.channels import Channels
from pinn.derivatives.composition import Pass, compose, linear_coefficients
from pinn.derivatives.elementary import Derivatives
from pinn.distributed.team import Alone, Team
from pinn.residuals.blocks import RegionBlocks, weights_of
from pinn.residuals.residuals import BoundResiduals, Residuals, unflatten
from pinn.sampling.points import Points, PointSet

JACOBIAN_BYTES = 2**27  # of the replicas' J that are met at once
HELD_BYTES = 2**29  # of those that are kept for products with vectors


class Probed(Pass):
    """A pass whose linear layers add a probe to their output and remember their input and parameters.

    probes: one a layer in the order of the layers, (c, n, out); None adds nothing and remembers the shapes.
    """

    def __init__(self, probes: Sequence[Tensor] | None = None) -> None:
        super().__init__()
        self.probes = probes
        self.inputs: list[Tensor] = []
        self.shapes: list[torch.Size] = []
        self.used: list[tuple[int, int | None]] = []  # of each layer the identities of weight and bias

    def compose(self, z: Tensor, channels: Channels, derivatives: Derivatives) -> Tensor:
        return compose(z, channels, derivatives)

    def linear(self, a: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        z = linear_coefficients(a, weight, bias)
        self.shapes.append(z.shape)
        self.inputs.append(a.expand(*z.shape[:-1], a.shape[-1]))
        self.used.append((id(weight), None if bias is None else id(bias)))
        return z if self.probes is None else z + self.probes[len(self.shapes) - 1]


class Replicas:
    """The residuals of several parameter vectors (R, p): to a trainer, one vector of R p.

    starts: where they start (R, p). `choose`: the number of the best of them, by what is measured on held-out points.
    Raises UserError where a parameter is not in a linear layer, or a residual depends on all points.
    """

    def __init__(self, residuals: Residuals, starts: Tensor) -> None:
        self.residuals = residuals
        self.starts = starts
        self.count = len(starts)
        self.trial = residuals.trial
        self.regions = residuals.regions
        self.team: Team = Alone()
        self._shapes: dict[tuple[str, int], list[torch.Size]] = {}
        self.choose: Callable[[Tensor], int] = lambda thetas: 0
        require(
            residuals.trial.derivatives == "taylor",
            "training.replicas needs derivatives=taylor; set it, or training.replicas=1",
        )
        require(
            residuals.recorder is None,
            "compile=graphs is for one network; set compile=auto, or training.replicas=1",
        )

    @property
    def weights(self) -> dict[str, float]:
        return self.residuals.weights

    @weights.setter
    def weights(self, weights: dict[str, float]) -> None:
        self.residuals.weights = weights

    def theta(self) -> Tensor:
        """All replicas' parameters as one vector (R p,)."""
        return self.starts.reshape(-1)

    def each(self, theta: Tensor) -> Tensor:
        """The replicas' parameters (R, p)."""
        return theta.view(self.count, -1)

    def unflatten(self, theta: Tensor) -> dict[str, Tensor]:
        """Named parameters of all replicas, (R, ...) each."""
        return _stacked(self.each(theta), self.residuals.shapes)

    def load(self, theta: Tensor) -> None:
        """Put the best replica's parameters into the trial function."""
        self.residuals.load(self.best(theta))

    def best(self, theta: Tensor) -> Tensor:
        """The best replica's parameters (p,)."""
        thetas = self.each(theta)
        return thetas[self.choose(thetas)]

    def at(self, points: PointSet) -> "BoundReplicas":
        """These residuals at given points."""
        return BoundReplicas(self, points)

    def chosen(self, points: PointSet, theta: Tensor) -> tuple[BoundResiduals, Tensor]:
        """The best replica's least squares at points, and its parameters (p,)."""
        return self.residuals.at(points), self.best(theta)

    def region_values(self, group: RegionBlocks, points: Points, parameters: Mapping[str, Tensor]) -> list[Tensor]:
        """The root mean square over the replicas of the unweighted residual of each block of a region, each (n,)."""

        def one(parameters: dict[str, Tensor]) -> list[Tensor]:
            return self.residuals.region_values(group, points, parameters)

        return [values.square().mean(0).sqrt() for values in vmap(one)(dict(parameters))]

    def mean_squares(self, theta: Tensor, points: PointSet) -> dict[str, float]:
        """The unweighted mean square of each block at the points, the mean of all replicas."""
        return {name: float(values.mean()) for name, values in self.each_mean_squares(self.each(theta), points).items()}

    def each_mean_squares(self, thetas: Tensor, points: PointSet) -> dict[str, Tensor]:
        """The unweighted mean square of each block at the points for each replica (R,)."""
        found: dict[str, Tensor] = {}
        with torch.no_grad():
            for label, group in self.regions.items():
                at = points[label]

                def one(theta: Tensor, group: RegionBlocks = group, at: Points = at) -> list[Tensor]:
                    parameters = self.residuals.unflatten(theta)
                    values = self.residuals.region_values(group, at, parameters)
                    return [(weights_of(at) * value.square()).mean() for value in values]

                found |= {block.name: v for block, v in zip(group.blocks, vmap(one)(thetas), strict=True)}
        return found

    def probe_shapes(self, label: str, points: Points) -> list[torch.Size]:
        """The shapes of the layers' outputs in a pass over points of a region."""
        key = (label, len(points.x))
        if key not in self._shapes:
            blank = Probed()
            with torch.no_grad():
                parameters = self.residuals.unflatten(self.starts[0])
                self.residuals.region_values(self.regions[label], points, parameters, blank)
            self._shapes[key] = blank.shapes
        return self._shapes[key]

    def fields(self, names: Sequence[str], x: Tensor, thetas: Tensor) -> dict[str, Tensor]:
        """Named quantities at points x (n, d) of each replica (R, n)."""
        return vmap(lambda theta: self.trial.evaluate(names, x, self.residuals.unflatten(theta)))(thetas)


def _stacked(thetas: Tensor, shapes: Mapping[str, torch.Size]) -> dict[str, Tensor]:
    """Named parameters (R, ...) as views of (R, p)."""
    pieces = thetas.split([shape.numel() for shape in shapes.values()], dim=1)
    return {name: piece.reshape(-1, *shape) for (name, shape), piece in zip(shapes.items(), pieces, strict=True)}


class BoundReplicas:
    """The replicas' least squares at fixed points. Parameters are (R, p), r is (R, N), J (R, N, p)."""

    def __init__(self, replicas: Replicas, points: PointSet) -> None:
        self.replicas = replicas
        self.points = points
        self.bound = replicas.residuals.at(points)
        self.team = replicas.team
        self.count = replicas.count
        self.rows = len(self.bound)
        self.shapes = {"theta": torch.Size((replicas.count, replicas.starts.shape[1]))}

    @property
    def identity(self) -> int:
        return self.bound.identity

    def __len__(self) -> int:
        return len(self.bound)

    def residuals(self, thetas: Tensor) -> Tensor:
        """r (R, N)."""
        return vmap(self.bound.residual)(thetas)

    def losses(self, thetas: Tensor) -> Tensor:
        """||r||^2 of each (R,)."""
        with torch.no_grad():
            return self.residuals(thetas).square().sum(1)

    def loss_and_gradient(self, theta: Tensor) -> tuple[float, Tensor]:
        """The smallest ||r||^2 and all replicas' gradients (R p,) of their own, at theta (R p,)."""
        theta = theta.detach().requires_grad_()
        losses = self.residuals(self.replicas.each(theta)).square().sum(1)
        (gradient,) = torch.autograd.grad(losses.sum(), theta)
        return float(losses.detach().min()), gradient

    def forward(self, thetas: Tensor, v: Tensor) -> Tensor:
        """J v (R, N) for v (R, p), without J."""
        return vmap(lambda theta, v: jvp(self.bound.residual, (theta,), (v,))[1])(thetas, v)

    def adjoint(self, thetas: Tensor, w: Tensor) -> Tensor:
        """J^T w (R, p) for w (R, N), without J."""
        return vmap(lambda theta, w: vjp(self.bound.residual, theta)[1](w)[0])(thetas, w)

    def jacobian(self, thetas: Tensor) -> Tensor | None:
        """J (R, N, p) where it fits into 512 MiB, rows in the order of `residuals`; else None."""
        if thetas.numel() * len(self) * thetas.element_size() > HELD_BYTES:
            return None
        whole = [j for _, j in self.pieces(thetas, max(len(points) for points in self.points.values()))]
        return whole[0] if len(whole) == 1 else torch.cat(whole, 1)

    def normal_equations(self, thetas: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """J^T J (R, p, p), J^T r (R, p) and ||r||^2 (R,), summed chunk by chunk."""
        count, p = thetas.shape
        product, right, loss = thetas.new_zeros(count, p, p), torch.zeros_like(thetas), thetas.new_zeros(count)
        for r, j in self.pieces(thetas):
            product.baddbmm_(j.mT, j)
            right += torch.bmm(j.mT, r.unsqueeze(2)).squeeze(2)
            loss += r.square().sum(1)
        return product, right, loss

    def pieces(self, thetas: Tensor, chunk: int | None = None) -> Iterator[tuple[Tensor, Tensor]]:
        """r (R, m) and J (R, m, p) of some rows after the others; chunk: of how many points."""
        thetas = thetas.detach()
        for label, group in self.replicas.regions.items():
            points = self.points[label]
            coupled = self.replicas.residuals.is_coupled(label, self.replicas.trial.parameters(), points)
            require(
                not coupled,
                f"{group.blocks[0].name} depends on all points at once (a mean, a flux): set training.replicas=1",
            )
            size = chunk or max(16, JACOBIAN_BYTES // (thetas.numel() * len(group.blocks) * thetas.element_size()))
            for start in range(0, len(points), size):
                at = points[slice(start, start + size)]
                r, j = vmap(partial(self._rows, label=label, points=at, n=len(points)))(thetas)
                yield r.flatten(1, 2), j.flatten(1, 2)

    def _rows(self, theta: Tensor, label: str, points: Points, n: int) -> tuple[Tensor, Tensor]:
        """r (k, m) and J (k, m, p) of one replica's k blocks at some of a region's n points."""
        residuals, group = self.replicas.residuals, self.replicas.regions[label]
        parameters = unflatten(theta, residuals.shapes)
        used: list[tuple[int, int | None]] = []

        def probed(probes: list[Tensor]) -> tuple[list[Tensor], tuple[list[Tensor], list[Tensor]]]:
            tape = Probed(probes)
            values = residuals.region_values(group, points, parameters, tape)
            used[:] = tape.used
            return values, (values, tape.inputs)

        zeros = [theta.new_zeros(shape) for shape in self.replicas.probe_shapes(label, points)]
        found: Any = vjp(probed, zeros, has_aux=True)
        _, pullback, (values, inputs) = found
        rows, columns = [], []
        for k, block in enumerate(group.blocks):
            scale = (weights_of(points) * (residuals.weights[block.name] / n)).sqrt().expand(len(points))
            seeds = [scale if i == k else torch.zeros_like(scale) for i in range(len(values))]
            (cotangents,) = pullback(seeds)
            rows.append(scale * values[k])
            columns.append(_columns(parameters, used, inputs, cotangents, points))
        return torch.stack(rows), torch.stack(columns)


def _columns(
    parameters: Mapping[str, Tensor],
    used: list[tuple[int, int | None]],
    inputs: list[Tensor],
    cotangents: list[Tensor],
    points: Points,
) -> Tensor:
    """The rows of J (m, p) from the layers' inputs (c, n, in) and the cotangents (c, n, out) of their outputs.

    Raises UserError where a parameter is in no linear layer.
    """
    name_of = {id(value): name for name, value in parameters.items()}
    found: dict[str, Tensor] = {}
    for (weight, bias), a, g in zip(used, inputs, cotangents, strict=True):
        a, value, g = (_by_row(part, points.per_row) for part in (a, g[:1], g))
        parts = {weight: torch.matmul(g.permute(1, 2, 0), a.permute(1, 0, 2)), bias: value.sum(0)}
        for identity, part in parts.items():
            if identity in name_of:
                name = name_of[identity]
                found[name] = found[name] + part.flatten(1) if name in found else part.flatten(1)
    missing = [name for name in parameters if name not in found]
    if missing:
        raise UserError(
            f"training.replicas needs a network whose parameters are all in linear layers, and no unknowns; not so "
            f"{', '.join(missing)}: choose network=mlp or sine without factorization, or set training.replicas=1"
        )
    return torch.cat([found[name] for name in parameters], 1)


def _by_row(values: Tensor, per_row: int) -> Tensor:
    """(c, per_row m, w) -> (c per_row, m, w): what shares a row is summed in the end, like channels."""
    return values.unflatten(1, (per_row, -1)).flatten(0, 1)
