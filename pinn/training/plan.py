"""How a problem is solved: all that a run was told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import torch

from pinn.basis.configurable import plain
from pinn.derivatives.estimators import DRAWS, Estimator
from pinn.networks.mlp import MLP
from pinn.optimizers.automatic import Automatic
from pinn.optimizers.base import Optimizer
from pinn.optimizers.gauss_newton import LeastDamping
from pinn.problem import Problem
from pinn.residuals.exact_terms import make_residuals
from pinn.residuals.execution import Execution
from pinn.sampling.base import Sampler
from pinn.sampling.sequences import SobolSampler
from pinn.scaling.measuring import measure_sizes
from pinn.scaling.sizes import Sizes
from pinn.training.clock import Clock
from pinn.training.initial_guess import set_initial_guess
from pinn.training.interruption import Interruption
from pinn.training.nodes import suited
from pinn.training.run import Callback
from pinn.training.settings import Stages, Training, stages_of
from pinn.training.trainer import Trainer
from pinn.training.weighting import Weighting
from pinn.trial.characteristics import Characteristics, parts_of
from pinn.trial.function import NetworkFactory, TrialFunction
from pinn.trial.making import make_windows
from pinn.trial.windows import WindowedTrial

UNTOLD = "network", "sizes", "parts", "travel", "hasty"  # of a plan's parts, in its configuration


@dataclass(frozen=True)
class Plan:
    """The arguments of `pinn.solve` that decide the numbers, under the same names."""

    problem: Problem
    network: NetworkFactory = MLP
    optimizer: Optimizer | Stages | Automatic = field(default_factory=Automatic)
    sampler: Sampler = field(default_factory=SobolSampler)
    training: Training = field(default_factory=Training)
    constraints: str = "hard"
    derivatives: str = "taylor"
    probes: int = 16
    weights: Mapping[str, float] | None = None
    weighting: Weighting | None = None
    initial_guess: str | None = None
    compile: str = "auto"
    scaling: str = "auto"
    seed: int = 0
    dtype: str = "float64"
    device: str = "auto"
    devices: int | Sequence[int] = 1
    sizes: Sizes = field(default_factory=Sizes)  # by which `scaling` has it solved
    parts: int = 1  # of the domain between which coefficients jump or kinks travel, where a method is chosen by them
    travel: bool = False  # whether these are kinks that travel
    hasty: bool = False  # whether windows of time are left where what begins is not smooth

    @classmethod
    def of(cls, arguments: Mapping[str, Any]) -> "Plan":
        """From arguments by name, others among them; None takes the default. Nothing is measured."""
        own = {part.name: arguments[part.name] for part in fields(cls) if part.name in arguments}
        return cls(**{name: value for name, value in own.items() if value is not None})

    def measured(self) -> "Plan":
        """This with the problem's sizes and parts; raises UserError where a term cannot be evaluated."""
        sizes = measure_sizes(self.problem, self.scaling, self.derivatives, self.seed)
        parts = parts_of(self.problem)
        travel = isinstance(parts, Characteristics)
        return replace(self, sizes=sizes, parts=1 if parts is None else parts.count, travel=travel)

    @property
    def balanced_weights(self) -> dict[str, float]:
        """The weights of the terms' mean squares in the equations' own units."""
        return self.sizes.weights(self.weights)

    @property
    def estimator(self) -> Estimator | None:
        """That of operators in many coordinates, where one is chosen."""
        return Estimator(DRAWS[self.derivatives], self.probes) if self.derivatives in DRAWS else None

    @property
    def stages(self) -> Stages:
        """What trains; least damping where the choice of a method is still open."""
        optimizer = LeastDamping() if isinstance(self.optimizer, Automatic) else self.optimizer
        return Stages(stages_of(optimizer))

    @property
    def configuration(self) -> dict[str, Any]:
        """As plain data; the network's is the trial function's to tell; sizes and parts are found again."""
        told = (part.name for part in fields(self) if part.name not in UNTOLD)
        return {name: plain(getattr(self, name)) for name in told}

    def trial(
        self, dtype: torch.dtype, device: torch.device, windows: int | str | Sequence[float] = 1
    ) -> TrialFunction | WindowedTrial:
        """The trial function in windows of time, as of `make_windows`, with random parameters by the plan's seed."""
        torch.manual_seed(self.seed)
        return make_windows(
            self.problem,
            self.network,
            windows,
            constraints=self.constraints,
            derivatives=self.derivatives,
            dtype=dtype,
            device=device,
            sizes=self.sizes.fields or None,
        )

    def trainer(
        self,
        window: TrialFunction,
        execution: Execution,
        *,
        saved: Mapping[str, Any] | None = None,
        callbacks: Sequence[Callback] = (),
        clock: Clock | None = None,
        interruption: Interruption | None = None,
        searching: bool = True,
    ) -> Trainer:
        """The trainer of a window: at its initial guess, or where a checkpoint `saved` stands.

        All windows' points come from the same seed: at the same places what was before a window is that before the
        window before and its own part, one network instead of all of them. Each process makes the guess for itself.
        clock: of the window, which the guess counts to. searching: whether scales of features are looked for.
        Raises UserError where a setting, the equations or the checkpoint are at fault.
        """
        residuals = make_residuals(window, weights=self.balanced_weights, seed=self.seed, estimator=self.estimator)
        clock = clock or Clock(self.training.time_limit)
        pairs, guess = None, None if self.initial_guess == "features" and not searching else self.initial_guess
        if saved is None:
            left = None if clock.limit is None else clock.limit - clock.elapsed
            pairs = set_initial_guess(residuals, guess, self.sampler, self.seed, execution.assembly, left)
        residuals.load(execution.team.firsts(residuals.theta()))
        trainer = Trainer(
            residuals,
            self.stages,
            suited(self.sampler, window),
            self.training,
            seed=self.seed,
            callbacks=callbacks,
            weighting=self.weighting,
            time_limit=clock.limit,
            execution=execution,
            interruption=interruption,
        )
        if saved is not None:
            trainer.restore(saved)
            residuals.load(trainer.theta)
            trainer.sampler = suited(self.sampler, window)  # to the functions that are restored
        elif pairs is not None:
            trainer.at.eigenvalues, trainer.at.wanted = list(pairs.values), pairs.value
        trainer.at.seconds += clock.elapsed
        return trainer
