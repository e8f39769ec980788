"""Where a run takes place: device, precision, log and folder."""

import logging
import sys
from pathlib import Path

import torch

from pinn.errors import UserError, require
from pinn.logs import logger

DTYPES = {"float64": torch.float64, "float32": torch.float32}


def choose_device(name: str) -> torch.device:
    """The device of that name; `auto` is CUDA where there is one. Raises UserError where it does not exist."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise UserError(f"device must be auto, cpu, cuda or cuda:N, got {name!r}") from None
    missing = device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count()
    count = torch.cuda.device_count()
    require(not missing, f"device {name!r} does not exist: torch sees {count} CUDA devices; try device=cpu")
    return device


def choose_dtype(name: str) -> torch.dtype:
    """float64 or float32 by name; raises UserError for others."""
    require(name in DTYPES, f"dtype must be {' or '.join(DTYPES)}, got {name!r}")
    return DTYPES[name]


def show_log() -> None:
    """Outside an application that has set up logging, such as in a notebook, show the log on standard error."""
    if not logger.hasHandlers():
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(message)s"))
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)


def writable(folder: Path | str | None) -> Path | None:
    """The output folder, made and tried before training; raises UserError where it cannot be written."""
    if folder is None:
        return None
    folder = Path(folder)
    trial_file = folder / ".writable"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        trial_file.touch()
        trial_file.unlink()
    except OSError as error:
        raise UserError(
            f"cannot write to the folder {folder}: {error.strerror or error}; choose another (hydra.run.dir=...)"
        ) from None
    return folder
