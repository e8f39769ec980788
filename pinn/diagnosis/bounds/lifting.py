"""Conditions that a trained function does not meet exactly: what is added to it so that it does.

With w from the mismatch on the boundary by transfinite interpolation, v - w meets the conditions of a box exactly, and
||v - u|| <= ||w|| + ||(v - w) - u||,  whatever the equation: the residual is that of v - w.
"""

import copy
from dataclasses import dataclass

import torch

from pinn.ansatz.box import Axis, lift
from pinn.ansatz.prescriptions import Columns, Prescription, prescriptions
from pinn.derivatives.jets import Fields, Operand, Values, stack
from pinn.residuals.exact_terms import ROUNDING, relative_mismatch
from pinn.residuals.residuals import Residuals
from pinn.sampling.sequences import SobolSampler
from pinn.trial.function import TrialFunction

POINTS = 256  # of each side, where conditions are looked at
SLACK = 100.0  # times what counts as rounding: the mismatch is the difference of two evaluations of a network


def unmet(trial: TrialFunction) -> tuple[str, ...]:
    """The boundary conditions that a function does not meet to rounding, at random points of its sides."""
    generator = torch.Generator().manual_seed(0)
    residuals, start = Residuals(trial), f"{trial.domain.time}.min"
    names: dict[str, None] = {}
    for group in residuals.regions.values():
        if group.region.is_interior or group.region.sides == (start,):
            continue
        drawn = SobolSampler(boundary=POINTS).draw(trial.domain, group.region, generator)
        points = drawn.to(trial.dtype, trial.device)
        found = relative_mismatch(residuals, trial, group, points, residuals.theta())
        names |= {term: None for term, value in found.items() if not value < SLACK * ROUNDING}
    return tuple(names)


def lifted(trial: TrialFunction) -> TrialFunction:
    """The function less the interpolation of its mismatch with values and periods on the sides of a box."""
    center = copy.copy(trial)
    center.ansatz = _Lifted(trial)
    return center


@dataclass(frozen=True)
class _Mismatch(Prescription):
    """What a trained function is off by on a side."""

    trial: TrialFunction | None = None

    def __call__(self, columns: Columns) -> Operand:
        assert self.trial is not None
        return _field(self.trial, self.field, columns) - super().__call__(columns)


class _Lifted:
    """An ansatz: the trained function's fields less what they are off by. Its parameters are the trained ones."""

    def __init__(self, trial: TrialFunction) -> None:
        self.trial = trial
        self.kept = prescriptions(trial.problem).kept
        self.periods = [period for term in trial.problem.all_terms().values() if (period := term.period()) is not None]

    def __call__(self, x: Values, outputs: Fields) -> Fields:
        trial = self.trial
        fields = outputs if trial.ansatz is None else trial.ansatz(x, outputs)
        columns = {name: x[:, i] for i, name in enumerate(trial.problem.coordinates)}
        return {name: fields[name] - self._correction(name, columns) for name in trial.problem.vocabulary.fields}

    def _correction(self, field: str, columns: Columns) -> Operand:
        axes = []
        for name in self.trial.domain.space_coordinates:
            own = [p for p in self.kept if (p.field, p.place.coordinate, p.order) == (field, name, 0)]
            if own:
                off = tuple(_Mismatch(p.term, p.field, p.place, 0, p.value, p.sign, self.trial) for p in own)
                axes.append(Axis(name, self.trial.domain.bounds[name], off))
        total = lift(axes, lambda columns: 0.0 * columns[self.trial.problem.coordinates[0]])(columns)
        for period in self.periods:
            if field in period.quantities:
                total = total + self._seam(field, period.coordinate, columns)
        return total

    def _seam(self, field: str, name: str, columns: Columns) -> Operand:
        """What makes a field repeat: its jump, from minus a half to a half."""
        lower, upper = self.trial.domain.bounds[name]
        ends = [{**columns, name: 0.0 * columns[name] + end} for end in (lower, upper)]
        first, last = (_field(self.trial, field, at) for at in ends)
        return ((columns[name] - lower) / (upper - lower) - 0.5) * (last - first)


def _field(trial: TrialFunction, field: str, columns: Columns) -> Values:
    x = stack([columns[name] for name in trial.problem.coordinates], -1)
    return trial.field_function(trial.parameters())(x)[field]
