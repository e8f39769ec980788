"""A search over options by optuna's ask and tell."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from pinn.basis.errors import UserError, require
from pinn.cli.sweeping.ending import SAVED, concluded, same_sweep

if TYPE_CHECKING:
    from hydra.core.utils import JobReturn
    from hydra.plugins.launcher import Launcher
    from optuna import Study

OBJECTIVES = ("error", "held_out", "seconds", "steps")
MEASURED_LIVE = ("error", "held_out")


class OptunaSweeper(Sweeper):
    """Proposes values of the keys with a range, runs them by the launcher, and learns from what they come to.

    The published sweeper needs optuna < 3; this one needs nothing but ask and tell. trials, at_once, objectives, seed,
    storage, study, params: see conf/hydra/sweeper/optuna.yaml. sampler: seed -> an optuna sampler. pruner: optuna's, or
    None. trial: given to jobs only.
    """

    def __init__(
        self,
        trials: int,
        at_once: int,
        objectives: Sequence[str],
        *,
        seed: int,
        sampler: Callable[..., Any],
        pruner: Any,
        storage: str,
        study: str,
        params: dict[str, str] | None = None,
        trial: int | None = None,
    ) -> None:
        require(trials >= 1, f"hydra.sweeper.trials must be >= 1, got {trials}")
        require(at_once >= 1, f"hydra.sweeper.at_once must be >= 1, got {at_once}")
        known = bool(objectives) and set(objectives) <= set(OBJECTIVES)
        require(known, f"hydra.sweeper.objectives must be some of {', '.join(OBJECTIVES)}, got {list(objectives)}")
        self.trials, self.at_once, self.objectives, self.seed = trials, at_once, list(objectives), seed
        self.sampler, self.pruner, self.storage, self.study_name = sampler, pruner, storage, study
        self.params = params or {}

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        from hydra.core.plugins import Plugins

        self.config, self.hydra_context, self.task = config, hydra_context, task_function
        self.launcher: Launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> None:
        assert isinstance(self.config, DictConfig)
        folder = Path(self.config.hydra.sweep.dir)
        same_sweep(self.config, folder)
        fixed, space = self._parsed(arguments)
        with concluded(folder, self.task, self._search_summary):
            OmegaConf.save(self.config, folder / SAVED)
            study = self._study()
            for number, params in _unfinished(study):  # of a search that was interrupted
                self._run(study, fixed, {number: params})
            while len(study.trials) < self.trials:
                count = min(self.at_once, self.trials - len(study.trials))
                asked = [study.ask(space) for _ in range(count)]
                self._run(study, fixed, {trial.number: trial.params for trial in asked})

    def _parsed(self, arguments: Sequence[str]) -> tuple[list[str], dict[str, Any]]:
        """The options that every trial has, and key -> distribution of those that are searched."""
        from pinn.cli.sweeping.space import distribution

        words = [f"{key}={value}" for key, value in self.params.items()] + list(arguments)
        assert self.hydra_context is not None
        parser = OverridesParser.create(config_loader=self.hydra_context.config_loader)
        overrides = parser.parse_overrides(words)
        space = {over.get_key_element(): distribution(over) for over in overrides if over.is_sweep_override()}
        require(
            bool(space),
            "a search needs keys with several values; try network.width=16,32 or "
            "'optimizer.damping=tag(log,interval(1e-6,1))'",
        )
        fixed = [over for over in overrides if over.get_key_element() not in space]
        return [f"{over.get_key_element()}={over.get_value_element_as_str()}" for over in fixed], space

    def _study(self) -> "Study":
        """The study, new or with the trials that it has; the sampler then does not propose its first points again."""
        import optuna

        from pinn.sweeps.pruning import WATCHED

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        study = optuna.create_study(
            study_name=self.study_name,
            storage=self.storage,
            directions=["minimize"] * len(self.objectives),
            pruner=self.pruner or optuna.pruners.NopPruner(),
            load_if_exists=True,
        )
        study.sampler = self.sampler(seed=self.seed + len(study.trials))
        live = self.objectives[0] if len(self.objectives) == 1 and self.objectives[0] in MEASURED_LIVE else None
        study.set_user_attr(WATCHED, live)
        return study

    def _run(self, study: "Study", fixed: list[str], proposed: dict[int, dict[str, Any]]) -> None:
        """Launch trials by number -> values, and tell the study what they came to."""
        jobs = [
            [*fixed, *(f"{key}={value}" for key, value in params.items()), f"hydra.sweeper.trial={number}"]
            for number, params in proposed.items()
        ]
        returned = self.launcher.launch(jobs, initial_job_idx=min(proposed))
        for number, job in zip(proposed, returned, strict=True):
            self._tell(study, number, job)

    def _tell(self, study: "Study", number: int, job: "JobReturn") -> None:
        from optuna.trial import TrialState

        row = job.return_value
        if row["status"] == "interrupted":
            raise KeyboardInterrupt
        if row["status"] != "done":
            study.tell(number, state=TrialState.PRUNED if row["status"] == "pruned" else TrialState.FAIL)
            return
        values = {name: row[name] for name in self.objectives}
        missing = [name for name, value in values.items() if value is None]
        if missing:
            study.tell(number, state=TrialState.FAIL)
            raise UserError(
                f"trial {number} has no {missing[0]} to be compared by; try hydra.sweeper.objectives=[held_out]"
            )
        study.tell(number, list(values.values()))

    def _search_summary(self, folder: Path) -> tuple[str, list[Path]]:
        from pinn.sweeps.search import summarize_search

        return summarize_search(folder, self._study(), self.objectives)


def _unfinished(study: "Study") -> list[tuple[int, dict[str, Any]]]:
    from optuna.trial import TrialState

    return [(trial.number, trial.params) for trial in study.get_trials(states=[TrialState.RUNNING])]
