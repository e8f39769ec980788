"""Corrections of a trained function: steps in parameters of its own and of functions beside it, window by window."""

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from pinn.networks.corrected import CORRECTIONS, CorrectedNetwork
from pinn.residuals.residuals import unflatten
from pinn.trial.function import TrialFunction
from pinn.trial.windows import WindowedTrial

BRISK, SHORT = 1.0, 3  # seconds for a window of time below which points and features are so many times fewer

Trial = TrialFunction | WindowedTrial
Fields = dict[str, Tensor]
Waves = tuple[float, ...]  # the largest along each coordinate


class Correction(ABC):
    """What is added to a trained function. left: share of the residual that it leaves, as of `ErrorEstimate`.

    waves: of its features. runner_up: another one, which leaves least but for this.
    """

    trial: Trial
    left: float
    waves: Waves
    runner_up: "Correction | None" = None

    @abstractmethod
    def at(self, x: Tensor) -> tuple[Fields, Fields]:
        """The fields at points x (n, d), and what the correction adds to them."""

    @property
    def unknowns(self) -> dict[str, float]:
        """What it adds to the values of unknowns."""
        return {}

    @abstractmethod
    def applied(self) -> Trial:
        """The corrected function, which shares no memory with the trained one."""

    def change(self, x: Tensor) -> Fields:
        """What the correction adds to the fields at points x (n, d)."""
        return self.at(x)[1]


@dataclass(frozen=True)
class Step(Correction):
    """A step in some parameters of a trial function, its own and those of random features beside it.

    best: the step that leaves least on fresh points. full: the one that fits best.
    """

    trial: TrialFunction
    held: Mapping[str, Tensor]
    shapes: Mapping[str, torch.Size]
    start: Tensor
    left: float
    best: Tensor
    full: Tensor
    waves: Waves
    runner_up: Correction | None = None

    def at(self, x: Tensor) -> tuple[Fields, Fields]:
        """To first order, as it was solved for."""
        names = self.trial.problem.vocabulary.fields

        def fields(theta: Tensor) -> Fields:
            return self.trial.evaluate(names, x, {**unflatten(theta, self.shapes), **self.held})

        linearized: Any = torch.func.jvp(fields, (self.start,), (self.best,))
        return linearized

    @property
    def unknowns(self) -> dict[str, float]:
        named = unflatten(self.best, self.shapes)
        slopes = self.trial.unknown_slopes
        return {name: slope * float(named[f"unknowns.{name}"]) for name, slope in slopes.items()}

    def applied(self) -> TrialFunction:
        corrected = self.trial.with_core(copy.deepcopy(self.trial.network.core))
        corrected.load_parameters({**unflatten(self.start + self.best, self.shapes), **self.held})
        return corrected


@dataclass(frozen=True)
class March(Correction):
    """The corrections of windows of time, each after the corrected ones before it, so that errors grow in time.

    factors: field -> by how much larger errors are than what the corrections see; 1 where none is given.
    """

    trial: WindowedTrial
    corrected: WindowedTrial
    left: float
    waves: Waves
    factors: Mapping[str, float] = field(default_factory=dict)

    def at(self, x: Tensor) -> tuple[Fields, Fields]:
        names = self.trial.problem.vocabulary.fields
        with torch.no_grad():
            before, after = self.trial.evaluate(names, x), self.corrected.evaluate(names, x)
        return before, {name: self.factors.get(name, 1.0) * (after[name] - before[name]) for name in names}

    def applied(self) -> WindowedTrial:
        return self.corrected


@dataclass(frozen=True)
class Effort:
    """Seconds for the search of a correction, in each window of time, and where it begins.

    least, most: where a correction is clear, and where none is. waves: of the first features, None for a middle scale.
    share: by which there are fewer points and features. spare: seconds that may be taken besides where that pays.
    """

    least: float
    most: float
    waves: Waves | None = None
    share: int = 1
    spare: float = 0.0

    @classmethod
    def of(cls, trial: Trial, least: float, most: float, spare: float = 0.0) -> "Effort":
        """That of so many seconds for the whole function."""
        count = len(trial.windows)
        return cls(least / count, most / count, share=SHORT if most / count < BRISK else 1, spare=spare / count)


def with_correction(trial: TrialFunction, correction: nn.Module) -> tuple[TrialFunction, str]:
    """The function with one more correction beside a copy of its network, and what its parameters' names begin with."""
    core = CorrectedNetwork.of(copy.deepcopy(trial.network.core), correction.to(trial.dtype).to(trial.device))
    return trial.with_core(core), f"core.{CORRECTIONS}.{len(core.corrections) - 1}"


def divided(trial: TrialFunction, moved: Sequence[str]) -> tuple[Tensor, dict[str, torch.Size], dict[str, Tensor]]:
    """The parameters of these names as one vector, their shapes, and copies of all others."""
    parameters = trial.parameters()
    held = {name: values.clone() for name, values in parameters.items() if name not in moved}
    free = {name: values for name, values in parameters.items() if name in moved}
    start = torch.cat([values.reshape(-1) for values in free.values()])
    return start, {name: values.shape for name, values in free.items()}, held
