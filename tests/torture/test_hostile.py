"""Hostile folders: no command on one touches, runs, opens or copies what lies outside."""

import base64
import json
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import yaml
from torture.commands import BYTES, COMMANDS, SECONDS, forked

from pinn.basis.seals import FILE_NAME as SEALS

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="each command is a fork of this process")

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
