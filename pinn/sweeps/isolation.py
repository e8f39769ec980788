"""A job in a process of its own: what kills it does not kill the sweep, and nothing of it stays behind."""

import contextlib
import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import ModuleType
from typing import Any

from pinn.basis.disk import is_alive

LOOK = 0.5  # seconds between two looks whether the sweep's process is there
_watches = False  # whether this process does so


def run_isolated(function: Callable[..., None], *arguments: Any, preloaded: Sequence[str] = ()) -> int:
    """Call a module-level function in a new process and wait for it; returns the exit code, -9 where SIGKILL ended it.

    preloaded: modules to be imported before, once for all jobs, which then start at once. A Ctrl-C here, or any other
    exception, asks the process to end (SIGTERM) and waits for it; a third one kills it.
    """
    context = _context(preloaded)
    process = context.Process(target=_child, args=(os.getcwd(), function, *arguments))
    with _plain_start(context.get_start_method()):
        process.start()
    try:
        process.join()
    except BaseException:
        _end(process)
        raise
    return process.exitcode or 0


def end_with(sweep: int, host: str) -> None:
    """Have a launcher's worker on this machine end soon after the sweep's process: it would go on with its jobs.

    Its own job's process is told by its end. What a scheduler runs is its own.
    """
    global _watches
    if _watches or os.getpid() == sweep or host != socket.gethostname() or "submitit" in sys.modules:
        return
    _watches, parent = True, os.getppid()

    def watch() -> None:
        while is_alive(sweep) and os.getppid() == parent:  # a killed one may wait to be reaped
            time.sleep(LOOK)
        os._exit(1)

    if not is_alive(sweep):
        os._exit(1)
    threading.Thread(target=watch, daemon=True).start()


def redirect_output(path: Path) -> None:
    """Append what this process writes to its standard output and error, from C code too, to a file."""
    with open(path, "ab") as file:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        for descriptor in (1, 2):
            os.dup2(file.fileno(), descriptor)


def _context(preloaded: Sequence[str]) -> Any:
    """A server that has imported torch, has started no thread and forks for each job; elsewhere a fresh Python."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(preloaded))
    return context


@contextlib.contextmanager
def _plain_start(method: str) -> Iterator[None]:
    """What a new process would take over from this one, and does not need.

    The script that was called, which would be imported and may train at once; and the way in which this process was
    started, which joblib may have added and the new one would not know.
    """
    ours, script = multiprocessing.get_start_method(allow_none=True), sys.modules["__main__"]
    multiprocessing.set_start_method(method, force=True)
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = script
        multiprocessing.set_start_method(ours, force=True)


def _child(folder: str, function: Callable[..., None], *arguments: Any) -> None:
    """In the new process: out of the terminal's reach, so that a Ctrl-C comes once; and it ends with its parent."""
    os.setpgid(0, 0)
    os.chdir(folder)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    function(*arguments)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)


def _end(process: BaseProcess) -> None:
    for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGKILL):
        if process.pid is None or not process.is_alive():
            return
        os.kill(process.pid, number)
        try:
            process.join()
            return
        except KeyboardInterrupt:
            continue
