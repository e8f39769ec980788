"""The error that the noise of data leaves in what was fitted to them, where all else holds.

With J of the weighted residual at the end of the training and lambda its last damping, the parameters follow the noise
along J's right singular vectors by s / (s^2 + lambda): what the steps have not fitted does not vary. The covariance of
a ridge estimate: Hoerl & Kennard 1970 (doi:10.2307/1267351), by which an early end regularizes: Bishop 1995.
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

from pinn.diagnosis.steps import Fields
from pinn.diagnosis.verdict import CONSISTENT, LEARNT
from pinn.linear_algebra.truncated import column_lengths
from pinn.residuals.residuals import unflatten
from pinn.sampling.sequences import anywhere
from pinn.solution.design import DEVIATIONS, Deviations
from pinn.solution.results import Doubt
from pinn.solution_file.measured import ErrorEstimate, ErrorGrowth
from pinn.training.held_out import numbers
from pinn.training.run import Run
from pinn.training.trainer import Trainer
from pinn.training.weighting import exact_loss
from pinn.trial.function import TrialFunction
from pinn.trial.windows import WindowedTrial

HOLDS = 0.05  # of the loss, where noise is one, up to which all other terms hold
WIDEST, MOST = 3000, 2**16  # parameters and rows up to which J is decomposed
NEGLECTED = 1e-3  # share of the variance
HEAVIER = 1e2  # times that what is exact is weighed where a prior holds the rest
SETTLED = 1e-12  # damping, by J's largest singular value squared, where a prior takes its place
POINTS = 600  # where the fields are compared


@dataclass(frozen=True)
class NoiseErrors:
    """A function with what noise leaves open of it. spread (p, k): parameters by independent standard deviations."""

    trial: TrialFunction
    start: Tensor
    shapes: Mapping[str, torch.Size]
    spread: Tensor
    x: Tensor

    @property
    def measured(self) -> ErrorEstimate:
        """The standard deviation of each field over its size, root mean squares, for the solution file."""
        with torch.no_grad():
            values = self.trial.evaluate(self._fields, self.x)
        for name in self.trial.problem.defined_up_to_constant:
            values[name] = values[name] - values[name].mean()
        errors = {name: float(e.norm() / values[name].norm()) for name, e in self.missing(self.x).items()}
        return ErrorEstimate(errors, 0.0, way=ErrorEstimate.NOISE)

    @property
    def growth(self) -> ErrorGrowth | None:
        """Not by time: what noise leaves open does not grow from a start."""
        return None

    @property
    def doubt(self) -> Doubt:
        """By how much what is asked of the fields may be wrong: as for each of the deviations."""
        return Doubt(tuple(self._moved(direction) for direction in self.spread.mT))

    def _moved(self, direction: Tensor) -> TrialFunction:
        """The function with a deviation (p,) of its parameters."""
        moved = self.trial.with_core(copy.deepcopy(self.trial.network.core))
        moved.load_parameters(moved.parameters() | dict(unflatten(self.start + direction, self.shapes)))
        return moved

    def missing(self, x: Tensor) -> Fields:
        """The fields' standard deviations at points x (n, d), but for constants up to which they are defined."""
        changes = self.changes(x)
        for name, constant in self._constants.items():
            changes[:, self._fields.index(name)] -= constant[:, None]
        return dict(zip(self._fields, changes.square().sum(0).sqrt(), strict=True))

    @cached_property
    def _constants(self) -> Fields:
        """What each of the deviations changes (k,) of the mean of a field that is defined up to a constant."""
        free = self.trial.problem.defined_up_to_constant
        means = self.changes(self.x).mean(2) if free else None  # (k, m)
        return {} if means is None else {name: means[:, self._fields.index(name)] for name in free}

    @cached_property
    def deviations(self) -> Deviations:
        """Of all parameters: those that were not trained do not vary."""
        zero = {name: self.spread.new_zeros(v.shape) for name, v in self.trial.parameters().items()}
        rows = [
            torch.cat([v.reshape(-1) for v in (zero | dict(unflatten(direction, self.shapes))).values()])
            for direction in self.spread.mT
        ]
        return Deviations(self.trial, torch.stack(rows))

    @property
    def columns(self) -> dict[str, NDArray]:
        """For /diagnosis of the solution file."""
        return {DEVIATIONS: self.deviations.matrix.double().cpu().numpy().reshape(-1)}

    def changes(self, x: Tensor) -> Tensor:
        """What each of the deviations changes of the fields at points x (n, d): (k, m, n)."""
        return self.deviations.changes(self._fields, x)

    @property
    def _fields(self) -> tuple[str, ...]:
        return self.trial.problem.vocabulary.fields


def noise_errors(trial: TrialFunction | WindowedTrial, run: Run, seed: int = 0) -> NoiseErrors | None:
    """What the noise of the data leaves open, after a run that has met them to it.

    None where no noise is given, it is not what is left, or there are several windows.
    """
    if not isinstance(run, Trainer) or not run.held_out.noisy or len(trial.windows) > 1:
        return None
    minimized = run.minimized()
    if minimized is None or len(minimized[1]) > WIDEST or not _is_down_to_noise(run):
        return None
    least_squares, theta = minimized
    if least_squares.rows > MOST:
        return None
    _, j = least_squares.jacobian(theta)
    if run.residuals.by_evidence:
        _hold(run, j)
    lengths = torch.ones_like(theta) if run.damping else column_lengths(j)  # as the steps have them
    _, s, v = torch.linalg.svd(j / lengths, full_matrices=False)
    observations = max(run.held_out.noisy.values())  # whose mean is in the loss
    if run.residuals.by_evidence:  # a prior holds what data and equations do not, and steps have come to an end
        deviations = (s.square() + SETTLED * float(s[0]) ** 2).rsqrt()
    elif run.damping:
        deviations = s / (s.square() + max(run.damping, torch.finfo(s.dtype).eps * float(s[0]) ** 2))
    else:  # what is cut off in a fit does not vary
        deviations = torch.where(s > max(j.shape) * torch.finfo(s.dtype).eps * s[0], 1.0 / s, 0.0)
    spread = v.mT * (deviations / observations**0.5) / lengths[:, None]
    x = anywhere(trial.windows[0], POINTS, Generator().manual_seed(seed + 2**22))
    found = NoiseErrors(trial.windows[0], theta, dict(least_squares.shapes), spread, x)
    unknowns = [found.deviations.of_unknown(name) for name in trial.problem.unknowns]
    return replace(found, spread=spread @ _leading(found.changes(x), unknowns))


def _hold(run: Trainer, j: Tensor) -> None:
    """Rows of J of what is exact, heavier: data and priors are not to bend it, as they did a little in training."""
    for block, rows in run.residuals.rows(run.points).items():
        if block not in run.held_out.noisy and block not in run.residuals.priors:
            j[rows] *= HEAVIER**0.5


def _leading(changes: Tensor, unknowns: Sequence[Tensor]) -> Tensor:
    """Orthonormal combinations (k, q) of deviations that hold all but some thousandths of each field's and unknown's.

    changes: of the fields (k, m, n), and of each unknown (k,).
    """
    each = [*changes.unbind(1), *(change[:, None] for change in unknowns)]
    scaled = torch.cat([change / change.norm().clamp_min(torch.finfo(change.dtype).tiny) for change in each], 1)
    u, s, _ = torch.linalg.svd(scaled, full_matrices=False)
    left = 1.0 - s.square().cumsum(0) / s.square().sum()
    return u[:, : int((left > NEGLECTED).sum()) + 1]


def _is_down_to_noise(run: Trainer) -> bool:
    """Whether each misfit is as large as its noise, and all other terms are small beside it."""
    means, noisy = numbers(run.least_squares.mean_squares(run.theta)), run.held_out.noisy
    weights = {block: weight for block, weight in run.residuals.weights.items() if block not in run.residuals.priors}
    holds = exact_loss(weights, means, noisy) < HOLDS
    return holds and all(LEARNT**2 < means[block] < CONSISTENT**2 for block in noisy)
