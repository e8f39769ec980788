"""Damaged and hostile files: every command that reads one ends soon, small, with an answer or one line.

`PINN_TORTURE_FILES=1000 python -m pytest -m slow -s tests/torture/test_files.py` damages so many; PINN_TORTURE_SEED
says how.
"""

import collections
import os
import random
import resource
import shutil
import signal
import sys
import time
import traceback
import warnings
from pathlib import Path

import pytest

import pinn
from pinn.basis.seals import FILE_NAME as SEALS
from pinn.cli import main

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="each command is a fork of this process")

FILES = int(os.environ.get("PINN_TORTURE_FILES", "60"))
SEED = int(os.environ.get("PINN_TORTURE_SEED", "0")) or random.SystemRandom().randrange(1, 10**6)

SECONDS, BYTES = 10, 2**30
SMALL = [
    "problem=heat",
    "optimizer=trust_region",
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


def forked(command: str, folder: Path) -> tuple[int, str, float, int]:
    """Exit status (of a signal: negative), what was said on stderr, seconds and bytes of a command in a folder."""
    told, started = folder / "stderr", time.perf_counter()
    child = os.fork()
    if child == 0:
        _perform(command, folder, told)
    deadline = started + 2 * SECONDS
    while True:
        ended, status, used = os.wait4(child, os.WNOHANG)
        if ended:
            break
        if time.perf_counter() > deadline:
            os.kill(child, signal.SIGKILL)
            deadline += 60
        time.sleep(0.005)
    text = told.read_text(encoding="utf-8", errors="replace") if told.exists() else ""
    return os.waitstatus_to_exitcode(status), text, time.perf_counter() - started, used.ru_maxrss * 1024


def _perform(command: str, folder: Path, told: Path) -> None:
    """In the child: as the command line would, and no further."""
    code = 1
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        warnings.simplefilter("default")
        os.chdir(folder)
        out = os.open(os.devnull, os.O_WRONLY)
        error = os.open(told, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(out, 1)
        os.dup2(error, 2)
        sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
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


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    """A finished run in `run`."""
    folder = tmp_path_factory.mktemp("honest")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main([*SMALL, "hydra.run.dir=run"]) == 0
    (folder / "run" / "figures").mkdir()
    (folder / "run" / "figures" / "solution.png").write_bytes(b"")  # so that a page does not draw it
    (folder / "run" / "status.json").write_text(
        '{"config_hash": "0", "overrides": {"seed": "1"}, "status": "interrupted", "process": 1, "host": "there"}'
    )
    return folder


def damaged(content: bytes, choice: random.Random) -> bytes:
    """Bits flipped, anywhere or near the file's head where its structure is; a part of zeros; or cut short."""
    how, changed = choice.random(), bytearray(content)
    if how < 0.15:
        return content[: choice.randrange(len(content))]
    if how < 0.25:
        start = choice.randrange(len(content))
        changed[start : start + 512] = bytes(len(changed[start : start + 512]))
        return bytes(changed)
    reach = len(content) if how < 0.6 else min(len(content), 16384)
    for _ in range(choice.choice((1, 1, 4, 16, 64))):
        changed[choice.randrange(reach)] ^= 1 << choice.randrange(8)
    return bytes(changed)


def torture(honest: Path, folder: Path, name: str, count: int, choice: random.Random, commands: int) -> list[str]:
    """Damage a file so many times and run some commands on each; returns what went wrong, and prints a table."""
    wrong, outcomes = [], collections.Counter[str]()
    slowest, largest = 0.0, 0
    for number in range(count):
        case = folder / f"{name.rpartition('/')[2]}_{number}"
        shutil.copytree(honest, case)
        path = case / "run" / name
        path.write_bytes(damaged(path.read_bytes(), choice))
        if choice.random() < 0.7:  # else one's own, damaged on the disk
            (case / "run" / SEALS).unlink()
        for command in choice.sample(OF_FILE[name], min(commands, len(OF_FILE[name]))):
            status, told, seconds, size = forked(command, case)
            slowest, largest = max(slowest, seconds), max(largest, size)
            outcomes[f"exit {status}"] += 1
            lines = [line for line in told.splitlines() if line.startswith("error: ")]
            clear = status != 2 or (len(lines) == 1 and len(lines[0]) < 2000)
            if status not in (0, 2) or not clear or seconds > SECONDS or size > BYTES:
                wrong.append(f"{command} of {path}: {status}, {seconds:.1f} s, {size / 2**20:.0f} MiB: {told[-600:]}")
        if not wrong or str(case) not in wrong[-1]:
            shutil.rmtree(case)
    told = ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items()))
    sys.stdout.write(
        f"{name}: {count} damaged, {sum(outcomes.values())} commands: {told}; "
        f"slowest {slowest:.1f} s, largest {largest / 2**20:.0f} MiB\n"
    )
    return wrong


@pytest.mark.parametrize("name", OF_FILE)
def test_a_few_damaged_files(honest, tmp_path, name):
    assert torture(honest, tmp_path, name, 3, random.Random(1), 2) == []


@pytest.mark.slow  # a second or so a file
@pytest.mark.parametrize("name", OF_FILE)
def test_many_damaged_files(honest, tmp_path, name):
    sys.stdout.write(f"\nseed {SEED}\n")
    wrong = torture(honest, tmp_path, name, FILES, random.Random(f"{SEED} {name}"), 4)
    assert wrong == [], f"with seed {SEED}: {len(wrong)} commands\n" + "\n".join(wrong)
