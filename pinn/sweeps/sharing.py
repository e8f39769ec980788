"""How jobs that run at once share a machine: threads and devices."""

import os

import torch


def cores() -> int:
    """The processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def threads_of_job(at_once: int, given: int | None = None) -> int:
    """Threads of each of the jobs that run at once (-1: as many as there are cores): jobs x threads = cores.

    given: where the launcher reserves cores for a job, that number.
    """
    if given is not None:
        return given
    at_once = cores() if at_once == -1 else at_once
    return max(1, cores() // max(1, at_once))


def device_of_job(name: str, number: int) -> str:
    """`auto` with several GPUs is cuda:N, shared out by the job's number; other names are as they are."""
    count = torch.cuda.device_count() if name == "auto" else 0
    return f"cuda:{number % count}" if count > 1 else name
