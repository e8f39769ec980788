"""The sweepers: every combination of the given values, or a search."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from pinn.basis.errors import require
from pinn.cli.sweeping.ending import SAVED, concluded, same_sweep
from pinn.sweeps.ensemble import write_ensembles
from pinn.sweeps.records import records_below
from pinn.sweeps.summary import summarize

OBJECTIVES = ("error", "estimated_error", "held_out", "residual", "seconds", "steps")


class GridSweeper(BasicSweeper):
    """Every combination of the values given, as Hydra's own sweeper; a summary at the end, whatever happened.

    max_batch_size: combinations composed at a time, None for all. params: key -> values, beside those on the command
    line. ensemble: also the mean and the spread of the fields of runs that differ in nothing but their seed.
    """

    def __init__(
        self, max_batch_size: int | None = None, params: dict[str, str] | None = None, ensemble: bool = False
    ) -> None:
        super().__init__(max_batch_size, params)
        self.ensemble = ensemble

    def sweep(self, arguments: list[str]) -> Any:
        assert isinstance(self.config, DictConfig)
        assert self.launcher is not None
        folder = Path(self.config.hydra.sweep.dir)
        same_sweep(self.config, folder)
        with concluded(folder, self.launcher.task_function, self._summary, self.config.strict):  # type: ignore[attr-defined]
            return super().sweep(arguments)

    def _summary(self, folder: Path) -> tuple[str, list[Path]]:
        text, files = summarize(folder)
        waiting = sum(len(batch) for batch in self.overrides or ()) - len(records_below(folder))
        if waiting > 0:
            text = f"{waiting} more not started\n{text}"
        return text, files + (write_ensembles(folder) if self.ensemble else [])


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
        require(bool(objectives), f"hydra.sweeper.objectives must be some of {', '.join(OBJECTIVES)}, got none")
        self.settings: dict[str, Any] = {"trials": trials, "at_once": at_once, "objectives": list(objectives)}
        self.settings |= {"seed": seed, "sampler": sampler, "pruner": pruner, "storage": storage, "study": study}
        self.params = params or {}

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.config, self.hydra_context, self.task = config, hydra_context, task_function
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> None:
        from pinn.cli.sweeping.problem import numbers_asked  # which needs torch
        from pinn.cli.sweeping.search import Search, parsed  # which need optuna

        assert isinstance(self.config, DictConfig)
        assert self.hydra_context is not None
        assert self.launcher is not None
        folder = Path(self.config.hydra.sweep.dir)
        same_sweep(self.config, folder)
        words = [f"{key}={value}" for key, value in self.params.items()] + arguments
        loader = self.hydra_context.config_loader
        fixed, space = parsed(words, loader)
        objectives = [name.removeprefix("-") for name in self.settings["objectives"]]
        if not set(objectives) <= set(OBJECTIVES):  # the problem's own
            known = [*OBJECTIVES, *numbers_asked(loader.load_sweep_config(self.config, fixed))]
            told = f"hydra.sweeper.objectives must be some of {', '.join(known)}, got {objectives}"
            require(set(objectives) <= set(known), told)
        search = Search(**self.settings)
        with concluded(folder, self.task, search.summary, self.config.strict):
            OmegaConf.save(self.config, folder / SAVED)
            search.run(self.launcher, fixed, space)


def register_sweepers() -> None:
    """Make the sweepers known by their names in conf/: Hydra takes plugins only from the namespace `hydra_plugins`."""
    for sweeper in (GridSweeper, OptunaSweeper):
        Plugins.instance().class_name_to_class[f"hydra_plugins.pinn.{sweeper.__name__}"] = sweeper
