"""The command in a process of its own, which gets a signal at the k-th call of some function."""

import json
import multiprocessing
import os
import resource
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path

FULL = 0  # in place of a signal
PRELOADED = ("pinn.cli.launch", "pinn.cli.resume", "pinn.report.drawing", "pinn.report.page", "torture.victim")
OUTPUT, CALLS = "output.txt", "calls.json"  # what the command has said; the sites' calls, of a run that is only counted

# What a whole command goes through, by the functions that it calls there.
SITES = {
    "start": "pinn.solving.run.writable",
    "folder": "pinn.basis.disk._locked",
    "problem": "pinn.problem.Problem.check_complete",
    "pre-flight": "pinn.solving.run.preflight",
    "method": "pinn.solving.choosing.Choice._trained",
    "initial guess": "pinn.training.plan.set_initial_guess",
    "points": "pinn.training.trainer.Trainer._draw",
    "step": "pinn.training.trainer.Trainer._tell",
    "held-out": "pinn.training.trainer.Trainer._measure",
    "stage": "pinn.training.run.Position.next_stage",
    "window": "pinn.training.marching.TimeMarching._begin",
    "metrics": "pinn.training.callbacks.history.MetricsFile._write",
    "metrics cut": "pinn.training.callbacks.history.MetricsFile.on_return",
    "checkpoint": "pinn.training.callbacks.checkpoints.Checkpoints.save",
    "checkpoint's tree": "pinn.training.checkpoint._write",
    "bytes": "pinn.solution_file.new.Disk.write",
    "sync": "pinn.basis.disk.sync",
    "rename": "os.replace",
    "best": "pinn.training.trainer.Trainer._keep_best",
    "examination": "pinn.solving.run._examined",
    "kept": "pinn.solving.choosing._keep",
    "forgotten": "pinn.solving.run.forget",
    "solution": "pinn.solution.solution.Solution.save",
    "nodes": "pinn.solution.tabulation.Tabulation._array",
    "figure": "pinn.report.style.image",
    "report": "pinn.solving.writing.write_report",
    "closing": "pinn.solving.run.closing_table",
}


@dataclass(frozen=True)
class Blow:
    """A signal, sent so many times at the k-th call of a function; or FULL, a disk that is full from then on."""

    site: str
    call: int
    number: int
    times: int = 1


def run(folder: Path, words: Sequence[str], blow: Blow | None = None) -> int:
    """The command's exit status, -9 after SIGKILL; without a blow the calls are counted, to a file in the folder."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(PRELOADED))
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(str(folder), list(words), blow, theirs))
    process.start()
    theirs.close()
    with open(folder / OUTPUT, "ab") as output:
        while said := os.read(ours.fileno(), 2**16):
            output.write(said)
    process.join()
    return process.exitcode


def calls(folder: Path) -> dict[str, int]:
    """How often each site was called in the last run there that was not hit."""
    return json.loads((folder / CALLS).read_text())


def _run(folder: str, words: list[str], blow: Blow | None, output: Connection) -> None:
    os.chdir(folder)
    os.environ.pop("HYDRA_FULL_ERROR", None)  # which the server of forks keeps where a sweep has started it
    for stream in (1, 2):
        os.dup2(output.fileno(), stream)
    from pinn.cli import main

    counted: Counter[str] = Counter()
    for site, path in SITES.items():
        _watch(site, path, counted, blow)
    status = main(words)
    if blow is None:
        Path(CALLS).write_text(json.dumps(counted))
    sys.stdout.flush()
    os._exit(status)


def _watch(site: str, path: str, counted: Counter[str], blow: Blow | None) -> None:
    """Count the calls of a function, and strike at one."""
    owner, name = _owner(path)
    original: Callable = getattr(owner, name)

    def watched(*arguments, **named):
        counted[site] += 1
        if blow is not None and (blow.site, blow.call) == (site, counted[site]):
            for _ in range(blow.times):
                _strike(blow.number)
        return original(*arguments, **named)

    setattr(owner, name, watched)


def _strike(number: int) -> None:
    """Send this process a signal; FULL: no file of it can grow beyond a byte from now on."""
    if number == FULL:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    else:
        os.kill(os.getpid(), number)


def _owner(path: str) -> tuple[object, str]:
    """The module or class that has a function, and its name there."""
    parts = path.split(".")
    for split in range(len(parts) - 1, 0, -1):
        try:
            owner: object = import_module(".".join(parts[:split]))
        except ImportError:
            continue
        for part in parts[split:-1]:
            owner = getattr(owner, part)
        return owner, parts[-1]
    raise ImportError(path)
