"""Points that are drawn anew while training."""

from dataclasses import dataclass
from functools import partial

import torch
from torch import Generator, Tensor

from pinn.residuals.blocks import RegionBlocks
from pinn.residuals.residuals import Residuals
from pinn.sampling.adaptation import State
from pinn.sampling.base import Sampler
from pinn.sampling.points import Points, PointSet


@dataclass(frozen=True)
class Trained:
    """Residuals at parameters theta (p,), as what points may follow."""

    residuals: Residuals
    theta: Tensor

    def redraw(self, sampler: Sampler, adaptation: dict[str, State], generator: Generator) -> PointSet:
        """Points of every region, those in the interior where the sampler wants them; adaptation: changed."""
        trial, redrawn = self.residuals.trial, {}
        for label, group in self.residuals.regions.items():
            state, magnitude = adaptation.get(label, {}), partial(self._magnitude, group)
            points, adaptation[label] = sampler.redraw(
                trial.domain, group.region, generator, magnitude, state, self._fields
            )
            redrawn[label] = points.to(trial.dtype, trial.device)
        return redrawn

    def _magnitude(self, group: RegionBlocks, x: Tensor) -> Tensor:
        """The weighted residual's magnitude at points x (n, d) of an interior region."""
        trial, weights = self.residuals.trial, self.residuals.weights
        points = Points(x.to(dtype=trial.dtype, device=trial.device))
        with torch.no_grad():
            values = self.residuals.region_values(group, points, self.residuals.unflatten(self.theta))
        squares = [weights[block.name] * value.square() for block, value in zip(group.blocks, values, strict=True)]
        return torch.stack(squares).sum(0).sqrt()

    def _fields(self, x: Tensor) -> Tensor:
        """The fields (n, m) at points x (n, d), float64 on the CPU as these are."""
        trial = self.residuals.trial
        with torch.no_grad():
            at = x.to(dtype=trial.dtype, device=trial.device)
            fields = trial.evaluate(trial.problem.vocabulary.fields, at, self.residuals.unflatten(self.theta))
        return torch.stack(list(fields.values()), 1).to(x)
