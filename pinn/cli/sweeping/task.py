"""What a job of a sweep is told."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pinn.basis.pages import Page


@dataclass(frozen=True)
class Task:
    """What the process of a job is told.

    words: the command's, which say where a problem of the user's own is. pages: of these problems. configuration:
    resolved, as YAML. number: of the job. threads: at most. resume: from the folder's checkpoint. trial: of the search
    that the job belongs to: the arguments of its Pruning.
    """

    words: tuple[str, ...]
    pages: tuple[Page, ...]
    folder: Path
    configuration: str
    number: int
    threads: int
    resume: bool = False
    trial: dict[str, Any] | None = None
