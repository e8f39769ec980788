"""How much a function still changes in the last steps of its training: what it lacks, at least, where these go on."""

from collections.abc import Mapping

import torch
from torch import Tensor

from pinn.residuals.residuals import Residuals
from pinn.sampling.sequences import SobolSampler, anywhere

POINTS = 512
APART = 1.09  # factor between the steps that are kept, at least
SINCE = 1.3  # of steps, whose median is taken


class Trail:
    """The fields at fixed points after steps of a stage that lie ever further apart, the latest alone.

    values: step -> (fields, points).
    """

    def __init__(self, residuals: Residuals, seed: int) -> None:
        self.residuals = residuals
        self.seed = seed
        self.values: dict[int, Tensor] = {}
        self._x: Tensor | None = None

    def note(self, step: int, theta: Tensor) -> None:
        """Keep the fields after a step, where the last that was kept is long ago; forget those that nobody asks for."""
        if step < APART * max(self.values, default=0):
            return
        self.values[step] = self._fields(theta)
        oldest = max((kept for kept in self.values if kept <= step / SINCE), default=0)
        self.values = {kept: values for kept, values in self.values.items() if kept >= oldest}

    def forget(self) -> None:
        """What was before does not count: another stage begins."""
        self.values = {}

    def change(self, step: int, theta: Tensor) -> dict[str, float]:
        """Field -> the median of ||u - u_before|| / ||u|| since about a quarter of the steps; empty where not known.

        theta: the best parameters, which may be older: what came after them counts alike, and a single jump does not.
        """
        if not any(kept <= step / SINCE for kept in self.values):
            return {}
        problem = self.residuals.trial.problem
        told = {}
        u, before = self._fields(theta), torch.stack(list(self.values.values()))
        for k, name in enumerate(problem.vocabulary.fields):
            v, e = u[k], u[k] - before[:, k]
            if name in problem.defined_up_to_constant:
                v, e = v - v.mean(), e - e.mean(1, keepdim=True)
            change = torch.linalg.vector_norm(e, dim=1).quantile(0.5)
            told[name] = float(change / v.norm().clamp_min(torch.finfo(v.dtype).tiny))
        return told

    def state(self) -> dict[str, Tensor]:
        """For a checkpoint."""
        return {str(step): values for step, values in self.values.items()}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a checkpoint, without what is no such state."""
        shape = (len(self.residuals.trial.problem.vocabulary.fields), POINTS)
        kept = {step: values for step, values in state.items() if step.isdigit() and values.shape == shape}
        self.values = {int(step): values for step, values in kept.items()}

    def _fields(self, theta: Tensor) -> Tensor:
        trial = self.residuals.trial
        if self._x is None:
            self._x = anywhere(trial, POINTS, torch.Generator().manual_seed(self.seed), SobolSampler)
        names = trial.problem.vocabulary.fields
        with torch.no_grad():
            values = trial.evaluate(names, self._x, self.residuals.unflatten(theta))
        return torch.stack([values[name].expand(len(self._x)) for name in names])
