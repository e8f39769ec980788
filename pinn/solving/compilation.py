"""Whether a run's elementwise functions are compiled, or its kernels recorded."""

import math
import shutil
import sys

import torch

from pinn.basis.errors import UserError, require
from pinn.basis.logs import logger

COMPILATION = ("auto", "always", "never", "graphs")
WORTHWHILE = 180.0  # seconds of a run that repay the compiler's 5 to 10 (1 to 3 where its cache on disk knows them)


def choose_compilation(choice: str, time_limit: float | None, device: torch.device) -> tuple[bool, bool]:
    """Whether torch.compile makes the elementwise functions of the hidden layers, and whether kernels are recorded.

    choice: `auto` records on a GPU; elsewhere it compiles where a compiler is installed and the run may take three
        minutes or more. `always` compiles, `graphs` records, `never` does neither.
    time_limit: of the run in seconds, None for no limit.
    Raises UserError for another choice, for `always` where there is no compiler, and for `graphs` without a GPU.
    """
    require(choice in COMPILATION, f"compile must be one of {', '.join(COMPILATION)}, got {choice!r}")
    on_gpu = device.type == "cuda"
    if choice == "graphs":
        require(on_gpu, f"compile=graphs is for GPUs, and the device is {device}; try compile=auto")
    if choice == "never" or choice == "graphs" or (choice == "auto" and on_gpu):
        return False, choice != "never"
    compiler = _compiler()
    if choice == "always":
        if compiler is None:
            raise UserError("compile=always needs a C++ compiler (g++ or clang++) on the PATH; try compile=auto")
        return True, False
    worthwhile = compiler is not None and (math.inf if time_limit is None else time_limit) >= WORTHWHILE
    if worthwhile:
        logger.info("compiling the elementwise functions with %s: some seconds at the first steps", compiler)
    return worthwhile, False


def _compiler() -> str | None:
    """A C++ compiler that torch.compile can call; on Windows its own search would be needed, so none."""
    if sys.platform == "win32":
        return None
    return next((name for name in ("g++", "clang++", "c++") if shutil.which(name)), None)
