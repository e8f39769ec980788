"""What every process of a run builds for itself."""

import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from pinn.basis.errors import UserError, require
from pinn.distributed.team import Team
from pinn.problem import Problem
from pinn.solving.device import choose_dtype
from pinn.training.callbacks.base import Callback
from pinn.training.checkpoint import FILE_NAME as CHECKPOINT
from pinn.training.checkpoint import load_tree
from pinn.training.marching import TimeMarching
from pinn.training.plan import Plan
from pinn.training.trainer import Trainer
from pinn.trial.function import NetworkFactory, TrialFunction
from pinn.trial.windows import WindowedTrial, make_windows


@dataclass(frozen=True)
class Blueprint:
    """A trial function and its trainer, the same in every process: all that is random comes from the plan's seed.

    folder: where the run that is resumed has its checkpoint; None for a new run.
    """

    problem: Problem
    network: NetworkFactory
    plan: Plan
    constraints: str
    derivatives: str
    dtype: str
    folder: Path | None = None

    def trial(self, device: torch.device) -> TrialFunction | WindowedTrial:
        """The trial function on a device, its parameters random."""
        torch.manual_seed(self.plan.seed)
        return make_windows(
            self.problem,
            self.network,
            self.plan.training.windows,
            constraints=self.constraints,
            derivatives=self.derivatives,
            dtype=choose_dtype(self.dtype),
            device=device,
        )

    def trainer(
        self, trial: TrialFunction | WindowedTrial, team: Team, callbacks: Sequence[Callback] = ()
    ) -> Trainer | TimeMarching:
        """What trains it in a team: at its initial guess, or where the checkpoint stands."""
        saved = None if self.folder is None else load_tree(self.folder / CHECKPOINT)
        plan = replace(self.plan, team=team)
        trainer: Trainer | TimeMarching
        if isinstance(trial, WindowedTrial):
            trainer = TimeMarching(trial, plan, callbacks, saved=saved)
        else:
            trainer = plan.trainer(trial, saved=saved, callbacks=callbacks)
        if saved is not None:
            trainer.check_there_is_more()
        return trainer

    def packed(self) -> bytes:
        """This as bytes for another process; raises UserError where a part cannot be sent."""
        parts = {**vars(self), "problem": (type(self.problem), self.problem._constructor_arguments)}
        for name, part in parts.items():
            try:
                pickle.dumps(part)
            except (pickle.PicklingError, AttributeError, TypeError) as error:
                raise UserError(
                    f"several devices are several processes, and the {name} cannot be sent to them: {error}; build it "
                    "from classes and functions of a module, without lambdas (functools.partial(MLP, width=32))"
                ) from error
        return pickle.dumps(parts)


def unpacked(sent: bytes) -> Blueprint:
    """The blueprint that the process which started this one has packed and handed over; never from a file."""
    parts: Mapping[str, Any] = pickle.loads(sent)
    make, arguments = parts["problem"]
    require(issubclass(make, Problem), f"no problem was sent, but {make!r}")
    return Blueprint(**{**parts, "problem": make(**arguments)})
