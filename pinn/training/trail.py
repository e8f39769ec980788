"""How much a function still changes in the last steps of its training: what it lacks, at least, where these go on."""

from collections.abc import Mapping

import torch
from torch import Tensor

from pinn.domains.region import Region
from pinn.residuals.residuals import Residuals
from pinn.sampling.sequences import SobolSampler

POINTS = 512
APART = 1.09  # factor between the steps that are kept, at least
SINCE = 1.19  # of steps, over which the change is taken: on 24 runs it was 0.5 to 3 of the error, next to settling


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
        """Field -> ||u - u_before|| / ||u|| since about a sixth of the steps; empty where that is not known."""
        at = max((kept for kept in self.values if kept <= step / SINCE), default=None)
        if at is None:
            return {}
        problem = self.residuals.trial.problem
        told = {}
        for name, now, then in zip(problem.vocabulary.fields, self._fields(theta), self.values[at], strict=True):
            u, e = now, now - then
            if name in problem.defined_up_to_constant:
                u, e = u - u.mean(), e - e.mean()
            told[name] = float(e.norm() / u.norm().clamp_min(torch.finfo(u.dtype).tiny))
        return told

    def state(self) -> dict[str, Tensor]:
        """For a checkpoint."""
        return {str(step): values for step, values in self.values.items()}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a checkpoint."""
        self.values = {int(step): values for step, values in state.items()}

    def _fields(self, theta: Tensor) -> Tensor:
        trial = self.residuals.trial
        if self._x is None:
            generator = torch.Generator().manual_seed(self.seed)
            drawn = SobolSampler(interior=POINTS, boundary=1).draw(trial.domain, Region(), generator)
            self._x = drawn.to(trial.dtype, trial.device).x
        names = trial.problem.vocabulary.fields
        with torch.no_grad():
            values = trial.evaluate(names, self._x, self.residuals.unflatten(theta))
        return torch.stack([values[name].expand(len(self._x)) for name in names])
