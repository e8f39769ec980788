"""Commands on a run's folder, each in a process of its own that is measured."""

import os
import resource
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

import pinn
from pinn.cli import main

SECONDS, BYTES = 10, 2**29
WAIT = 60  # seconds of the clock
SMALL = [
    "problem=heat",
    "optimizer=least_damping",
    "network.width=4",
    "network.depth=1",
    "sampler.interior=60",
    "training.held_out=50",
    "training.steps=5",
    "training.time_limit=null",
    "output.figures=false",
    "output.estimate=false",
    "output.resolution=9",
    "compile=never",
]
COMMANDS = {
    "show": ["show", "run"],
    "verdict": ["verdict", "run"],
    "json": ["verdict", "--json", "run"],
    "table": ["table", "."],
    "report": ["report", "run"],
    "page of several": ["report", "."],
    "plot": ["plot", "run"],
    "csv": ["export", "run", "--to", "csv"],
    "vtu": ["export", "run", "--to", "vtu"],
    "compare": ["compare", "run", "run"],
    "guess": [*SMALL, "training.steps=1", "initial_guess=run", "hydra.run.dir=other"],
    "resume": ["resume", "run", "training.steps=6"],
}
OF_FILE = {  # which commands read what
    "solution.h5": ["load", *(name for name in COMMANDS if name != "resume")],
    "checkpoint.h5": ["resume"],
    "metrics.jsonl": ["resume"],
    ".hydra/config.yaml": ["resume"],
    ".hydra/overrides.yaml": ["show", "report", "page of several"],
    "status.json": ["table", "page of several", "resume"],
}


def load():
    solution = pinn.load("run")
    solution(x=0.5, t=0.25)
    solution.errors()
    return 0


def forked(command: str, folder: Path, first: Callable[[], object] = lambda: None) -> tuple[int, str, float, int]:
    """Exit status (of a signal: negative), what was said on stderr, seconds and bytes of a command in a folder.

    first: what is done in that folder by the command's process before it. Seconds are the processor's, whatever else
    the machine does; what waits for ever is killed. Bytes are what the command took beside what a fork begins with:
    all that the tests before it have left in this process.
    """
    told, started = folder / "stderr", time.perf_counter()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss).encode())
        os.close(reading)
        os.close(writing)
        _perform(command, folder, told, first)
    os.close(writing)
    with open(reading, "rb") as pipe:
        begun = int(pipe.read())
    deadline = started + WAIT
    while True:
        ended, status, used = os.wait4(child, os.WNOHANG)
        if ended:
            break
        if time.perf_counter() > deadline:
            os.kill(child, signal.SIGKILL)
            deadline += WAIT
        time.sleep(0.005)
    text = told.read_text(encoding="utf-8", errors="replace") if told.exists() else ""
    return os.waitstatus_to_exitcode(status), text, used.ru_utime + used.ru_stime, (used.ru_maxrss - begun) * 1024


def _perform(command: str, folder: Path, told: Path, first: Callable[[], object]) -> None:
    """In the child: as the command line would, and no further."""
    code = 1
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        warnings.simplefilter("default")
        os.chdir(folder)
        out = os.open(told.with_name("stdout"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        error = os.open(told, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(out, 1)
        os.dup2(error, 2)
        sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
        first()
        try:
            code = load() if command == "load" else main(COMMANDS[command])
        except pinn.UserError as mistake:  # of `load`, which is no command
            sys.stderr.write(f"error: {mistake}\n")
            code = 2
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)


def make_honest(folder: Path) -> Path:
    """A folder with a finished run in `run`."""
    folder.mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main([*SMALL, "hydra.run.dir=run"]) == 0
    (folder / "run" / "figures").mkdir()
    (folder / "run" / "figures" / "solution.png").write_bytes(b"")  # so that a page does not draw it
    (folder / "run" / "status.json").write_text(
        '{"config_hash": "0", "overrides": {"seed": "1"}, "status": "interrupted", "process": 1, "host": "there"}'
    )
    return folder
