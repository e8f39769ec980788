"""A job of a sweep, as the launcher calls it: skipped where finished, else run in a process of its own."""

import logging
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from pinn.basis.pages import Page
from pinn.cli.composition import TRACKER
from pinn.cli.mistakes import explain
from pinn.cli.strict import KEY
from pinn.cli.sweeping.task import Task
from pinn.distributed.rendezvous import launched_rank, take_scheduled_rank
from pinn.solving.tried import can_resume
from pinn.sweeps.isolation import run_isolated
from pinn.sweeps.records import JobRecord, Status, config_hash, read_record
from pinn.sweeps.sharing import threads_of_job
from pinn.sweeps.summary import job_row
from pinn.sweeps.words import by_key

logger = logging.getLogger("pinn")

Perform = Callable[[Task, JobRecord], None]

PRELOADED = ("pinn.solving.run", "pinn.cli.sweeping.child")  # torch with them, once for all jobs


def sweep_job(
    words: Sequence[str], pages: Sequence[Page], config: DictConfig, folder: Path, perform: Perform
) -> dict[str, Any]:
    """Run the job that `config` describes in `folder` by `perform`, in a process of its own; return what came of it.

    It is skipped where the folder holds its finished result, by the configuration's hash; one that was interrupted or
    killed goes on from its checkpoint. Returns its record's status and its row of the sweep's table; never raises but
    for Ctrl-C, so that one job does not stop the others. Where a scheduler has started several processes for the job,
    they share its rows, and all but the first return nothing.
    """
    take_scheduled_rank()
    leads = launched_rank() == 0
    hydra = HydraConfig.get()
    number, overrides = int(hydra.job.num), by_key(hydra.overrides.task)
    logger.setLevel(logging.INFO)

    def told(record: JobRecord, when: str = "") -> dict[str, Any]:
        return _told(record, folder, number, when) if leads else {}

    try:
        text, digest = _resolved(config)
    except Exception as error:
        message, status = explain(error)
        record = JobRecord("", overrides, Status.FAILED, message, status == 2)
        if leads:
            record.save(folder)
        return told(record)
    before = read_record(folder)
    ours = before is not None and before.config_hash == digest
    if before is not None and ours and before.finished:
        return told(before, "before")
    resume = before is not None and ours and can_resume(folder) and not before.mistake
    threads = threads_of_job(hydra.launcher.get("n_jobs", 1), hydra.launcher.get("cpus_per_task"))
    task = Task(tuple(words), tuple(pages), folder, text, number, threads, resume, _trial(hydra))
    record = JobRecord(digest, overrides)
    if leads:
        record.save(folder)
    code = run_isolated(perform, task, record, preloaded=PRELOADED + (() if task.trial is None else ("optuna",)))
    return told(_ended(folder, record, code) if leads else record)


def _resolved(config: DictConfig) -> tuple[str, str]:
    """The configuration as YAML, nothing left to be filled in, and its hash."""
    container = OmegaConf.to_container(config, resolve=True, throw_on_missing=True, enum_to_str=True)
    settings = cast("dict[str, Any]", container)
    del settings[KEY]  # a job that is finished is so whether or not its answer is asked for
    text = OmegaConf.to_yaml(OmegaConf.create(settings))
    del settings[TRACKER]  # and whoever watches it
    return text, config_hash(settings)


def _trial(hydra: Any) -> dict[str, Any] | None:
    """The address of the trial that a search has made this job for, and what prunes it."""
    sweeper = cast("dict[str, Any]", OmegaConf.to_container(hydra.sweeper, resolve=True))
    if sweeper.get("trial") is None:
        return None
    return {name: sweeper[name] for name in ("storage", "study", "pruner")} | {"number": sweeper["trial"]}


def _ended(folder: Path, record: JobRecord, code: int) -> JobRecord:
    """The record that the process left; where it left none, that of a job that was killed."""
    left = read_record(folder)
    if left is not None and left.status is not Status.RUNNING and code == 0:
        return left
    cause = f"killed by {signal.Signals(-code).name}" if code < 0 else f"its process ended with status {code}"
    record.status, record.error = Status.FAILED, f"{cause}; out of memory?"
    record.save(folder)
    return record


def _told(record: JobRecord, folder: Path, number: int, when: str = "") -> dict[str, Any]:
    """A line for the log, and the job's row for the sweeper."""
    row = job_row(folder, record)
    said = {
        "verdict": "{}",
        "error": "error {:.1e}",
        "estimated_error": "estimated error {:.1e}",
        "residual": "residual {:.1e}",
        "seconds": "{:.1f} s",
    }
    parts = [form.format(row[name]) for name, form in said.items() if row[name] is not None]
    if record.status is Status.FAILED:
        parts = [str(record.error)]
    logger.info("#%d %s %s", number, " ".join(filter(None, (record.status.value, when))) + ":", ", ".join(parts))
    return row
