"""Residuals r(theta) of a trial function: its equations, grouped by the regions whose points they share, with weights.

The waist of the solver: bound to points (`pinn.residuals.least_squares`) they are what every optimizer minimizes.
"""

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Generator, Tensor

from pinn.basis.errors import require
from pinn.derivatives.estimators import Estimator
from pinn.derivatives.tape import Pass
from pinn.residuals.blocks import Block, RegionBlocks, group_by_region, largest_addend, row_values
from pinn.sampling.base import Sampler, draw_all
from pinn.sampling.points import Points, PointSet
from pinn.trial.function import TrialFunction

Named = dict[str, Tensor]
ADDENDS = 8  # of a Laplacian that are looked at, at most: in 100 dimensions all of them take longer than a step


def unflatten(theta: Tensor, shapes: Mapping[str, torch.Size]) -> Named:
    """The tensors of these shapes, by name, as views of their concatenation theta."""
    pieces = theta.split([shape.numel() for shape in shapes.values()])
    return {name: piece.view(shape) for (name, shape), piece in zip(shapes.items(), pieces, strict=True)}


def owners(shapes: Mapping[str, torch.Size]) -> list[str]:
    """The parameter by name that each entry of theta (p,) belongs to."""
    return [name for name, shape in shapes.items() for _ in range(shape.numel())]


class Residuals:
    """The residuals of a trial function's problem, with the weights of their squares in the loss.

    weights: block or term name -> positive weight, the term's own where not named, mostly 1. skip: terms left out, such
    as those that hold exactly. smoothing: factor on artificial viscosities. priors: the blocks that say
    what is known before any data. by_evidence: term -> its blocks, of those whose weight the data decide.
    estimator: of operators in many coordinates, at points that are bound; None for exact ones.
    Raises UserError for unknown names in equations and weights.
    """

    def __init__(
        self,
        trial: TrialFunction,
        *,
        weights: Mapping[str, float] | None = None,
        skip: tuple[str, ...] = (),
        smoothing: float = 1.0,
        estimator: Estimator | None = None,
    ) -> None:
        self.trial = trial
        self.skip = skip
        self.smoothing = smoothing
        self.shapes = {name: tensor.shape for name, tensor in trial.parameters().items()}
        self.estimator = estimator
        self.regions = group_by_region(trial, skip, smoothing)
        if estimator is not None and trial.derivatives == "taylor":
            self.regions = {label: group.estimated(trial, estimator) for label, group in self.regions.items()}
        require(bool(self.regions), f"{trial.problem.name} has no terms to minimize")
        self.blocks = tuple(block.name for block in self._blocks())
        self.priors = tuple(b.name for b in self._blocks() if self.trial.terms[b.term].is_prior)
        self.by_evidence = self._by_evidence()
        self.weights = self._resolve(weights or {})

    def _blocks(self) -> list[Block]:
        return [block for group in self.regions.values() for block in group.blocks]

    def rows(self, points: PointSet) -> dict[str, slice]:
        """Block -> its rows of r at the points."""
        found, end = {}, 0
        for label, group in self.regions.items():
            for block in group.blocks:
                found[block.name] = slice(end, end + len(points[label]))
                end = found[block.name].stop
        return found

    @property
    def known_before(self) -> tuple[str, ...]:
        """The priors that weigh as they are told: as one observation does."""
        decided = {block for blocks in self.by_evidence.values() for block in blocks}
        return tuple(block for block in self.priors if block not in decided)

    def _by_evidence(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for block in self._blocks():
            if self.trial.terms[block.term].by_evidence:
                found.setdefault(block.term, []).append(block.name)
        return found

    def _resolve(self, weights: Mapping[str, float]) -> dict[str, float]:
        terms = {block.name: block.term for block in self._blocks()}
        unknown = [name for name in weights if name not in terms and name not in terms.values()]
        known = ", ".join(terms)
        require(
            not unknown,
            f"weights name no term of {self.trial.problem.name}: {unknown}; the terms are {known}",
        )
        for name, weight in weights.items():
            require(0 < weight < float("inf"), f"the weight of {name} must be positive and finite, got {weight}")
        own = {name: term.weight for name, term in self.trial.terms.items()}
        return {block: float(weights.get(block, weights.get(term, own[term]))) for block, term in terms.items()}

    @property
    def p(self) -> int:
        """The number of parameters."""
        return sum(shape.numel() for shape in self.shapes.values())

    def theta(self) -> Tensor:
        """The trial function's parameters as one vector (p,)."""
        return torch.cat([parameter.reshape(-1) for parameter in self.trial.parameters().values()])

    def unflatten(self, theta: Tensor) -> Named:
        """Named parameters as views of theta (p,)."""
        return unflatten(theta, self.shapes)

    def load(self, theta: Tensor) -> None:
        """Put theta (p,) into the trial function."""
        self.trial.load_parameters(self.unflatten(theta.detach()))

    def of(self, trial: TrialFunction) -> "Residuals":
        """The same terms with the same weights, of another trial function of the problem."""
        kept = {block.term for group in self.regions.values() for block in group.blocks}
        skipped = tuple(name for name in trial.terms if name not in kept)
        return Residuals(trial, weights=self.weights, skip=skipped, estimator=self.estimator)

    def exactly(self) -> "Residuals":
        """The same without estimates."""
        if self.estimator is None:
            return self
        return Residuals(self.trial, weights=self.weights, skip=self.skip, smoothing=self.smoothing)

    def smoothed(self, factor: float) -> "Residuals":
        """The same with artificial viscosities so many times as large as they are meant to be."""
        return Residuals(self.trial, weights=self.weights, skip=self.skip, smoothing=factor, estimator=self.estimator)

    def draw(self, sampler: Sampler, generator: Generator) -> PointSet:
        """Points of every region, in the trial function's type on its device."""
        regions = {label: group.region for label, group in self.regions.items()}
        return draw_all(sampler, self.trial, regions, generator)

    def prepared(self, points: PointSet) -> PointSet:
        """The points with what is looked up once for each evaluation: directions of estimates, what was before."""
        known = {label: self._with_directions(self.regions[label], own) for label, own in points.items()}
        for label, own in known.items():
            if own.past is None:
                past = self.trial.past(self.regions[label].asked(own), own.x, own.directions)
                known[label] = replace(own, past=past)
        return known

    def _with_directions(self, group: RegionBlocks, points: Points) -> Points:
        if group.estimation is None or points.directions is not None:
            return points
        return replace(points, directions=group.estimation.directions(points.x))

    def pointwise(self, x: Tensor, theta: Tensor | None = None) -> Named:
        """The unweighted residuals of the interior blocks at any points x (n, d): block -> (n,)."""
        parameters = self.trial.parameters() if theta is None else self.unflatten(theta)
        rows: Named = {}
        for group in self.regions.values():
            if group.region.is_whole:
                with torch.no_grad():
                    values = self.region_values(group, Points(x), parameters)
                rows |= {block.name: v.detach() for block, v in zip(group.blocks, values, strict=True)}
        return rows

    def region_values(
        self, group: RegionBlocks, points: Points, parameters: Mapping[str, Tensor], tape: Pass | None = None
    ) -> list[Tensor]:
        """The unweighted residual of each block of one region, each (n,)."""
        values = self._quantities(group, points, parameters, tape)
        return [row_values(block.equation, values, points) for block in group.blocks]

    def rows_and_terms(
        self, group: RegionBlocks, points: Points, parameters: Mapping[str, Tensor]
    ) -> tuple[Named, Named]:
        """The residual of each of a region's blocks (n,), and in the interior the largest term of its equation there.

        A term is |q dr/dq| for an argument q of the equation r, of a Laplacian the largest second derivative, of
        many coordinates along some of them.
        """
        values = self._quantities(group, points, parameters)
        rows = {block.name: row_values(block.equation, values, points) for block in group.blocks}
        if not group.region.is_interior:
            return rows, {}
        parts = {name: torch.zeros_like(values[name]) for name in self.trial.problem.coordinates if name in values}
        space = self.trial.domain.space_coordinates
        space = space[:: max(1, -(-len(space) // ADDENDS))]
        sums = {
            name: [f"{name.removeprefix('laplacian_')}_{c}{c}" for c in space]
            for name in values
            if name.startswith("laplacian_")
        }
        seconds = self.trial.evaluate([name for of_sum in sums.values() for name in of_sum], points.x, parameters)
        parts |= {name: torch.stack([seconds[s] for s in of_sum]).abs().amax(0) for name, of_sum in sums.items()}
        return rows, {block.name: largest_addend(block.equation, values, parts) for block in group.blocks}

    def _quantities(
        self, group: RegionBlocks, points: Points, parameters: Mapping[str, Tensor], tape: Pass | None = None
    ) -> Named:
        """What a region's equations ask for, by name, and the points' own columns."""
        request = group.asked(points)
        values = self.trial.evaluate_with(
            request, points.x, parameters, points.normal, tape, points.past, points.directions
        )
        return {**values, **points.columns}
