"""Whether a run's elementwise functions are compiled."""

import math
import shutil
import sys

from pinn.basis.errors import UserError, require
from pinn.basis.logs import logger

COMPILATION = ("auto", "always", "never", "graphs")
WORTHWHILE = 180.0  # seconds of a run that repay the compiler's 5 to 10 (1 to 3 where its cache on disk knows them)


def should_compile(choice: str, time_limit: float | None) -> bool:
    """Whether torch.compile makes the elementwise functions of the hidden layers.

    choice: `auto` compiles where a compiler is installed and the run may take three minutes or more; `always`; `never`;
        `graphs`, which is about how kernels are started and compiles nothing.
    time_limit: of the run in seconds, None for no limit.
    Raises UserError for another choice, and for `always` where there is no compiler.
    """
    require(choice in COMPILATION, f"compile must be one of {', '.join(COMPILATION)}, got {choice!r}")
    if choice in ("never", "graphs"):
        return False
    compiler = _compiler()
    if choice == "always":
        if compiler is None:
            raise UserError("compile=always needs a C++ compiler (g++ or clang++) on the PATH; try compile=auto")
        return True
    worthwhile = compiler is not None and (math.inf if time_limit is None else time_limit) >= WORTHWHILE
    if worthwhile:
        logger.info("compiling the elementwise functions with %s: some seconds at the first steps", compiler)
    return worthwhile


def _compiler() -> str | None:
    """A C++ compiler that torch.compile can call; on Windows its own search would be needed, so none."""
    if sys.platform == "win32":
        return None
    return next((name for name in ("g++", "clang++", "c++") if shutil.which(name)), None)
