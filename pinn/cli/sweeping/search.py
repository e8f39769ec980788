"""A search over options by optuna's ask and tell."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep, Transformer
from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState

from pinn.basis.errors import UserError, require
from pinn.sweeps.pruning import WATCHED
from pinn.sweeps.search import reached, summarize_search

MEASURED_LIVE = ("error", "held_out")


@dataclass(frozen=True)
class Search:
    """Proposes trials, has a launcher run them, and learns from what they come to. Its settings: see OptunaSweeper."""

    trials: int
    at_once: int
    objectives: Sequence[str]
    seed: int
    sampler: Callable[..., Any]
    pruner: Any
    storage: str
    study: str

    def run(self, launcher: Launcher, fixed: list[str], space: dict[str, BaseDistribution]) -> None:
        """Ask and tell until there are all trials. fixed: the options that every trial has. space: see `parsed`."""
        study = self.loaded()
        for number, params in _unfinished(study):  # of a search that was interrupted
            require(_fits(params, space), f"trial {number} in {self.storage} is of another search: {params}")
            self._launch(study, launcher, fixed, {number: params})
        while len(study.trials) < self.trials:
            count = min(self.at_once, self.trials - len(study.trials))
            asked = [study.ask(space) for _ in range(count)]
            self._launch(study, launcher, fixed, {trial.number: trial.params for trial in asked})

    def loaded(self) -> optuna.Study:
        """The study, new or with the trials that it has; the sampler then does not propose its first points again."""
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        study = optuna.create_study(
            study_name=self.study,
            storage=self.storage,
            directions=["minimize"] * len(self.objectives),
            pruner=self.pruner or optuna.pruners.NopPruner(),
            load_if_exists=True,
        )
        study.sampler = self.sampler(seed=self.seed + len(study.trials))
        live = self.objectives[0] if len(self.objectives) == 1 and self.objectives[0] in MEASURED_LIVE else None
        study.set_user_attr(WATCHED, live)
        return study

    def summary(self, folder: Path) -> tuple[str, list[Path]]:
        """Write the summary in the sweep's folder: its text and the paths."""
        return summarize_search(folder, self.loaded(), self.objectives)

    def _launch(
        self, study: optuna.Study, launcher: Launcher, fixed: list[str], proposed: dict[int, dict[str, Any]]
    ) -> None:
        """Launch trials by number -> values, and tell the study what they came to."""
        jobs = [
            [*fixed, *(f"{key}={value}" for key, value in params.items()), f"hydra.sweeper.trial={number}"]
            for number, params in proposed.items()
        ]
        returned = launcher.launch(jobs, initial_job_idx=min(proposed))
        for number, job in zip(proposed, returned, strict=True):
            self._tell(study, number, job)

    def _tell(self, study: optuna.Study, number: int, job: JobReturn) -> None:
        row = job.return_value
        if row["status"] == "interrupted":
            raise KeyboardInterrupt
        if row["status"] != "done":
            study.tell(number, state=TrialState.PRUNED if row["status"] == "pruned" else TrialState.FAIL)
            return
        values = {name: reached(row, name) for name in self.objectives}
        missing = [name for name, value in values.items() if value is None]
        if missing:
            study.tell(number, state=TrialState.FAIL)
            raise UserError(
                f"trial {number} has no {missing[0]} to be compared by; try hydra.sweeper.objectives=[held_out]"
            )
        study.tell(number, [value for value in values.values() if value is not None])


def parsed(words: Sequence[str], config_loader: ConfigLoader) -> tuple[list[str], dict[str, BaseDistribution]]:
    """The options that every trial has, and key -> distribution of those that are searched.

    Raises UserError where none is searched, or a range is empty.
    """
    overrides = OverridesParser.create(config_loader=config_loader).parse_overrides(list(words))
    space = {over.get_key_element(): distribution(over) for over in overrides if over.is_sweep_override()}
    require(
        bool(space),
        "a search needs keys with several values; try network.width=16,32 or 'problem.nu=tag(log,interval(1e-3,1))'",
    )
    fixed = [over for over in overrides if over.get_key_element() not in space]
    return [f"{over.get_key_element()}={over.get_value_element_as_str()}" for over in fixed], space


def _fits(params: Mapping[str, Any], space: Mapping[str, BaseDistribution]) -> bool:
    """Whether these are values of the keys that are searched: they become words of a command."""
    try:
        return params.keys() == space.keys() and all(
            space[key]._contains(space[key].to_internal_repr(value)) for key, value in params.items()
        )
    except (TypeError, ValueError):
        return False


def _unfinished(study: optuna.Study) -> list[tuple[int, dict[str, Any]]]:
    return [(trial.number, trial.params) for trial in study.get_trials(states=[TrialState.RUNNING])]


def distribution(override: Override) -> BaseDistribution:
    """Of `a,b` the two, of `range(0,10)` its whole numbers, of `interval(0.1,1)` all between; `tag(log,...)`: in log.

    Raises UserError where the range is empty.
    """
    swept = override.value()
    logarithmic = "log" in getattr(swept, "tags", ())
    try:
        if isinstance(swept, IntervalSweep):
            low, high = swept.start, swept.end
            assert low is not None
            assert high is not None
            if isinstance(low, int) and isinstance(high, int):
                return IntDistribution(low, high, log=logarithmic)
            return FloatDistribution(low, high, log=logarithmic)
        if isinstance(swept, RangeSweep) and not swept.shuffle:
            values = list(swept.range())
            if all(isinstance(value, int) for value in values):
                step = 1 if logarithmic else abs(int(swept.step))
                return IntDistribution(min(values), max(values), step=step, log=logarithmic)
        return CategoricalDistribution([str(text) for text in override.sweep_iterator(transformer=Transformer.encode)])
    except ValueError as error:
        raise UserError(f"cannot search {override.input_line}: {error}") from error
