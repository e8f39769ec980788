"""How a window of time is trained: all that a run was told, apart from the window itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from pinn.distributed.team import Alone, Team
from pinn.optimizers.base import Optimizer
from pinn.replicas import Replicas
from pinn.residuals.exact_terms import make_residuals
from pinn.sampling.base import Sampler
from pinn.training.callbacks.base import Callback
from pinn.training.initial_guess import set_initial_guess
from pinn.training.interruption import Interruption
from pinn.training.replicas import replicated
from pinn.training.settings import Stages, Training, stages_of
from pinn.training.trainer import Trainer
from pinn.training.weighting import Weighting
from pinn.trial.function import TrialFunction


@dataclass(frozen=True)
class Plan:
    """The settings that all windows share; the arguments of `pinn.solve` have the same names.

    team: the processes that share the rows of the residual. Each makes the initial guess for itself.
    """

    optimizer: Optimizer | Stages
    sampler: Sampler
    training: Training
    weights: Mapping[str, float] | None = None
    weighting: Weighting | None = None
    initial_guess: str | None = None
    compile: bool = False
    graphs: bool = False
    seed: int = 0
    team: Team = field(default_factory=Alone)

    def trainer(
        self,
        window: TrialFunction,
        *,
        saved: Mapping[str, Any] | None = None,
        callbacks: Sequence[Callback] = (),
        time_limit: float | None = None,
        interruption: Interruption | None = None,
        starts: Tensor | None = None,
    ) -> Trainer:
        """The trainer of a window: at its initial guess, or where a checkpoint `saved` stands.

        starts: parameters (R, p) of the networks that are trained at once, in place of the window's own.

        All windows' points come from the same seed: at the same places what was before a window is that before the
        window before and its own part, one network instead of all of them.
        Raises UserError where a setting, the equations or the checkpoint are at fault.
        """
        residuals = make_residuals(
            window,
            weights=self.weights,
            chunk=self.training.jacobian_chunk,
            compile=self.compile,
            graphs=self.graphs,
            seed=self.seed,
        )
        if saved is None:
            set_initial_guess(residuals, self.initial_guess, self.sampler, self.seed)
        residuals.load(self.team.firsts(residuals.theta()))
        residuals.team = self.team
        trainer = Trainer(
            residuals if starts is None else Replicas(residuals, starts),
            self.optimizer if starts is None else replicated(stages_of(self.optimizer)),
            self.sampler,
            self.training,
            seed=self.seed,
            callbacks=callbacks,
            weighting=self.weighting,
            time_limit=time_limit,
            interruption=interruption,
        )
        if saved is not None:
            trainer.restore(saved)
        return trainer
