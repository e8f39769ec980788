"""Pruning: a run of a search that others have left behind at the same step ends early."""

import optuna

from pinn.basis.logs import logger
from pinn.solution_file.measured import Measure
from pinn.training.run import Callback, Run, StepRecord

WATCHED = "watched"  # the study's attribute that names the measure by which runs are compared while they go on


class Pruning(Callback):
    """Tells the study each measurement of a trial as it comes, and ends the run where the study's pruner says so.

    storage, study, number: the trial's address. pruner: which trials are to end, None for none. pruned: whether it came
    to that; the run then ends after its step, as by Ctrl-C, and keeps its files.
    """

    def __init__(self, storage: str, study: str, number: int, pruner: optuna.pruners.BasePruner | None = None) -> None:
        loaded = optuna.load_study(study_name=study, storage=storage, pruner=pruner or optuna.pruners.NopPruner())
        self.trial = optuna.trial.Trial(loaded, loaded.get_trials(deepcopy=False)[number]._trial_id)
        self.watched = loaded.user_attrs.get(WATCHED)
        self.pruned = False
        self.run: Run | None = None

    def on_start(self, run: Run) -> None:
        self.run = run

    def on_step(self, record: StepRecord) -> None:
        value = measured(record, self.watched)
        if value is None or self.pruned:
            return
        assert self.run is not None
        self.trial.report(value, record["step"])
        if self.trial.should_prune():
            logger.info("pruned at step %d: %s %.2e is behind other trials", record["step"], self.watched, value)
            self.pruned = self.run.interruption.requested = True


def measured(record: StepRecord, name: str | None) -> float | None:
    """The value of `error` (the worst field's) or of another entry in a step's record; None where it has none."""
    if name == "error":
        return max(Measure.ERROR.within(record).values(), default=None)
    return None if name is None else record.get(name)
