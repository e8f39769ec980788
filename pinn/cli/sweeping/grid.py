"""The sweeper: every combination of the given values."""

from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from omegaconf import DictConfig

from pinn.cli.sweeping.ending import concluded, same_sweep


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
        with concluded(folder, self.launcher.task_function, self._summary):  # type: ignore[attr-defined]
            return super().sweep(arguments)

    def _summary(self, folder: Path) -> tuple[str, list[Path]]:
        from pinn.sweeps.ensemble import write_ensembles
        from pinn.sweeps.records import records_below
        from pinn.sweeps.summary import summarize

        text, files = summarize(folder)
        waiting = sum(len(batch) for batch in self.overrides or ()) - len(records_below(folder))
        if waiting > 0:
            text = f"{waiting} more not started\n{text}"
        return text, files + (write_ensembles(folder) if self.ensemble else [])
