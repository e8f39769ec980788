"""Options of the launchers of sweeps."""

from dataclasses import dataclass
from typing import Any


@dataclass
class Joblib:
    _target_: str
    n_jobs: int
    backend: str | None
    prefer: str
    require: str | None
    verbose: int
    timeout: float | None
    pre_dispatch: str
    batch_size: str
    temp_folder: str | None
    max_nbytes: str | None
    mmap_mode: str


@dataclass
class Submitit:
    """Of the local launcher, and what Slurm's shares with it."""

    _target_: str
    submitit_folder: str
    timeout_min: int
    cpus_per_task: int | None
    gpus_per_node: int | None
    tasks_per_node: int
    mem_gb: int | None
    nodes: int
    name: str
    stderr_to_stdout: bool


@dataclass
class Slurm(Submitit):
    partition: str | None
    qos: str | None
    comment: str | None
    constraint: str | None
    exclude: str | None
    gres: str | None
    cpus_per_gpu: int | None
    gpus_per_task: int | None
    mem_per_gpu: str | None
    mem_per_cpu: str | None
    account: str | None
    signal_delay_s: int
    max_num_timeout: int
    additional_parameters: dict[str, Any]
    array_parallelism: int
    setup: list[str] | None


SCHEMAS: dict[str, type] = {
    "launcher/joblib": Joblib,
    "launcher/slurm": Slurm,
    "launcher/submitit": Submitit,
}
