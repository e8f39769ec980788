"""How a problem is solved: all that a run was told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from pinn.basis.configurable import plain
from pinn.networks.mlp import MLP
from pinn.optimizers.base import Optimizer
from pinn.optimizers.gauss_newton import TrustRegion
from pinn.problem import Problem
from pinn.residuals.exact_terms import make_residuals
from pinn.residuals.execution import Execution
from pinn.sampling.base import Sampler
from pinn.sampling.sequences import SobolSampler
from pinn.scaling.measuring import measure_sizes
from pinn.scaling.sizes import Sizes
from pinn.training.initial_guess import set_initial_guess
from pinn.training.interruption import Interruption
from pinn.training.run import Callback
from pinn.training.settings import Stages, Training
from pinn.training.trainer import Trainer
from pinn.training.weighting import Weighting
from pinn.trial.function import NetworkFactory, TrialFunction


@dataclass(frozen=True)
class Plan:
    """The arguments of `pinn.solve` that decide the numbers, under the same names."""

    problem: Problem
    network: NetworkFactory = MLP
    optimizer: Optimizer | Stages = field(default_factory=TrustRegion)
    sampler: Sampler = field(default_factory=SobolSampler)
    training: Training = field(default_factory=Training)
    constraints: str = "hard"
    derivatives: str = "taylor"
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

    @classmethod
    def of(cls, arguments: Mapping[str, Any]) -> "Plan":
        """From arguments by name, others among them; None takes the default. Nothing is measured."""
        own = {part.name: arguments[part.name] for part in fields(cls) if part.name in arguments}
        return cls(**{name: value for name, value in own.items() if value is not None})

    def measured(self) -> "Plan":
        """This with the problem's sizes; raises UserError where a term cannot be evaluated."""
        return replace(self, sizes=measure_sizes(self.problem, self.scaling, self.derivatives, self.seed))

    @property
    def balanced_weights(self) -> dict[str, float]:
        """The weights of the terms' mean squares in the equations' own units."""
        return self.sizes.weights(self.weights)

    @property
    def configuration(self) -> dict[str, Any]:
        """As plain data; the network's is the trial function's to tell, and the sizes are measured again."""
        told = (part.name for part in fields(self) if part.name not in ("network", "sizes"))
        return {name: plain(getattr(self, name)) for name in told}

    def trainer(
        self,
        window: TrialFunction,
        execution: Execution,
        *,
        saved: Mapping[str, Any] | None = None,
        callbacks: Sequence[Callback] = (),
        time_limit: float | None = None,
        interruption: Interruption | None = None,
    ) -> Trainer:
        """The trainer of a window: at its initial guess, or where a checkpoint `saved` stands.

        All windows' points come from the same seed: at the same places what was before a window is that before the
        window before and its own part, one network instead of all of them. Each process makes the guess for itself.
        Raises UserError where a setting, the equations or the checkpoint are at fault.
        """
        residuals = make_residuals(window, weights=self.balanced_weights, seed=self.seed)
        if saved is None:
            set_initial_guess(residuals, self.initial_guess, self.sampler, self.seed, execution.assembly)
        residuals.load(execution.team.firsts(residuals.theta()))
        trainer = Trainer(
            residuals,
            self.optimizer,
            self.sampler,
            self.training,
            seed=self.seed,
            callbacks=callbacks,
            weighting=self.weighting,
            time_limit=time_limit,
            execution=execution,
            interruption=interruption,
        )
        if saved is not None:
            trainer.restore(saved)
        return trainer
