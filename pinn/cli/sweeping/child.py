"""A job of a sweep inside its own process."""

import logging
import shutil
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import h5py
import torch
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from pinn.basis.disk import replacing
from pinn.basis.errors import UserError
from pinn.cli.composition import register, solve_configured
from pinn.cli.mistakes import FULL, explain
from pinn.cli.sweeping.task import Task
from pinn.distributed.rendezvous import is_launched, launched_device, launched_rank, launched_team, left
from pinn.solving.device import choose_device
from pinn.sweeps.isolation import redirect_output
from pinn.sweeps.records import JobRecord, Status
from pinn.sweeps.sharing import device_of_job
from pinn.training.run import Callback

if TYPE_CHECKING:
    from pinn.sweeps.pruning import Pruning

LOG = "pinn.log"
FORMAT = "%(asctime)s %(levelname)s %(message)s"


def perform(task: Task, record: JobRecord) -> None:
    """Solve, and write to the job's folder what it comes to; the log and all output go to its pinn.log.

    Where the job is several processes, the first speaks for all.
    """
    redirect_output(task.folder / LOG)
    handler = logging.StreamHandler()
    rank = launched_rank()
    handler.setFormatter(logging.Formatter(f"rank {rank}: {FORMAT}" if rank else FORMAT))
    logging.getLogger().addHandler(handler)
    logging.getLogger("pinn").setLevel(logging.INFO)
    started = time.perf_counter()
    try:
        record.status = _solve(task)
    except KeyboardInterrupt:
        record.status = Status.INTERRUPTED
    except BaseException as error:
        message, status = explain(error)
        record.status, record.mistake = Status.FAILED, status == 2
        record.error = message.removesuffix(f"; {FULL}")  # the record and the log have it
        record.traceback = "".join(traceback.format_exception(error))
        logging.getLogger().error("%s", message if record.mistake else record.traceback)
    record.seconds = time.perf_counter() - started
    if rank == 0:
        record.save(task.folder)
    left()


def _solve(task: Task) -> Status:
    torch.set_num_threads(min(task.threads, torch.get_num_threads()))
    for page in task.pages:
        page.install()
    register(list(task.words))
    config = OmegaConf.create(task.configuration)
    assert isinstance(config, DictConfig)
    if config.devices == 1 and not is_launched():  # else a run takes several, or says which
        config.device = device_of_job(config.device, task.number)
    resume = _agreed(task.resume, config.device)
    pruning = _pruning(task)
    callbacks: list[Callback] = [pruning] if pruning is not None else []
    try:
        solve_configured(config, task.folder, resume, callbacks)
    except KeyboardInterrupt:
        if pruning is None or not pruning.pruned:
            raise
        _mark_pruned(task.folder / "solution.h5")
        return Status.PRUNED
    except UserError as error:
        if not resume or is_launched():  # as one of several: the others may have read the checkpoint
            raise
        logging.getLogger("pinn").info("cannot go on from the checkpoint: %s; starts again", error)
        solve_configured(config, task.folder, callbacks=callbacks)
    return Status.DONE


def _agreed(resume: bool, device: str) -> bool:
    """What the first of a job's processes says: the others may have looked at its folder later."""
    if not is_launched():
        return resume
    team = launched_team(launched_device(choose_device(device)))
    return bool(team.firsts(torch.tensor([float(resume)], device=team.device)))


def _pruning(task: Task) -> "Pruning | None":
    if task.trial is None:
        return None
    from pinn.sweeps.pruning import Pruning  # which needs optuna

    return Pruning(**instantiate(task.trial))


def _mark_pruned(path: Path) -> None:
    """The file as the run left it, with the status that it has in the search."""
    with replacing(path) as temporary:
        shutil.copyfile(path, temporary)
        _set_pruned(temporary)


def _set_pruned(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file.attrs["status"] = Status.PRUNED.value
        file.attrs["outcome"] = "pruned by the search: others were better at the same step"
