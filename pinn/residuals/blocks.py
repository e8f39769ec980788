"""The row blocks of a residual: one component of one term each, grouped by the region whose points they share."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from pinn.basis.errors import UserError, require
from pinn.derivatives.estimators import Estimation, Estimator
from pinn.derivatives.evaluation import Request
from pinn.derivatives.numpy_calls import called
from pinn.domains.region import Region
from pinn.sampling.points import Points
from pinn.terms.base import Equation
from pinn.trial.function import TrialFunction


@dataclass(frozen=True)
class Block:
    """One component of one term: a row block of r."""

    name: str
    term: str
    equation: Equation


@dataclass(frozen=True)
class RegionBlocks:
    """The blocks that share a region, its points and their derivatives. estimates: the request with estimates."""

    region: Region
    blocks: tuple[Block, ...]
    request: Request
    estimation: Estimation | None = None
    estimates: Request | None = None

    def asked(self, points: Points) -> Request:
        """The request for what is known at the points: estimates where they have directions for these."""
        return self.request if points.directions is None or self.estimates is None else self.estimates

    def estimated(self, trial: TrialFunction, estimator: Estimator) -> "RegionBlocks":
        """The same with estimates of what is cheaper so; where first derivatives are asked for, too, nothing is."""
        estimation = Estimation.of(estimator, trial.problem.vocabulary, self.request.names)
        if estimation is None or self.region.sides or self.request.inner:
            return self
        estimates = trial.request(self.request.names, vocabulary=estimation.vocabulary)
        cheaper = len(estimates.field_channels) < len(self.request.field_channels)
        return replace(self, estimation=estimation, estimates=estimates) if cheaper else self


def group_by_region(
    trial: TrialFunction, skip: tuple[str, ...] = (), smoothing: float = 1.0
) -> dict[str, RegionBlocks]:
    """The blocks of a trial function's terms, but those to skip, by their region's label. smoothing: of viscosities.

    Raises UserError where a term names a side or a quantity that does not exist, or nothing that can be trained.
    """
    problem = trial.problem
    by_region: dict[Region, list[Block]] = {}
    for term_name, term in trial.terms.items():
        if term_name in skip:
            continue
        blocks = by_region.setdefault(trial.within(term.region(problem.domain)), [])
        for component, equation in term.smoothed(smoothing).equations().items():
            given = all(name in problem.coordinates or name.startswith("normal_") for name in equation.arguments)
            asked = f"{equation.name} asks for {', '.join(equation.arguments)} and for no field, derivative or unknown"
            require(
                not given or not equation.arguments, f"{asked}: nothing can be trained by it; name what it is about"
            )
            blocks.append(Block(f"{term_name}.{component}" if component else term_name, term_name, equation))
    groups: dict[str, RegionBlocks] = {}
    for region, blocks in by_region.items():
        where = {
            name: block.equation.name
            for block in blocks
            for name in block.equation.arguments
            if name not in region.columns
        }
        label = region.label
        while label in groups:
            label += "'"
        groups[label] = RegionBlocks(region, tuple(blocks), trial.request(list(where), where))
    return groups


def row_values(equation: Equation, values: Mapping[str, Tensor], points: Points) -> Tensor:
    """The equation's residual in each row (n,) from named values at the points; raises UserError for other shapes."""
    residual = called(equation.function, *(values[name] for name in equation.arguments))
    n = len(points)
    if equation.summed:
        residual = points.by_row(residual).sum(0)
    if not isinstance(residual, Tensor) or residual.shape != (n,):
        got = f"shape {tuple(residual.shape)}" if isinstance(residual, Tensor) else type(residual).__name__
        several = isinstance(residual, (tuple, list)) or (isinstance(residual, Tensor) and residual.ndim > 1)
        raise UserError(
            f"the residual {equation.name} must return a tensor of shape ({n},), one value a point, got {got}"
            + "; write each equation of a system as a term of its own" * several
        )
    return residual


def slopes(function: Callable[..., Tensor], values: Sequence[Tensor]) -> list[Tensor | None]:
    """dr/dq for each argument q of a residual r of each point for itself; None for those it does not depend on."""
    at = [value.detach().clone().requires_grad_() for value in values]
    with torch.enable_grad():
        total = called(function, *at).sum()
    return list(torch.autograd.grad(total, at, allow_unused=True)) if total.requires_grad else [None] * len(at)


def largest_addend(equation: Equation, values: Mapping[str, Tensor], parts: Mapping[str, Tensor]) -> Tensor:
    """max_k |q_k dr/dq_k| at each point (n,), over the equation's arguments.

    values: of the arguments, (n, ...). parts: for an argument that is itself a sum, the largest of its summands; zero
    for those that are no part of the balance, such as coordinates.
    """
    given = [values[name] for name in equation.arguments]
    sizes = [
        (parts.get(name, values[name]) * slope).abs().reshape(len(slope), -1).amax(1)
        for name, slope in zip(equation.arguments, slopes(equation.function, given), strict=True)
        if slope is not None and slope.ndim > 0  # an unknown of the equation is one number
    ]
    return torch.stack(sizes).amax(0) if sizes else given[0].new_zeros(1)


def weights_of(points: Points) -> Tensor:
    """The weights of the rows' squares (n,), or (1,) where all are alike."""
    return points.x.new_ones(1) if points.weight is None else points.weight
