"""Damaged files: every command that reads one ends soon, small, with an answer or one line.

`PINN_TORTURE_FILES=1000 python -m pytest -m slow -s tests/torture/test_files.py` damages so many; PINN_TORTURE_SEED
says how.
"""

import collections
import os
import random
import shutil
import sys
from pathlib import Path

import pytest
from torture.commands import BYTES, OF_FILE, SECONDS, forked

from pinn.basis.seals import FILE_NAME as SEALS

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="each command is a fork of this process")

FILES = int(os.environ.get("PINN_TORTURE_FILES", "60"))
SEED = int(os.environ.get("PINN_TORTURE_SEED", "0")) or random.SystemRandom().randrange(1, 10**6)


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
            ended = forked(command, case)
            slowest, largest = max(slowest, ended[2]), max(largest, ended[3])
            outcomes[f"exit {ended[0]}"] += 1
            wrong += complaints(f"{command} of {path}", *ended)
        if not wrong or str(case) not in wrong[-1]:
            shutil.rmtree(case)
    told = ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items()))
    sys.stdout.write(
        f"{name}: {count} damaged, {sum(outcomes.values())} commands: {told}; "
        f"slowest {slowest:.1f} s, largest {largest / 2**20:.0f} MiB\n"
    )
    return wrong


def complaints(what: str, status: int, told: str, seconds: float, size: int) -> list[str]:
    """What is wrong with a command's end on a damaged file."""
    lines = [line for line in told.splitlines() if line.startswith("error: ")]
    clear = status != 2 or (len(lines) == 1 and len(lines[0]) < 2000)
    if status in (0, 2) and clear and seconds <= SECONDS and size <= BYTES:
        return []
    return [f"{what}: {status}, {seconds:.1f} s, {size / 2**20:.0f} MiB: {told[-600:]}"]


def cut(folder: Path, honest: Path, name: str, share: float) -> list[str]:
    """Cut a file to a share of its bytes, of this user's and of a stranger's, and run a command on it."""
    wrong = []
    for number, command in enumerate((OF_FILE[name][0], OF_FILE[name][-1])):
        case = folder / str(number)
        shutil.copytree(honest, case)
        path = case / "run" / name
        os.truncate(path, int(share * path.stat().st_size))
        if number:
            (case / "run" / SEALS).unlink()
        wrong += complaints(f"{command} of {path}, cut to {share:.0%}", *forked(command, case))
    return wrong


@pytest.mark.parametrize("name", OF_FILE)
def test_a_few_damaged_files(honest, tmp_path, name):
    assert torture(honest, tmp_path, name, 2, random.Random(1), 2) == []


@pytest.mark.slow  # a second or so a file
@pytest.mark.parametrize("name", OF_FILE)
def test_many_damaged_files(honest, tmp_path, name):
    sys.stdout.write(f"\nseed {SEED}\n")
    wrong = torture(honest, tmp_path, name, FILES, random.Random(f"{SEED} {name}"), 4)
    assert wrong == [], f"with seed {SEED}: {len(wrong)} commands\n" + "\n".join(wrong)
