"""Residuals r(theta) of a trial function at points, and their parameter Jacobian.

The waist of the solver: every optimizer sees r with each block scaled by sqrt(weight / n), so that the loss is
exactly ||r||^2, the weighted sum over the terms of the mean square residual.
"""

import sys
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from pinn.basis.errors import require
from pinn.basis.logs import logger
from pinn.derivatives.composition import blocked, compiled
from pinn.derivatives.tape import Pass
from pinn.distributed.team import Alone, Team
from pinn.residuals.blocks import RegionBlocks, group_by_region, largest_addend, row_values, weights_of
from pinn.residuals.least_squares import BoundResiduals, unflatten
from pinn.residuals.recording import make_recorder
from pinn.residuals.share import share
from pinn.sampling.points import Points, PointSet
from pinn.trial.continuation import Beginning
from pinn.trial.function import TrialFunction

Named = dict[str, Tensor]
Evaluate = Callable[[RegionBlocks, Points, Mapping[str, Tensor]], tuple[Named, Named]]

CACHE_BYTES = 2**21  # of one layer in all channels: fits the last-level cache with its neighbours


class Residuals:
    """The residuals of a trial function's problem.

    weights: block or term name -> positive weight, 1 where not named. engine `captured` builds the parameter Jacobian
    from one reverse pass a component, `reference` by vmap(jacrev) over functional_call. chunk: points whose rows of J
    are held at once; None keeps them below 512 MiB. skip: terms left out, such as those that hold exactly.
    compile: elementwise functions by torch.compile, which takes seconds at first. graphs: evaluations on a GPU by CUDA
    graphs, but for later windows of time.
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
        graphs: bool = False,
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
        # what was before a window is looked up by the places of its points, which a recording would not do again
        self.recorder = make_recorder(trial.device) if graphs and isinstance(trial.start, Beginning) else None
        self.held_workspace: Tensor | None = None
        self._coupled: dict[str, bool] = {}

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
        return self._means(theta, points, self._rows)[0]

    def balances(self, theta: Tensor, points: PointSet) -> tuple[dict[str, float], dict[str, float]]:
        """`mean_squares`, and what interior blocks are to balance: the mean squares of their equations' largest terms.

        A term is |q dr/dq| for an argument q of the equation r, of a Laplacian the largest second derivative.
        """
        return self._means(theta, points, self._rows_and_terms)

    def _means(self, theta: Tensor, points: PointSet, evaluate: Evaluate) -> tuple[dict[str, float], dict[str, float]]:
        """The mean squares of what `evaluate` gives: of all blocks, and of terms of some of the interior ones."""
        parameters = self.unflatten(theta)
        interior = [block.name for group in self.regions.values() if group.region.is_interior for block in group.blocks]
        sums = [{name: theta.new_zeros(()) for name in names} for names in (self.blocks, interior)]
        with torch.no_grad():
            for label, own in self.share(points).items():
                n = len(points[label])
                for kept, found in zip(sums, evaluate(self.regions[label], own, parameters), strict=True):
                    kept |= {name: (weights_of(own) * values.square()).sum() / n for name, values in found.items()}
            (means,) = self.team.summed(torch.stack([value for kept in sums for value in kept.values()]))
        numbers = iter(means.tolist())
        rows, terms = ({name: next(numbers) for name in kept} for kept in sums)
        return rows, terms

    def _rows(self, group: RegionBlocks, points: Points, parameters: Mapping[str, Tensor]) -> tuple[Named, Named]:
        values = self.region_values(group, points, parameters)
        return {block.name: value for block, value in zip(group.blocks, values, strict=True)}, {}

    def _rows_and_terms(
        self, group: RegionBlocks, points: Points, parameters: Mapping[str, Tensor]
    ) -> tuple[Named, Named]:
        values = self._quantities(group, points, parameters)
        rows = {block.name: row_values(block.equation, values, points) for block in group.blocks}
        if not group.region.is_interior:
            return rows, {}
        parts = {name: torch.zeros_like(values[name]) for name in self.trial.problem.coordinates if name in values}
        space = self.trial.domain.space_coordinates
        sums = {
            name: [f"{name.removeprefix('laplacian_')}_{c}{c}" for c in space]
            for name in values
            if name.startswith("laplacian_")
        }
        seconds = self.trial.evaluate([name for of_sum in sums.values() for name in of_sum], points.x, parameters)
        parts |= {name: torch.stack([seconds[s] for s in of_sum]).abs().amax(0) for name, of_sum in sums.items()}
        return rows, {block.name: largest_addend(block.equation, values, parts) for block in group.blocks}

    def share(self, points: PointSet) -> PointSet:
        """The points whose rows this process takes; all of them unless there is a team."""
        return share(points, self.team, lambda label: self.is_coupled(label, self.trial.parameters(), points[label]))

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
        held = self.held_workspace
        if held is None or held.shape != shape or held.dtype != theta.dtype or held.device != theta.device:
            self.held_workspace = None  # its memory, before the other is taken
            self.held_workspace = held = theta.new_empty(shape)
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
        values = self._quantities(group, points, parameters, tape)
        return [row_values(block.equation, values, points) for block in group.blocks]

    def _quantities(
        self, group: RegionBlocks, points: Points, parameters: Mapping[str, Tensor], tape: Pass | None = None
    ) -> dict[str, Tensor]:
        """What a region's equations ask for, by name, and the points' own columns."""
        values = self.trial.evaluate_with(group.request, points.x, parameters, points.normal, tape)
        return {**values, **points.columns}
