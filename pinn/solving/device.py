"""Where a run takes place: device, precision, log and folder."""

import logging
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from pinn.basis.errors import UserError, require
from pinn.basis.logs import logger

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


def choose_devices(devices: int | Sequence[int], name: str) -> list[torch.device]:
    """The device of each process of a run: `devices` of them, or the GPUs of those numbers.

    Raises UserError where there are not as many, or `name` says otherwise.
    """
    if isinstance(devices, int) and not isinstance(devices, bool):
        require(devices >= 1, f"devices must be >= 1 or a list of GPUs, got {devices}")
        if devices == 1:
            return [choose_device(name)]
        device = choose_device(name)
        if device.type != "cuda":
            return [device] * devices
        require(device.index is None, f"device {name!r} is one GPU, devices={devices} are several; set device=cuda")
        return _gpus(range(devices), f"devices={devices}")
    numbers = list(devices) if isinstance(devices, Sequence) and not isinstance(devices, str) else []
    whole = all(isinstance(k, int) and k >= 0 for k in numbers) and len(set(numbers)) == len(numbers) > 0
    require(whole, f"devices must be a number of processes or a list of different GPUs such as [0,1], got {devices!r}")
    require(name in ("auto", "cuda"), f"devices={numbers} are GPUs, device is {name!r}; set device=cuda or devices=N")
    return _gpus(numbers, f"devices={numbers}")


def _gpus(numbers: Sequence[int], wish: str) -> list[torch.device]:
    count = torch.cuda.device_count()
    there = all(number < count for number in numbers)
    require(there, f"{wish}: torch sees {count} CUDA devices; take fewer, or device=cpu devices=N for processor cores")
    return [torch.device("cuda", number) for number in numbers]


def choose_dtype(name: str) -> torch.dtype:
    """float64 or float32 by name; raises UserError for others."""
    require(name in DTYPES, f"dtype must be {' or '.join(DTYPES)}, got {name!r}")
    return DTYPES[name]


def show_log(leads: bool) -> None:
    """Outside an application that has set up logging, such as in a notebook, show the log on standard error.

    leads: whether this process speaks for all that share a run; the others are silent.
    """
    if not leads:
        logger.setLevel(logging.CRITICAL)
    elif not logger.hasHandlers():
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
