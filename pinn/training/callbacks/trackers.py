"""Programs that show the record of a run while it goes on, each as a callback."""

import time
from abc import abstractmethod
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

from pinn.basis.errors import UserError
from pinn.basis.logs import logger
from pinn.training.run import Callback, Outcome, Run, StepRecord

Numbers = dict[str, float]  # of a step, by name


class Tracker(Callback):
    """Hands the numbers of each step, those of a line of metrics.jsonl, to another program.

    There it is a run of the folder's name, one for each method that is tried. What fails there is told once and ends
    the tracking, never the run. folder: of the run. configuration: as it was resolved.

    Raises UserError where the program is not installed.
    """

    needs: ClassVar[str]  # under which it is installed
    module: ClassVar[str]  # of it, that is used here

    def __init__(self, folder: Path, configuration: Mapping[str, Any]) -> None:
        self.folder = folder.resolve()
        self.configuration = configuration
        self.is_tracking = False
        try:
            self.program = import_module(self.module)
        except ImportError as error:
            told = f"{type(self).__name__} needs {self.needs}: pip install {self.needs} ({error})"
            raise UserError(told) from error

    @property
    def name(self) -> str:
        """Of the run: its folder and the one above, `burgers/2026-11-23_10-00-00`."""
        return "/".join(self.folder.parts[-2:])

    def on_start(self, run: Run) -> None:
        self.is_tracking = True
        self._try(partial(self._open, run.at.step))

    def on_step(self, record: StepRecord) -> None:
        numbers = {name: float(value) for name, value in record.items() if isinstance(value, (int, float))}
        self._try(partial(self._log, record["step"], numbers))

    def on_end(self, outcome: Outcome) -> None:
        self._try(self._close)
        self.is_tracking = False

    def _try(self, act: Callable[[], None]) -> None:
        if not self.is_tracking:
            return
        try:
            act()
        except Exception as error:  # a network, a server, a full disk
            self.is_tracking = False
            logger.warning("%s fails, the run goes on without it: %s", type(self).__name__, error)

    @abstractmethod
    def _open(self, step: int) -> None:
        """Begin a run, which stands at a step."""

    @abstractmethod
    def _log(self, step: int, numbers: Numbers) -> None:
        """Hand over the numbers of a step."""

    @abstractmethod
    def _close(self) -> None:
        """End it."""


class TensorBoard(Tracker):
    """Event files in the run's folder: `tensorboard --logdir runs`. subfolder: where they are written."""

    needs, module = "tensorboard", "torch.utils.tensorboard"

    def __init__(self, folder: Path, configuration: Mapping[str, Any], *, subfolder: str = "tensorboard") -> None:
        super().__init__(folder, configuration)
        self.place = self.folder / subfolder

    def _open(self, step: int) -> None:
        self.writer = self.program.SummaryWriter(str(self.place), purge_step=step + 1)

    def on_return(self, step: int) -> None:
        self._try(self._close)
        self._try(partial(self._open, step))

    def _log(self, step: int, numbers: Numbers) -> None:
        for name, value in numbers.items():
            self.writer.add_scalar(name, value, step)

    def _close(self) -> None:
        self.writer.close()


class MLflow(Tracker):
    """MLflow: `mlflow ui`. experiment: the name under which runs are collected. uri: of a server or folder, None for
    MLflow's own default."""

    needs = module = "mlflow"

    def __init__(
        self,
        folder: Path,
        configuration: Mapping[str, Any],
        *,
        experiment: str = "pinn",
        uri: str | None = None,
    ) -> None:
        super().__init__(folder, configuration)
        self.experiment = experiment
        self.uri = uri

    def _open(self, step: int) -> None:
        self.client = self.program.MlflowClient(tracking_uri=self.uri)
        known = self.client.get_experiment_by_name(self.experiment)
        number = known.experiment_id if known else self.client.create_experiment(self.experiment)
        self.run_id = self.client.create_run(number, run_name=self.name).info.run_id
        self.client.log_dict(self.run_id, dict(self.configuration), "config.json")

    def _log(self, step: int, numbers: Numbers) -> None:
        metric, now = self.program.entities.Metric, int(1000 * time.time())
        self.client.log_batch(self.run_id, [metric(name, value, now, step) for name, value in numbers.items()])

    def _close(self) -> None:
        self.client.set_terminated(self.run_id)


class WeightsAndBiases(Tracker):
    """Weights & Biases. project: the name under which runs are collected. entity: user or team, None for one's own.
    mode: `online`, `offline` or `disabled`."""

    needs = module = "wandb"

    def __init__(
        self,
        folder: Path,
        configuration: Mapping[str, Any],
        *,
        project: str = "pinn",
        entity: str | None = None,
        mode: str = "online",
    ) -> None:
        super().__init__(folder, configuration)
        self.settings = {"project": project, "entity": entity, "mode": mode}

    def _open(self, step: int) -> None:
        self.run = self.program.init(
            **self.settings, name=self.name, dir=str(self.folder), config=dict(self.configuration)
        )
        self.run.define_metric("*", step_metric="step")  # its own steps may not go back, those of windows do

    def _log(self, step: int, numbers: Numbers) -> None:
        self.run.log(numbers | {"step": step})

    def _close(self) -> None:
        self.run.finish()


class Trackio(Tracker):
    """Trackio: `trackio show`. project: the name under which runs are collected. space_id: of a space of Hugging Face,
    None for this machine."""

    needs = module = "trackio"

    def __init__(
        self,
        folder: Path,
        configuration: Mapping[str, Any],
        *,
        project: str = "pinn",
        space_id: str | None = None,
    ) -> None:
        super().__init__(folder, configuration)
        self.settings = {"project": project, "space_id": space_id}

    def _open(self, step: int) -> None:
        self.program.init(**self.settings, name=self.name, config=dict(self.configuration))

    def _log(self, step: int, numbers: Numbers) -> None:
        self.program.log({name: value for name, value in numbers.items() if name != "step"}, step=step)  # its own

    def _close(self) -> None:
        self.program.finish()
