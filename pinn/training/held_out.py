"""What is measured while training: losses, residuals on fresh points, errors."""

import math

import torch
from torch import Tensor

from pinn.distributed.team import Alone, Team
from pinn.residuals.blocks import Block
from pinn.residuals.least_squares import bind
from pinn.residuals.protocol import Collocation
from pinn.residuals.residuals import Named, Residuals
from pinn.residuals.shared import shared
from pinn.sampling.points import Points, PointSet
from pinn.sampling.sequences import UniformSampler
from pinn.solution_file.measured import Measure
from pinn.training.run import StepRecord


class HeldOut:
    """Points apart from the training's, drawn once, so that what is measured there compares from step to step.

    Of exact derivatives, for estimates square to more. n: points a region. seed: of their drawing. team: shares the
    work. The truth there is computed once.
    """

    def __init__(self, residuals: Residuals, n: int, seed: int, team: Team | None = None) -> None:
        residuals = self.residuals = residuals.exactly()
        sampler, generator = UniformSampler(interior=n, boundary=n), torch.Generator().manual_seed(seed)
        self.points = residuals.draw(sampler, generator)
        self.least_squares: Collocation = shared(bind(residuals, self.points), team or Alone())
        self.truth = self._truth()
        self.noisy = noisy_blocks(residuals, self.points)

    def _truth(self) -> dict[str, Tensor]:
        if "interior" not in self.points:
            return {}
        x = self.points["interior"].x
        truth = self.residuals.trial.problem.truth(x.double().cpu().numpy()) or {}
        return {name: torch.as_tensor(values).to(x) for name, values in truth.items()}

    def leave_team(self) -> None:
        """From now on measure alone."""
        self.least_squares = bind(self.residuals, self.points)

    def measure(self, theta: Tensor, training: Collocation) -> StepRecord:
        """The losses at the training's points, the held-out ones and their sum, errors.

        Residuals are root mean squares in the equation's own units, whatever the weights. Imbalances are of equations
        in the interior: 1 for a wrong answer, whatever the units. Noise is of data whose noise is given.
        """
        weights = self.residuals.weights
        losses = numbers(training.mean_squares(theta))
        held_out, terms = map(numbers, self.least_squares.balances(theta))
        fresh = {block: weights[block] * value for block, value in held_out.items()}
        record: StepRecord = Measure.LOSS.entries({block: weights[block] * value for block, value in losses.items()})
        record |= Measure.HELD_OUT.entries(fresh) | {Measure.HELD_OUT.total: sum(fresh.values())}
        residual = {block: math.sqrt(value) for block, value in held_out.items()}
        left = {block: math.sqrt(held_out[block] / term) for block, term in terms.items() if term > 0}
        noise = {block: residual[block] for block in self.noisy}
        record |= Measure.RESIDUAL.entries(residual) | Measure.IMBALANCE.entries(left) | Measure.NOISE.entries(noise)
        return record | Measure.ERROR.entries(self.errors(theta))

    def errors(self, theta: Tensor) -> dict[str, float]:
        """The relative L2 error of each field whose truth is known."""
        if not self.truth:
            return {}
        trial = self.residuals.trial
        with torch.no_grad():
            fields = trial.evaluate(list(self.truth), self.points["interior"].x, self.residuals.unflatten(theta))
        free = trial.problem.defined_up_to_constant
        return {field: relative_l2(fields[field], true, field in free) for field, true in self.truth.items()}


def numbers(values: Named) -> dict[str, float]:
    """Tensors of one number each as numbers, all in one copy from the device."""
    return dict(zip(values, torch.stack(list(values.values())).tolist(), strict=True)) if values else {}


def noisy_blocks(residuals: Residuals, points: PointSet) -> dict[str, int]:
    """The blocks of data whose noise is given, and their observations: their residuals are in its unit."""
    return {
        block.name: len(points[label])
        for label, group in residuals.regions.items()
        for block in group.blocks
        if any(bool((noise != 1.0).any()) for noise in _noise(block, points[label]))
    }


def _noise(block: Block, points: Points) -> list[Tensor]:
    """The standard deviations that a block of data divides by."""
    return [
        points.columns[name] for name in block.equation.arguments if name.startswith("noise") and name in points.columns
    ]


def relative_l2(values: Tensor, true: Tensor, up_to_constant: bool = False) -> float:
    """||values - true|| / ||true|| over the points; up_to_constant removes both means first."""
    if up_to_constant:
        values, true = values - values.mean(), true - true.mean()
    return float((values - true).norm() / true.norm())
