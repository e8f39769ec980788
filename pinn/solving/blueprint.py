"""What every process of a run builds for itself."""

import contextlib
import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import torch

from pinn.basis.errors import UserError
from pinn.basis.pages import Page
from pinn.distributed.team import Team
from pinn.residuals.assembly import Assembly
from pinn.residuals.execution import Execution
from pinn.solution.loading import no_larger_than
from pinn.solution_file.soundness import understood
from pinn.solving.compilation import choose_compilation
from pinn.solving.cuda_graphs import make_recorder
from pinn.solving.device import choose_dtype
from pinn.training.checkpoint import FILE_NAME as CHECKPOINT
from pinn.training.checkpoint import load_tree
from pinn.training.clock import Clock
from pinn.training.interruption import Interruption
from pinn.training.marching import TimeMarching
from pinn.training.plan import Plan
from pinn.training.run import Callback, Run
from pinn.trial.function import TrialFunction
from pinn.trial.windows import WindowedTrial


@dataclass(frozen=True)
class Blueprint:
    """A trial function and its training, the same in every process: all that is random comes from the plan's seed.

    folder: where the run that is resumed has its checkpoint; None for a new run. clock: of its training.
    """

    plan: Plan
    folder: Path | None = None
    clock: Clock = field(default_factory=Clock)

    def trial(self, device: torch.device) -> TrialFunction | WindowedTrial:
        """The trial function on a device, its parameters random."""
        with self._bounded():
            return self.plan.trial(choose_dtype(self.plan.dtype), device, self.plan.training.windows)

    @cached_property
    def _saved(self) -> dict[str, Any]:
        """The checkpoint of the run that is resumed."""
        assert self.folder is not None
        return load_tree(self.folder / CHECKPOINT)

    @contextlib.contextmanager
    def _bounded(self) -> Iterator[None]:
        """Of a run that is resumed: no network is made that has many more parameters than its checkpoint.

        Which may be of one window of several that are made; whether all fits is seen later.
        """
        if self.folder is None:
            yield
            return
        with understood(path := self.folder / CHECKPOINT):
            tree = self._saved
            held = [*tree.get("parameters", {}).values(), (tree.get("trainer") or tree).get("theta")]
            count = sum(values.numel() for values in held if values is not None)
        if not count:  # of a run in windows that has not begun
            yield
            return
        windows = self.plan.training.windows
        count *= windows if isinstance(windows, int) else 1
        told = f"{path} belongs to another network or problem; resume with the settings of its run"
        with no_larger_than(count, count, told):
            yield

    def training(
        self,
        trial: TrialFunction | WindowedTrial,
        team: Team,
        callbacks: Sequence[Callback] = (),
        interruption: Interruption | None = None,
    ) -> Run:
        """What trains it in a team: at its initial guess, or where the checkpoint stands."""
        if self.folder is None:
            return self._run(trial, team, callbacks, interruption)
        with understood(self.folder / CHECKPOINT):
            return self._run(trial, team, callbacks, interruption, self._saved)

    def _run(
        self,
        trial: TrialFunction | WindowedTrial,
        team: Team,
        callbacks: Sequence[Callback],
        interruption: Interruption | None,
        saved: Mapping[str, Any] | None = None,
    ) -> Run:
        plan = self.plan
        elementwise, graphs = choose_compilation(plan.compile, plan.training.time_limit, trial.device)
        execution = Execution(
            Assembly(chunk=plan.training.jacobian_chunk, compile=elementwise),
            team,
            partial(make_recorder, trial.device) if graphs else None,
        )
        told: dict[str, Any] = {"saved": saved, "clock": self.clock, "interruption": interruption}
        if isinstance(trial, WindowedTrial):
            return TimeMarching(trial, plan, execution, callbacks, **told)
        return plan.trainer(trial, execution, callbacks=callbacks, **told)

    def follow(self, device: torch.device, join: Callable[[], Team]) -> None:
        """Train as a process that was started to share the rows. join: waits for the others."""
        trial = self.trial(device)
        self.training(trial, join()).run()

    def packed(self) -> bytes:
        """This as bytes for another process; raises UserError where a part cannot be sent."""
        problem = self.plan.problem
        parts = {**vars(self.plan), "problem": (type(problem), problem._constructor_arguments)}
        for name, part in parts.items():
            try:
                pickle.dumps(part)
            except (pickle.PicklingError, AttributeError, TypeError) as error:
                raise UserError(
                    f"several devices are several processes, and the {name} cannot be sent to them: {error}; build it "
                    "from classes and functions of a module, without lambdas (functools.partial(MLP, width=32))"
                ) from error
        page = replace(problem.page) if problem.page is not None and problem.page.is_installed else None
        return pickle.dumps(partial(_unpacked, page, pickle.dumps(parts), self.folder, self.clock.limit))


def _unpacked(page: Page | None, packed: bytes, folder: Path | None, limit: float | None) -> Blueprint:
    """page: modules that the parts are of, where they are no longer what is on the disk."""
    if page is not None:
        page.install()
    parts = pickle.loads(packed)
    make, arguments = parts["problem"]
    return Blueprint(Plan(**{**parts, "problem": make(**arguments)}), folder, Clock(limit))
