"""Damaged and hostile files: every command that reads one ends soon, small, with an answer or one line.

`PINN_TORTURE_FILES=1000 python -m pytest -m slow -s tests/torture/test_files.py` damages so many; PINN_TORTURE_SEED
says how.
"""

import base64
import collections
import json
import os
import random
import resource
import shutil
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import yaml

import pinn
from pinn.basis.seals import FILE_NAME as SEALS
from pinn.cli import main

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="each command is a fork of this process")

FILES = int(os.environ.get("PINN_TORTURE_FILES", "60"))
SEED = int(os.environ.get("PINN_TORTURE_SEED", "0")) or random.SystemRandom().randrange(1, 10**6)

SECONDS, BYTES = 10, 2**30
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
    the machine does; what waits for ever is killed.
    """
    told, started = folder / "stderr", time.perf_counter()
    child = os.fork()
    if child == 0:
        _perform(command, folder, told, first)
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
    return os.waitstatus_to_exitcode(status), text, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024


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


# Hostile files


SECRET = b"what only the user may read. " * 40


def _changed(path: Path, change: Callable[[h5py.File], None]) -> None:
    with h5py.File(path, "r+") as file:
        change(file)


def _configured(run: Path, **parts: Any) -> None:
    def change(file: h5py.File) -> None:
        file["config"][()] = yaml.safe_dump(yaml.safe_load(file["config"].asstr()[()]) | parts)

    _changed(run / "solution.h5", change)


def _told(run: Path, **parts: Any) -> None:
    path = run / ".hydra" / "config.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | parts))


def _replaced(name: str, make: Callable[[h5py.File, Path], None], file_name: str = "solution.h5") -> Any:
    def attack(run: Path, outside: Path) -> None:
        def change(file: h5py.File) -> None:
            shape, kind = file[name].shape, file[name].dtype
            attributes = dict(file[name].attrs)
            del file[name]
            make(file, name, shape, kind, outside)  # type: ignore[call-arg]
            if name in file and isinstance(file.get(name, getlink=True), h5py.HardLink):
                file[name].attrs.update({k: v for k, v in attributes.items() if k in ("metric", "kind", "key")})

        _changed(run / file_name, change)

    return attack


def _external(file, name, shape, kind, outside):
    file.create_dataset(name, shape, kind, external=[(str(outside / "secret"), 0, int(np.prod(shape)) * kind.itemsize)])


def _virtual(file, name, shape, kind, outside):
    layout = h5py.VirtualLayout(shape, kind)
    layout[...] = h5py.VirtualSource(str(outside / "secret.h5"), "u", shape)
    file.create_virtual_dataset(name, layout)


def _linked(file, name, shape, kind, outside):
    file[name] = h5py.ExternalLink(str(outside / "secret.h5"), "u")


def _huge(file, name, shape, kind, outside):
    file.create_dataset(name, (10**9, *shape[1:]), "f8", chunks=(10**5, *shape[1:]))


def _pipe(name: str) -> Any:
    def attack(run: Path, outside: Path) -> None:
        (run / name).unlink(missing_ok=True)
        os.mkfifo(run / name)

    return attack


def _link(name: str, to: str) -> Any:
    def attack(run: Path, outside: Path) -> None:
        path = run / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        path.symlink_to(outside / to)

    return attack


def _hard_link(name: str) -> Any:
    def attack(run: Path, outside: Path) -> None:
        (run / name).unlink()
        os.link(outside / "secret", run / name)

    return attack


def _text(name: str, text: str) -> Any:
    return lambda run, outside: (run / name).write_text(text)


def _in_file(place: str, named: Any) -> Any:
    return lambda run, outside: _configured(run, **{place: _filled(named, outside)})


def _in_config(place: str, named: Any) -> Any:
    return lambda run, outside: _told(run, **{place: _filled(named, outside)})


def _filled(named: Any, outside: Path) -> Any:
    return json.loads(json.dumps(named).replace("OUTSIDE", str(outside)))


PRUNING = {"_target_": "pinn.sweeps.pruning.Pruning", "storage": "sqlite:///OUTSIDE/made", "study": "a", "number": 0}
COPY = {"_target_": "shutil.copy", "src": "OUTSIDE/secret", "dst": "OUTSIDE/copied"}
BOMB = "a0: &a0 [x, x]\n" + "".join(f"a{k}: &a{k} [{', '.join(9 * [f'*a{k - 1}'])}]\n" for k in range(1, 12))
MLP = {"_target_": "pinn.networks.MLP", "_partial_": True}

ATTACKS = {  # what is done to a run's folder, and the commands that refuse it; others may do without what is hostile
    "a study": (_in_file("problem", PRUNING), ["load", "compare"]),
    "a study for a network": (_in_file("network", PRUNING), ["load"]),
    "a path to open": (_in_file("problem", {"_target_": "pinn.domains.STL", "path": "OUTSIDE/secret"}), ["load"]),
    "a path of a problem": (
        _in_file("problem", {"_target_": "pinn.problems.HeatSink", "stl": "OUTSIDE/secret"}),
        ["load"],
    ),
    "a function": (_in_file("problem", COPY), ["load"]),
    "a million layers": (_in_file("network", MLP | {"depth": 10**6}), ["load"]),
    "wide layers": (_in_file("network", MLP | {"width": 20000}), ["load"]),
    "aliases": (lambda run, outside: _configured_text(run, BOMB), ["load", "show"]),
    "data elsewhere": (_replaced("u", _external), ["load", "csv", "show", "table"]),
    "metrics elsewhere": (_replaced("training/loss", _external), ["show", "table"]),
    "data of another file": (_replaced("u", _virtual), ["load", "csv"]),
    "a link to another file": (_replaced("error/u", _linked), ["load", "csv", "show"]),
    "a group of another file": (_replaced("VTKHDF/PointData/u", _linked), []),
    "a thousand million numbers": (_replaced("training/loss", _huge), ["load", "show", "table"]),
    "a checkpoint elsewhere": (_replaced("tree/0", _external, "checkpoint.h5"), ["resume"]),
    "a huge checkpoint": (_replaced("tree/0", _huge, "checkpoint.h5"), ["resume"]),
    "a pipe for a solution": (_pipe("solution.h5"), ["load", "show", "table", "report"]),
    "a pipe for a checkpoint": (_pipe("checkpoint.h5"), ["resume"]),
    "a pipe for metrics": (_pipe("metrics.jsonl"), ["resume"]),
    "a pipe for a configuration": (_pipe(".hydra/config.yaml"), ["resume"]),
    "a pipe for words": (_pipe(".hydra/overrides.yaml"), []),
    "a pipe for a status": (_pipe("status.json"), []),
    "a pipe for seals": (_pipe(SEALS), []),
    "words that grow": (_text(".hydra/overrides.yaml", BOMB), []),
    "a configuration that grows": (_text(".hydra/config.yaml", BOMB), ["resume"]),
    "a function to resume": (_in_config("network", COPY), ["resume"]),
    "a function inside": (_in_config("optimizer", {"_target_": "pinn.training.Stages", "stages": [COPY]}), ["resume"]),
    "a path to resume": (
        _in_config("problem", {"_target_": "pinn.problems.HeatSink", "stl": "OUTSIDE/secret"}),
        ["resume"],
    ),
    "a number of base sixty": (_text(".hydra/config.yaml", "seed: 1" + 10**6 * ":1"), ["resume"]),
    "words of base sixty": (_text(".hydra/overrides.yaml", "- 1" + 10**6 * ":1"), []),
    "a hard link": (_hard_link("metrics.jsonl"), ["resume"]),
    "a command": (_text("command.json", '["-m", "problem=page.py"]'), ["resume"]),
    "metrics that are a link": (_link("metrics.jsonl", "secret"), ["resume"]),
    "a checkpoint that is a link": (_link("checkpoint.h5", "secret.h5"), ["resume"]),
    "figures that are a link": (_link("figures", "."), ["report", "plot", "resume"]),
    "a picture that is a link": (_link("figures/solution.png", "secret"), ["resume"]),
    "a page that is a link": (_link("report.html", "secret"), ["resume"]),
    "words that are a link": (_link(".hydra/overrides.yaml", "secret"), ["resume"]),
    "a link to all": (_link("more", "."), ["resume"]),
}


def _configured_text(run: Path, text: str) -> None:
    def change(file: h5py.File) -> None:
        file["config"][()] = text

    _changed(run / "solution.h5", change)


def _below(folder: Path) -> dict[Path, bytes]:
    """All files below a folder, links as what they say."""
    paths = [path for path in folder.rglob("*") if path.is_symlink() or path.is_file()]
    return {path: os.readlink(path).encode() if path.is_symlink() else path.read_bytes() for path in paths}


def attacked(honest: Path, folder: Path, name: str, commands: Sequence[str]) -> None:
    """A hostile folder and each of the commands: none touches, runs, opens or copies what lies outside."""
    attack, refusing = ATTACKS[name]
    for command in commands:
        case, outside = folder / f"case {command}", folder / f"outside {command}"
        shutil.copytree(honest, case)
        outside.mkdir()
        (outside / "secret").write_bytes(SECRET)
        (case / "page.py").write_text(f"open({str(outside / 'ran')!r}, 'w')")
        with h5py.File(outside / "secret.h5", "w") as file:
            file["u"] = np.frombuffer(SECRET[:648], np.float64).reshape(9, 9)
        (case / "run" / SEALS).unlink()
        attack(case / "run", outside)
        before, hostile = _below(outside), set(_below(case))
        status, told, seconds, size = forked(command, case)
        allowed = (2,) if command in refusing else (0, 2)
        assert status in allowed and seconds < SECONDS and size < BYTES, (
            f"{command} of {name}: {status}, {seconds:.1f} s, {size / 2**20:.0f} MiB: {told[-600:]}"
        )
        assert _below(outside) == before, f"{command} of {name} has touched what lies outside"
        said = {path: text for path, text in _below(case).items() if path not in hostile or path.name == "report.html"}
        for path, text in said.items():
            for leaked in (SECRET[:30], base64.b64encode(SECRET[:30]), repr(np.frombuffer(SECRET[:8])[0]).encode()):
                assert leaked not in text, f"{command} of {name} has copied a secret to {path}"


@pytest.mark.parametrize("name", list(ATTACKS)[::4])  # the rest is slow; each kind has a test of its own elsewhere
def test_a_hostile_folder_does_nothing(honest, tmp_path, name):
    attacked(honest, tmp_path, name, ATTACKS[name][1][:1] or ["show"])


@pytest.mark.slow  # as many commands as there are, a second or so each
@pytest.mark.parametrize("name", ATTACKS)
def test_a_hostile_folder_does_nothing_by_any_command(honest, tmp_path, name):
    attacked(honest, tmp_path, name, ["load", *COMMANDS])
